package org.diffusionsoup.core.mismatch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.tensor.TensorSource;

/** Finds out which integers of ingredients differ, where the first's are to be taken then. */
public final class IntegerTensors {
    private static final int PIECE = 1 << 20;

    private IntegerTensors() {}

    /**
     * A plan in which integers that differ in value are the first's; those that agree are copied as
     * before.
     *
     * @param plan whose inputs are numbers of ingredients
     * @param ingredients that were planned
     */
    public static List<TensorPlan> fromFirst(List<TensorPlan> plan, List<Checkpoint> ingredients) {
        List<TensorPlan> made = new ArrayList<>();
        for (TensorPlan t : plan) {
            int[] inputs = t.inputs();
            boolean differ = false;
            for (int i = 1; !t.dtype().isFloat() && i < inputs.length; i++) {
                differ |=
                        !same(
                                ingredients.get(inputs[0]).part(t.part()),
                                ingredients.get(inputs[i]).part(t.part()),
                                t.name(),
                                t.byteSize());
            }
            made.add(
                    differ
                            ? new TensorPlan(
                                    t.part(),
                                    t.name(),
                                    t.shape(),
                                    t.dtype(),
                                    new int[] {inputs[0]},
                                    t.mode())
                            : t);
        }
        return made;
    }

    /**
     * Whether a tensor of two state dicts holds the same bytes.
     *
     * @param bytes of the tensor, in both
     */
    public static boolean same(TensorSource a, TensorSource b, String name, long bytes) {
        try (Arena arena = Arena.ofConfined()) {
            int size = (int) Math.clamp(bytes, 1, PIECE);
            MemorySegment x = arena.allocate(size);
            MemorySegment y = arena.allocate(size);
            for (long at = 0; at < bytes; at += size) {
                long n = Math.min(size, bytes - at);
                a.read(name, at, x.asSlice(0, n));
                b.read(name, at, y.asSlice(0, n));
                if (x.asSlice(0, n).mismatch(y.asSlice(0, n)) >= 0) {
                    return false;
                }
            }
        }
        return true;
    }
}
