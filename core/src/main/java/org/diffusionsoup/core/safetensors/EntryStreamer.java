package org.diffusionsoup.core.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorStreamer;

/** Writes tensors that bring their bytes with them, one after another. */
final class EntryStreamer implements TensorStreamer {
    private final Map<String, TensorEntry> entries = new HashMap<>();

    EntryStreamer(List<TensorEntry> entries) {
        entries.forEach(t -> this.entries.put(t.name(), t));
    }

    @Override
    public void write(Path target, List<TensorInfo> tensors, FileChannel file) throws IOException {
        for (TensorInfo t : tensors) {
            TensorEntry entry = Objects.requireNonNull(entries.get(t.name()));
            Counting counting = new Counting(file.position(t.offset()), entry, target);
            entry.bytes().writeTo(counting);
            counting.checkComplete();
        }
    }

    /** Passes writes on and counts them, refusing what goes past the tensor's size. */
    private static final class Counting implements WritableByteChannel {
        private final WritableByteChannel out;
        private final TensorEntry tensor;
        private final Path target;
        private long written;

        Counting(WritableByteChannel out, TensorEntry tensor, Path target) {
            this.out = out;
            this.tensor = tensor;
            this.target = target;
        }

        @Override
        public int write(ByteBuffer src) throws IOException {
            int n = src.remaining();
            written += n;
            if (written > tensor.byteSize()) {
                throw wrong();
            }
            SafetensorsWriter.writeFully(out, src);
            return n;
        }

        void checkComplete() {
            if (written != tensor.byteSize()) {
                throw wrong();
            }
        }

        private SoupException wrong() {
            return new SoupException(
                    "Cannot write %s: tensor '%s' needs %d bytes but its source gave %s%d."
                            .formatted(
                                    target,
                                    tensor.name(),
                                    tensor.byteSize(),
                                    written > tensor.byteSize() ? "at least " : "",
                                    written));
        }

        @Override
        public boolean isOpen() {
            return out.isOpen();
        }

        @Override
        public void close() {
            // The file belongs to the writer, not to a tensor's source.
        }
    }
}
