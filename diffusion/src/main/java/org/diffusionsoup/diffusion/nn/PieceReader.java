package org.diffusionsoup.diffusion.nn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * Reads tensors into parameters through one buffer that is used again and again. A stored tensor
 * comes in pieces that stay in the processor's cache, from where libtorch widens or rounds them
 * into place; one that a source computes comes whole, since a source may compute all of it for any
 * part.
 */
final class PieceReader {
    /** Read, and then converted, before it has left the cache of one core. */
    private static final long PIECE = 1L << 20;

    private final TensorSource source;
    private final MemorySegment buffer;

    private PieceReader(TensorSource source, MemorySegment buffer) {
        this.source = source;
        this.buffer = buffer;
    }

    /**
     * Fills parameters from tensors of a float type.
     *
     * @param tensors of the source, each of its parameter's shape but for ones at its end
     */
    static void fill(TensorSource source, Map<Parameter, TensorInfo> tensors) {
        long largest = 1;
        for (Map.Entry<Parameter, TensorInfo> t : tensors.entrySet()) {
            long row = t.getValue().byteSize() / rows(t.getKey().shape());
            largest = Math.max(largest, row * step(source, row, t.getKey().shape()));
        }
        try (Torch.Guard off = Torch.gradients(false);
                Arena arena = Arena.ofShared()) { // soups in memory are computed by threads
            PieceReader reader = new PieceReader(source, arena.allocate(largest, Long.BYTES));
            tensors.forEach(reader::read);
        }
    }

    private static long rows(long... shape) {
        return shape.length == 0 ? 1 : shape[0];
    }

    /** Rows that are read at a time. */
    private static long step(TensorSource source, long rowBytes, long... shape) {
        long rows = rows(shape);
        boolean stored = source instanceof SafetensorsFile;
        return stored ? Math.clamp(PIECE / Math.max(1, rowBytes), 1, rows) : rows;
    }

    private void read(Parameter into, TensorInfo tensor) {
        long[] shape = into.shape();
        long rows = rows(shape);
        long rowBytes = tensor.byteSize() / rows;
        long step = step(source, rowBytes, shape);
        for (long row = 0; row < rows; row += step) {
            long n = Math.min(step, rows - row);
            MemorySegment piece = buffer.asSlice(0, n * rowBytes);
            source.read(tensor.name(), row * rowBytes, piece);
            try (Scope s = Scope.open()) {
                Tensor place = into.value();
                if (n < rows) {
                    place = place.narrow(0, row, n);
                    shape[0] = n;
                }
                Tensor stored = Tensor.over(piece, tensor.dtype()).reshape(shape);
                into.put(place, stored, tensor.dtype(), source.path());
            }
        }
    }
}
