package org.diffusionsoup.workbench.judges.train;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.workbench.RowPools;
import org.diffusionsoup.workbench.judges.question.JudgeScenes;

/** A judge's loss on an endless sequence of scenes. */
abstract class SceneObjective implements Objective {
    private final RowPools<JudgeScenes.Row> pools;
    private final int batch;
    private long number = -1;
    private List<JudgeScenes.Row> pool = List.of();

    /**
     * @param pools of scenes that training may see
     * @param batch scenes per step
     */
    SceneObjective(RowPools<JudgeScenes.Row> pools, int batch) {
        this.pools = pools;
        this.batch = batch;
    }

    @Override
    public final int rows() {
        return pools.size();
    }

    @Override
    public final void begin(long at) {
        long wanted = pools.poolOf(at, batch);
        if (wanted != number) {
            pool = pools.pool(wanted);
            number = wanted;
        }
    }

    @Override
    public final Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
        if (pool.isEmpty()) {
            throw new IllegalStateException("begin comes before loss");
        }
        return loss(Arrays.stream(rows).mapToObj(pool::get).toList(), random);
    }

    /**
     * Makes something of every scene, on all processors.
     *
     * @param random gives each scene's own source of randomness its seed, in their order
     */
    static <R> List<R> each(
            List<JudgeScenes.Row> rows,
            RandomGenerator random,
            BiFunction<JudgeScenes.Row, RandomGenerator, R> maker) {
        long[] seeds = random.longs(rows.size()).toArray();
        return IntStream.range(0, seeds.length)
                .parallel()
                .mapToObj(i -> maker.apply(rows.get(i), new SplittableRandom(seeds[i])))
                .toList();
    }

    /** The mean loss over some scenes, as {@link Objective#loss}. */
    abstract Tensor loss(List<JudgeScenes.Row> rows, RandomGenerator random);
}
