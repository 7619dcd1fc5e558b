package org.diffusionsoup.registry.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.mismatch.Mismatches.Model;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.WeightStore;
import org.jspecify.annotations.Nullable;

/**
 * A stored checkpoint by its headers: what each tensor is and which object of the store holds it.
 *
 * @param tensors by component and name, such as {@code unet/conv_in.weight}
 * @param model the same for {@link org.diffusionsoup.core.mismatch.Mismatches}
 */
record TensorsOf(SequencedMap<String, Stored> tensors, Model model) {
    /**
     * A tensor.
     *
     * @param file that it is in
     * @param piece the object that holds its bytes
     */
    record Stored(TensorInfo info, StoredFile file, Piece piece) {
        private static final int BLOCK = 1 << 16;

        /** Bytes of the largest norm of a usual model: scales and biases, no matrices. */
        private static final long SMALL = 4096;

        /** Rounding steps between values that count as next to each other. */
        private static final int STEPS = 2;

        /** What looks at values, some at a time. */
        @FunctionalInterface
        interface Look {
            /**
             * @param at index of the first
             * @param n how many there are
             * @return whether to go on
             */
            boolean at(long at, double[] values, int n);
        }

        /** Shows the values in their order, a block at a time. */
        void values(WeightStore store, Look look) {
            double[] values = new double[BLOCK];
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment bytes = store.map(piece, arena, true);
                boolean more = true;
                for (long at = 0; more && at < info.elements(); at += BLOCK) {
                    int n = (int) Math.min(BLOCK, info.elements() - at);
                    Elements.decode(info.dtype(), block(bytes, at, n), values, n);
                    more = look.at(at, values, n);
                }
            }
        }

        private MemorySegment block(MemorySegment bytes, long at, int n) {
            int size = info.dtype().bytes();
            return bytes.asSlice(at * size, (long) n * size);
        }

        /** Whether all values are the same, as a fresh norm's are: nobody can tell whose it is. */
        boolean isConstant(WeightStore store) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment bytes = store.map(piece, arena, true);
                long rest = bytes.byteSize() - info.dtype().bytes();
                return rest <= 0
                        || bytes.asSlice(info.dtype().bytes()).mismatch(bytes.asSlice(0, rest)) < 0;
            }
        }

        private boolean isComparable(Stored other) {
            return info.sameShape(other.info)
                    && info.dtype().isFloat()
                    && other.info.dtype().isFloat();
        }

        /**
         * Whether another's values, rounded to this one's format, are this one's bytes: at once, or
         * in half precision before, as a trainer may have held them.
         */
        boolean hasValuesOf(@Nullable Stored other, WeightStore store) {
            if (other == null || !isComparable(other)) {
                return false;
            }
            if (info.dtype() == other.info.dtype()) {
                return piece.sha256().equals(other.piece.sha256());
            }
            return Stream.of(other.info.dtype(), DType.BF16, DType.F16)
                    .distinct()
                    .anyMatch(held -> hasValuesOf(other, held, store));
        }

        /**
         * @param held in which the other's values are rounded first
         */
        private boolean hasValuesOf(Stored other, DType held, WeightStore store) {
            boolean[] same = {true};
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment have = store.map(piece, arena, true);
                MemorySegment want = arena.allocate((long) BLOCK * info.dtype().bytes());
                MemorySegment first = arena.allocate((long) BLOCK * held.bytes());
                other.values(
                        store,
                        (at, values, n) -> {
                            Elements.encode(held, values, first, n);
                            Elements.decode(held, first, values, n);
                            Elements.encode(info.dtype(), values, want, n);
                            MemorySegment mine = block(have, at, n);
                            same[0] = mine.mismatch(want.asSlice(0, mine.byteSize())) < 0;
                            return same[0];
                        });
            }
            return same[0];
        }

        /**
         * Whether this is a small tensor of two bytes a value or less, all of whose values are next
         * to another's.
         */
        boolean isSmallStepFrom(@Nullable Stored other, WeightStore store) {
            if (other == null
                    || !isComparable(other)
                    || info.dtype().bytes() > 2
                    || info.byteSize() > SMALL) {
                return false;
            }
            int bits = info.dtype() == DType.F16 ? 10 : info.dtype() == DType.BF16 ? 7 : 2;
            double[] mine = new double[(int) info.elements()];
            values(
                    store,
                    (at, v, n) -> {
                        System.arraycopy(v, 0, mine, (int) at, n);
                        return true;
                    });
            boolean[] near = {true};
            other.values(
                    store,
                    (at, v, n) -> {
                        for (int i = 0; i < n && near[0]; i++) {
                            double a = mine[(int) at + i];
                            double step =
                                    Math.scalb(
                                            1.0,
                                            Math.getExponent(Math.max(Math.abs(a), Math.abs(v[i])))
                                                    - bits);
                            near[0] =
                                    Math.abs(a - v[i])
                                            <= (STEPS + 0.5) * step; // the base may be finer
                        }
                        return near[0];
                    });
            return near[0];
        }
    }

    /**
     * @param name how messages call it
     * @param work a folder for the headers
     */
    static TensorsOf of(WeightStore store, String checkpoint, String name, Path work) {
        Path outline = store.rebuildOutline(checkpoint, work);
        SequencedMap<String, Stored> tensors = new LinkedHashMap<>();
        for (StoredFile f : store.manifest(checkpoint).files()) {
            if (f.isWeights()) {
                String component = f.path().substring(0, f.path().lastIndexOf('/') + 1);
                try (SafetensorsFile file = SafetensorsFile.open(work.resolve(f.path()))) {
                    List<TensorInfo> infos = new ArrayList<>(file.tensors().values());
                    for (int i = 0; i < infos.size(); i++) {
                        TensorInfo t = infos.get(i);
                        tensors.put(component + t.name(), new Stored(t, f, f.pieces().get(i + 1)));
                    }
                }
            }
        }
        try (Checkpoint open = Checkpoint.open(outline)) {
            Model m = Model.of(open);
            return new TensorsOf(tensors, new Model(name, m.parts(), m.folder(), m.header()));
        }
    }
}
