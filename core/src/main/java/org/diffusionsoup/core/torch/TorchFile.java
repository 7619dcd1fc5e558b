package org.diffusionsoup.core.torch;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.UnsafePickleException;
import org.diffusionsoup.core.io.FileStamp;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.core.torch.TorchStateDict.Placed;

/**
 * A PyTorch file as {@code torch.save} writes it since version 1.6 ({@code .ckpt}, {@code .pt},
 * {@code .pth}, {@code .bin}): a zip archive of a pickle and the bytes of its storages. The pickle
 * is read by {@link Unpickler}, which can build tensors and nothing else. Tensors are read where
 * they lie; views that are not contiguous are gathered from the mapped file while they are read.
 */
public final class TorchFile implements TensorSource {
    private static final String PICKLE = "data.pkl";

    private final Path path;
    private final FileChannel channel;
    private final FileStamp stamp;
    private final List<String> notes;
    private final SequencedMap<String, Placed> placed;
    private final SequencedMap<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final Arena arena = Arena.ofShared();
    private final Map<String, MemorySegment> mapped = new ConcurrentHashMap<>();

    private TorchFile(
            Path path,
            FileChannel channel,
            FileStamp stamp,
            SequencedMap<String, Placed> placed,
            List<String> notes) {
        this.notes = notes;
        this.path = path;
        this.channel = channel;
        this.stamp = stamp;
        this.placed = placed;
        placed.forEach((name, p) -> tensors.put(name, p.info()));
    }

    /**
     * Opens a file: its directory and pickle are read and checked, its tensors are not.
     *
     * @throws UnsafePickleException if its pickle asks for anything but tensors
     * @throws MalformedCheckpointException if it breaks its format
     * @throws SoupException if it holds no state dict of tensors
     * @throws SoupIoException if it cannot be read
     */
    public static TorchFile open(Path path) {
        boolean complete = false;
        FileChannel channel = null;
        try {
            FileStamp stamp = FileStamp.of(path);
            channel = FileChannel.open(path, StandardOpenOption.READ);
            Map<String, TorchZip.Entry> entries = TorchZip.read(path, channel, stamp.size());
            String root = root(path, entries);
            TorchZip.Entry order = entries.get(root + "byteorder");
            if (order != null) {
                checkByteOrder(
                        path, new String(bytes(path, channel, order, 16), StandardCharsets.UTF_8));
            }
            TorchZip.Entry pickle = Objects.requireNonNull(entries.get(root + PICKLE));
            Set<String> leftOut = new TreeSet<>();
            PickleValue top =
                    Unpickler.read(
                            path, bytes(path, channel, pickle, Unpickler.MAX_BYTES), leftOut);
            SequencedMap<String, Placed> placed =
                    new TorchStateDict(path, entries, root).tensors(top, stamp.size(), leftOut);
            TorchFile made = new TorchFile(path, channel, stamp, placed, note(path, leftOut));
            complete = true;
            return made;
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        } finally {
            if (!complete && channel != null) {
                closeQuietly(channel);
            }
        }
    }

    private static List<String> note(Path path, Set<String> leftOut) {
        return leftOut.isEmpty()
                ? List.of()
                : List.of(
                        path
                                + " holds more than its state dict, left out without running it: "
                                + String.join(", ", leftOut)
                                + ".");
    }

    @Override
    public List<String> notes() {
        return notes;
    }

    /** All entries lie in one folder; it is the one that holds {@code data.pkl}. */
    private static String root(Path path, Map<String, TorchZip.Entry> entries) {
        List<String> found =
                entries.keySet().stream()
                        .filter(n -> n.endsWith("/" + PICKLE))
                        .filter(n -> n.length() > PICKLE.length() + 1)
                        .filter(n -> n.indexOf('/') == n.length() - PICKLE.length() - 1)
                        .sorted()
                        .toList();
        if (found.isEmpty() && entries.keySet().stream().anyMatch(n -> n.endsWith(".npy"))) {
            throw new SoupException(
                    path
                            + " holds NumPy arrays, which are not read; save them with"
                            + " safetensors.numpy.save_file.");
        }
        if (found.size() != 1) {
            throw new MalformedCheckpointException(
                    path,
                    "zip directory",
                    "one NAME/" + PICKLE + " as torch.save writes it",
                    found.isEmpty() ? "none" : found.toString());
        }
        String root = found.getFirst().substring(0, found.getFirst().length() - PICKLE.length());
        if (entries.containsKey(root + "constants.pkl")) {
            throw new SoupException(
                    path
                            + " is a TorchScript program, not a checkpoint; save its state dict"
                            + " from PyTorch.");
        }
        return root;
    }

    private static void checkByteOrder(Path path, String order) {
        if (!order.strip().equals("little")) {
            throw new MalformedCheckpointException(
                    path, "zip entry 'byteorder'", "'little'", "'" + order + "'");
        }
    }

    private static byte[] bytes(Path path, FileChannel channel, TorchZip.Entry entry, int limit)
            throws IOException {
        if (entry.size() > limit) {
            throw new MalformedCheckpointException(
                    path,
                    "zip entry '" + entry.name() + "'",
                    "at most " + limit + " bytes",
                    entry.size() + " bytes");
        }
        byte[] bytes = new byte[(int) entry.size()];
        read(path, channel, entry.data(), ByteBuffer.wrap(bytes));
        return bytes;
    }

    private static void read(Path path, FileChannel channel, long position, ByteBuffer into)
            throws IOException {
        while (into.hasRemaining()) {
            int n = channel.read(into, position);
            if (n < 0) {
                throw shorter(path);
            }
            position += n;
        }
    }

    private static SoupException shorter(Path path) {
        return new SoupException(path + " became shorter while it was being read.");
    }

    @Override
    public Path path() {
        return path;
    }

    /** Empty: what lies beside the state dict is not text. */
    @Override
    public Map<String, String> metadata() {
        return Map.of();
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return Collections.unmodifiableSequencedMap(tensors);
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
        Placed p = Objects.requireNonNull(placed.get(tensor));
        try {
            if (p.view().contiguous()) {
                read(path, channel, info.offset() + from, into.asByteBuffer());
            } else {
                p.view().gather(map(p), from, into);
                // A page beyond a file's end cannot be read, one before it shows what is there.
                if (channel.size() < stamp.size()) {
                    throw shorter(path);
                }
            }
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        } catch (InternalError e) {
            // How the virtual machine tells that a mapped page is gone.
            throw shorter(path);
        }
    }

    /** The part of the file that a view reaches over; mapped pages are the system's, not ours. */
    private MemorySegment map(Placed p) throws IOException {
        if (channel.size() < stamp.size()) {
            throw shorter(path);
        }
        MemorySegment m = mapped.get(p.info().name());
        if (m == null) {
            m = channel.map(MapMode.READ_ONLY, p.info().offset(), p.spanBytes(), arena);
            mapped.put(p.info().name(), m);
        }
        return m;
    }

    @Override
    public void checkUnchanged() {
        stamp.check(path);
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
        closeQuietly(channel);
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing was written through this channel: a failed close loses nothing.
        }
    }
}
