package org.diffusionsoup.core.safetensors;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.FileStamp;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.core.torch.FileKind;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file, opened for reading: its header is checked at once, its data is mapped into
 * memory when first asked for. Files may be larger than 2 GiB. Safe for use by several threads;
 * {@link #close} must come after the last use of a segment handed out.
 *
 * <p>Format: 8 bytes little-endian header length, a JSON header, then the tensors' bytes without
 * gaps (the safetensors format of Hugging Face).
 */
public final class SafetensorsFile implements TensorSource {
    private final Path path;
    private final FileChannel channel;
    private final FileStamp stamp;
    private final SafetensorsHeader header;
    private final Arena arena = Arena.ofShared();
    private volatile MemorySegment mapped = MemorySegment.NULL;

    private SafetensorsFile(
            Path path, FileChannel channel, FileStamp stamp, SafetensorsHeader header) {
        this.path = path;
        this.channel = channel;
        this.stamp = stamp;
        this.header = header;
    }

    /**
     * Opens a file and checks its whole header.
     *
     * @throws MalformedCheckpointException if the file breaks the format
     * @throws SoupIoException if it cannot be read
     */
    public static SafetensorsFile open(Path path) {
        FileChannel channel = null;
        try {
            if (Files.isDirectory(path)) {
                throw new SoupException(
                        path + " is a folder, not a .safetensors file; name a file inside it.");
            }
            if (FileKind.of(path) == FileKind.TORCH) {
                throw new SoupException(
                        path + " is a PyTorch file, where only a .safetensors file is read.");
            }
            // Before the first read: a change during the reading of the header is noticed too.
            FileStamp stamp = FileStamp.of(path);
            channel = FileChannel.open(path, StandardOpenOption.READ);
            SafetensorsHeader header = SafetensorsHeader.read(path, channel, stamp.size());
            SafetensorsFile file = new SafetensorsFile(path, channel, stamp, header);
            channel = null;
            return file;
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        } finally {
            closeQuietly(channel);
        }
    }

    /** The file's path as given to {@link #open}. */
    @Override
    public Path path() {
        return path;
    }

    /** The header's {@code __metadata__}, empty if it has none; unmodifiable. */
    @Override
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /** All tensors in the order of their data in the file; unmodifiable. */
    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return Collections.unmodifiableSequencedMap(header.tensors());
    }

    @Override
    public List<Path> files() {
        return List.of(path);
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        TensorInfo info = tensor(tensor);
        if (from < 0 || from > info.byteSize() - into.byteSize()) {
            throw new SoupException(
                    "Tensor '%s' of %s has no bytes %d to %d."
                            .formatted(tensor, path, from, from + into.byteSize()));
        }
        read(info.offset() + from, into.asByteBuffer());
    }

    /**
     * A tensor's bytes: read-only, little-endian, mapped from the file, not necessarily aligned to
     * the element size (use the {@code _UNALIGNED} layouts). Valid until {@link #close}.
     *
     * @throws SoupException if the file has no tensor of that name
     */
    public MemorySegment data(String name) {
        TensorInfo info = tensor(name);
        return map().asSlice(info.offset(), info.byteSize());
    }

    /**
     * A floating-point tensor's values as floats, row major; F64 is rounded to nearest, all others
     * are exact.
     *
     * @throws SoupException if there is no such tensor, or its dtype is not floating-point, or it
     *     has more elements than an array holds
     */
    public float[] floats(String name) {
        TensorInfo info = tensor(name);
        return FloatCodec.decode(info, data(name), path);
    }

    @Override
    public void checkUnchanged() {
        stamp.check(path);
    }

    /** Reads the whole of {@code into} from the absolute file position; any thread may call. */
    public void read(long position, ByteBuffer into) {
        try {
            while (into.hasRemaining()) {
                int n = channel.read(into, position);
                if (n < 0) {
                    throw new SoupException(path + " became shorter while it was being read.");
                }
                position += n;
            }
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    private MemorySegment map() {
        MemorySegment m = mapped;
        if (m.equals(MemorySegment.NULL)) {
            synchronized (this) {
                m = mapped;
                if (m.equals(MemorySegment.NULL)) {
                    try {
                        m = channel.map(MapMode.READ_ONLY, 0, stamp.size(), arena);
                    } catch (IOException e) {
                        throw new SoupIoException("map", path, e);
                    }
                    mapped = m;
                }
            }
        }
        return m;
    }

    /** Unmaps the file; segments handed out become invalid. Closing twice is harmless. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
        closeQuietly(channel);
    }

    private static void closeQuietly(@Nullable FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                // Nothing was written through this channel: a failed close loses nothing.
            }
        }
    }
}
