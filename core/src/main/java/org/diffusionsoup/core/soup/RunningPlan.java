package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;

/**
 * How a soup is reached from a running sum, with as few reads of ingredients as can be, decided
 * before anything is read. Coefficients count in proportion, so the sum may be multiplied where
 * that brings it nearer to what is wanted.
 *
 * @param clear whether the sum is emptied first
 * @param loads what is read, in this order; what was held at the end may count beyond the sum
 * @param a the soup's coefficients, on the scale that the sum has then unless it has one member
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves the package
record RunningPlan(boolean clear, List<Load> loads, int[] a) {
    /** Larger sums would be exact less often. */
    private static final long MOST_TOTAL = 1L << 20;

    /**
     * One pass over the sum.
     *
     * @param ingredient what is read, and held from then on
     * @param q what the sum is multiplied with
     * @param d how many times what was held before is then added
     */
    record Load(int ingredient, int q, int d) {}

    /** By how much the coefficient of an ingredient changes. */
    private record Change(int ingredient, int by) {}

    RunningPlan {
        loads = List.copyOf(loads);
    }

    /**
     * Plans a soup.
     *
     * @param a its coefficients, at least 0, one above
     * @param base coefficients of a soup that the next ones differ little from; only the cost
     *     depends on it
     * @param inSum coefficients of who is in the sum
     * @param held whose elements are held; -1 for nobody's
     */
    static RunningPlan of(int[] a, int[] base, int[] inSum, int held) {
        int only = onlyMember(a);
        return only >= 0 ? single(only, a, base, inSum, held) : several(a, base, inSum, held);
    }

    private static int onlyMember(int[] a) {
        int[] in = IntStream.range(0, a.length).filter(i -> a[i] > 0).toArray();
        if (in.length == 0) {
            throw new SoupException("A soup needs at least one ingredient.");
        }
        return in.length == 1 ? in[0] : -1;
    }

    /** An ingredient alone is held; what was held before enters the sum if the base has it. */
    private static RunningPlan single(int only, int[] a, int[] base, int[] inSum, int held) {
        List<Load> loads = new ArrayList<>();
        if (held != only) {
            Scaled t = Scaled.match(base, inSum);
            boolean wanted = held >= 0 && t.q == 1;
            loads.add(new Load(only, 1, wanted ? t.to[held] - inSum[held] : 0));
        }
        return new RunningPlan(false, loads, a.clone());
    }

    private static RunningPlan several(int[] a, int[] base, int[] inSum, int held) {
        Scaled direct = Scaled.match(a, inSum);
        if (direct.q == 1 && reads(inSum, direct.to, held) == 0) {
            return new RunningPlan(false, List.of(), direct.to);
        }
        int[] nobody = new int[base.length];
        Scaled t = Scaled.match(base, inSum);
        boolean clear = reads(times(t.q, inSum), t.to, held) > reads(nobody, base, held);
        if (clear) {
            t = new Scaled(1, base.clone());
        }
        int[] from = clear ? nobody : inSum;
        // First to the base, then on to the soup; the base may have to be scaled up for that.
        Scaled on = Scaled.match(a, t.to);
        int q = Math.multiplyExact(t.q, on.q);
        int[] scaledBase = times(on.q, t.to);
        List<Change> changes = new ArrayList<>(changes(times(q, from), scaledBase));
        changes.addAll(changes(scaledBase, on.to));
        return new RunningPlan(clear, loads(q, changes, held), on.to);
    }

    /** How many ingredients have to be read to get from coefficients to others. */
    private static long reads(int[] from, int[] to, int held) {
        return changes(from, to).stream().filter(c -> c.ingredient != held).count();
    }

    /**
     * The passes that scale the sum and change it.
     *
     * @param changes all but the last end up in the sum
     */
    private static List<Load> loads(int q, List<Change> changes, int held) {
        List<Change> ordered = new ArrayList<>(changes);
        // The first of what is held goes first: it is in memory, which costs no read.
        ordered.stream()
                .filter(c -> c.ingredient == held)
                .findFirst()
                .ifPresent(c -> {
                    ordered.remove(c);
                    ordered.addFirst(c);
                });
        List<Load> loads = new ArrayList<>();
        int inMemory = held;
        int scale = q;
        int pending = 0;
        for (Change c : ordered) {
            if (c.ingredient != inMemory) {
                loads.add(new Load(c.ingredient, scale, pending));
                inMemory = c.ingredient;
                scale = 1;
                pending = 0;
            }
            pending += c.by;
        }
        if (scale != 1) {
            loads.add(new Load(inMemory, scale, 0));
        }
        return loads;
    }

    private static List<Change> changes(int[] from, int[] to) {
        return IntStream.range(0, from.length)
                .filter(i -> from[i] != to[i])
                .mapToObj(i -> new Change(i, to[i] - from[i]))
                .toList();
    }

    private static int[] times(int q, int[] a) {
        return Arrays.stream(a).map(k -> Math.multiplyExact(q, k)).toArray();
    }

    /**
     * Coefficients as they are wanted of a sum.
     *
     * @param q what the sum has to be multiplied with first
     * @param to then wanted
     */
    private record Scaled(int q, int[] to) {
        /** The multiples of wanted coefficients and of a sum's that differ least. */
        static Scaled match(int[] wanted, int[] sum) {
            Scaled best = new Scaled(1, wanted.clone());
            int least = changes(sum, wanted).size();
            for (int i = 0; i < wanted.length; i++) {
                if (wanted[i] == 0 || sum[i] == 0) {
                    continue;
                }
                int gcd = BigInteger.valueOf(wanted[i]).gcd(BigInteger.valueOf(sum[i])).intValue();
                int q = wanted[i] / gcd;
                int m = sum[i] / gcd;
                if (total(sum) * q > MOST_TOTAL || total(wanted) * m > MOST_TOTAL) {
                    continue;
                }
                int[] to = times(m, wanted);
                int differing = changes(times(q, sum), to).size();
                if (differing < least || (differing == least && q < best.q)) {
                    best = new Scaled(q, to);
                    least = differing;
                }
            }
            return best;
        }

        private static long total(int[] a) {
            return Arrays.stream(a).asLongStream().sum();
        }
    }
}
