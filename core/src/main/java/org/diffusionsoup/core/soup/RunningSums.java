package org.diffusionsoup.core.soup;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.diffusionsoup.core.soup.RunningPlan.Load;
import org.diffusionsoup.core.soup.average.WorkerTeam;

/**
 * The sums of all tensors that are searched over, and the ingredient that is held beside them: the
 * memory of a {@link RunningSoup}, and who is in it.
 */
final class RunningSums {
    private static final int PIECE_ELEMENTS = 128 * RunningSum.BLOCK;

    /** What a thread takes at a time. */
    private record Piece(RunningPart part, RunningSum tensor, long from, int n) {}

    private final Collection<RunningPart> parts;
    private final WorkerTeam team;
    private final List<Piece> pieces = new ArrayList<>();

    /** Coefficients of who is in the sums. */
    private final int[] inSum;

    /** Whose elements are held; -1 for nobody's. */
    private int held = -1;

    private long reads;

    RunningSums(Collection<RunningPart> parts, int ingredients, WorkerTeam team) {
        this.parts = List.copyOf(parts);
        this.team = team;
        this.inSum = new int[ingredients];
        for (RunningPart part : parts) {
            for (RunningSum t : part.sums()) {
                for (long from = 0; t.isSummed() && from < t.elements; from += PIECE_ELEMENTS) {
                    int n = (int) Math.min(PIECE_ELEMENTS, t.elements - from);
                    pieces.add(new Piece(part, t, from, n));
                }
            }
        }
    }

    /** How a soup is reached from here. */
    RunningPlan plan(int[] a, int[] base) {
        return RunningPlan.of(a, base, inSum, held);
    }

    /** Reads what a plan of now has to be read. */
    FormedSoup execute(RunningPlan plan) {
        if (plan.clear()) {
            clear();
        }
        plan.loads().forEach(this::load);
        int extra = held < 0 ? 0 : plan.a()[held] - inSum[held];
        return FormedSoup.of(plan.a(), held, extra);
    }

    /** How often a whole ingredient was read so far. */
    long reads() {
        return reads;
    }

    private void clear() {
        parts.forEach(p -> p.sums().forEach(RunningSum::clear));
        Arrays.fill(inSum, 0);
    }

    private void load(Load load) {
        AtomicInteger next = new AtomicInteger();
        boolean complete = false;
        try {
            team.together(team.threads(), i -> work(next, load));
            complete = true;
        } finally {
            if (!complete) {
                // Some pieces are done and some are not.
                held = -1;
                clear();
            }
        }
        for (int i = 0; i < inSum.length; i++) {
            inSum[i] = inSum[i] * load.q() + (i == held ? load.d() : 0);
        }
        held = load.ingredient();
        reads++;
        parts.forEach(p -> p.source(held).checkUnchanged());
    }

    /** Adds what is held to the sum and reads the next ingredient over it, piece by piece. */
    private void work(AtomicInteger next, Load load) {
        RunningSum.Adder adder = new RunningSum.Adder();
        for (int i = next.getAndIncrement(); i < pieces.size(); i = next.getAndIncrement()) {
            Piece p = pieces.get(i);
            RunningSum t = p.tensor;
            if (load.d() != 0 || load.q() != 1) {
                adder.add(t, p.from, p.n, load.q(), load.d());
            }
            p.part.source(load.ingredient())
                    .read(t.plan.name(), p.from * t.dtype.bytes(), t.held(p.from, p.n));
        }
    }
}
