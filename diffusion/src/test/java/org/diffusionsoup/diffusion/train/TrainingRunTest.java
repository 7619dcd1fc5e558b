package org.diffusionsoup.diffusion.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.torch.NativeObjects;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.TrainingOptions.Schedule;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

@Isolated("it counts the native objects of all")
class TrainingRunTest {
    private static final BooleanSupplier NEVER = () -> false;
    private static final Consumer<LossPoint> NOBODY = p -> {};
    private static final TrainingOptions PLAIN = options(40, 8, 1, 1e-2, 0, 0, 7);

    @TempDir private Path temp;

    private static TrainingOptions options(
            long steps,
            int batch,
            int accumulation,
            double lr,
            double clip,
            double ema,
            long seed) {
        return new TrainingOptions(
                steps,
                batch,
                accumulation,
                lr,
                Schedule.COSINE,
                5,
                1e-2,
                0.9,
                0.999,
                1e-8,
                clip,
                ema,
                seed,
                false);
    }

    /** What a run leaves: weights, their moving average where one is kept, and the curve. */
    private record Outcome(float[] weights, float[] average, List<List<Double>> curve) {
        static Outcome of(TrainingRun run, Toy toy) {
            float[] raw = toy.parameters().flat().toFloatArray();
            run.useMovingAverage();
            return new Outcome(
                    raw,
                    toy.parameters().flat().toFloatArray(),
                    run.curve().stream()
                            .map(p -> List.of(p.loss(), p.gradientNorm(), p.learningRate()))
                            .toList());
        }

        void isSame(Outcome other) {
            assertThat(curve).isEqualTo(other.curve);
            assertThat(weights).isEqualTo(other.weights);
            assertThat(average).isEqualTo(other.average);
        }
    }

    private Outcome train(String state, TrainingOptions options) {
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun run = run(toy, options, state)) {
            assertThat(run.run(0, NEVER, NOBODY)).isEqualTo(TrainingRun.End.FINISHED);
            return Outcome.of(run, toy);
        }
    }

    private TrainingRun run(Toy toy, TrainingOptions options, String state) {
        return new TrainingRun(toy.parameters(), toy, options, temp.resolve(state), "toy");
    }

    @Test
    void theSameSeedGivesTheSameWeightsAndAnotherSeedOthers() {
        Outcome first = train("a", PLAIN);
        first.isSame(train("b", PLAIN));
        assertThat(train("c", options(40, 8, 1, 1e-2, 0, 0, 8)).weights())
                .isNotEqualTo(first.weights());
    }

    @Test
    void theLossGoesDown() {
        List<List<Double>> curve = train("a", options(300, 16, 1, 2e-2, 1, 0, 7)).curve();
        double start = mean(curve.subList(0, 20));
        double end = mean(curve.subList(280, 300));
        assertThat(end).isLessThan(start / 3);
    }

    private static double mean(List<List<Double>> curve) {
        return curve.stream().mapToDouble(List::getFirst).average().orElseThrow();
    }

    /** Stopped again and again, politely or by a failure that saves nothing. */
    @RepeatedTest(6)
    void aRunStoppedAnywhereEndsInTheSameBytes(RepetitionInfo repetition) {
        TrainingOptions options = options(40, 4, 3, 1e-2, 0.5, 0.9, 7);
        Outcome whole = train("whole", options);
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        int starts = 0;
        while (true) {
            starts++;
            // Other starting weights each time: what counts must come from the checkpoint.
            try (Toy toy = new Toy(50, starts == 1 ? 1 : 100 + starts, 0.1);
                    TrainingRun run = run(toy, options, "stopped")) {
                long from = run.stepsDone();
                long until = from + 5 + random.nextInt(9);
                boolean polite = random.nextBoolean();
                TrainingRun.End end =
                        run.run(
                                4,
                                () -> polite && run.stepsDone() >= until,
                                p -> {
                                    if (!polite && p.step() >= until) {
                                        throw new Killed();
                                    }
                                });
                if (end == TrainingRun.End.FINISHED) {
                    Outcome.of(run, toy).isSame(whole);
                    break;
                }
                assertThat(run.stepsDone()).isEqualTo(until);
            } catch (Killed e) {
                assertThat(temp.resolve("stopped")).isNotEmptyDirectory();
            }
        }
        assertThat(starts).isGreaterThan(2);
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    @Test
    void twoPassesOfEightEqualOneOfSixteen() {
        // Without noise: fresh random numbers come per pass, and would differ by design.
        try (Toy one = new Toy(50, 1, 0);
                Toy two = new Toy(50, 1, 0);
                TrainingRun whole = run(one, options(20, 16, 1, 1e-3, 0, 0, 7), "one");
                TrainingRun halves = run(two, options(20, 8, 2, 1e-3, 0, 0, 7), "two")) {
            float[] start = one.parameters().flat().toFloatArray();
            whole.run(0, NEVER, NOBODY);
            halves.run(0, NEVER, NOBODY);
            float[] a = one.parameters().flat().toFloatArray();
            float[] b = two.parameters().flat().toFloatArray();
            double moved = 0;
            for (int i = 0; i < a.length; i++) {
                moved = Math.max(moved, Math.abs(a[i] - start[i]));
                assertThat(b[i]).isCloseTo(a[i], within(2e-5f));
            }
            assertThat(moved).isGreaterThan(5e-3);
            for (int i = 0; i < 20; i++) {
                assertThat(halves.curve().get(i).loss())
                        .isCloseTo(whole.curve().get(i).loss(), within(1e-5));
            }
        }
    }

    @Test
    void aCheckpointOfAnotherRunIsRefused() throws Exception {
        train("a", PLAIN);
        Path file;
        try (var files = Files.list(temp.resolve("a"))) {
            file = files.findAny().orElseThrow();
        }
        byte[] before = Files.readAllBytes(file);
        try (Toy toy = new Toy(50, 1, 0.1)) {
            assertThatThrownBy(() ->
                            new TrainingRun(toy.parameters(), toy, PLAIN, temp.resolve("a"), "x"))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining(file.toString())
                    .hasMessageContaining("a different run")
                    .hasMessageContaining("give another `stateDir`");
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    @Test
    void aCheckpointOfAnotherShapeIsRefused() {
        train("a", PLAIN);
        TrainingOptions averaged = options(40, 8, 1, 1e-2, 0, 0.9, 7);
        try (Toy toy = new Toy(50, 1, 0.1)) {
            assertThatThrownBy(() -> run(toy, averaged, "a"))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("tensor ema is missing");
        }
    }

    @Test
    void theMovingAverageIsThatOfTheWeights() {
        double decay = 0.9;
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun run = run(toy, options(40, 8, 1, 1e-2, 0, decay, 7), "ema")) {
            List<float[]> seen = new ArrayList<>();
            seen.add(toy.parameters().flat().toFloatArray());
            run.run(0, NEVER, p -> seen.add(toy.parameters().flat().toFloatArray()));
            run.useMovingAverage();
            float[] average = toy.parameters().flat().toFloatArray();
            for (int i = 0; i < average.length; i++) {
                double expected = seen.getFirst()[i];
                for (int k = 0; k < 40; k++) {
                    double d = Math.min(decay, (1.0 + k) / (10.0 + k));
                    expected = d * expected + (1 - d) * seen.get(k + 1)[i];
                }
                assertThat(average[i]).isCloseTo((float) expected, within(1e-5f));
            }
            assertThat(average).isNotEqualTo(seen.getLast());
        }
    }

    @Test
    void theAverageCanBeTakenOutOnTheWayWithoutATrace() {
        TrainingOptions options = options(40, 8, 1, 1e-2, 0, 0.9, 7);
        Outcome whole = train("whole", options);
        Outcome half = stopped(options, 20);
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun run = run(toy, options, "kept")) {
            List<float[]> kept = new ArrayList<>();
            run.run(
                    0,
                    NEVER,
                    NOBODY,
                    step -> {
                        float[] before = toy.parameters().flat().toFloatArray();
                        run.withMovingAverage(() -> {
                            if (step == 20) {
                                kept.add(toy.parameters().flat().toFloatArray());
                            }
                        });
                        assertThat(toy.parameters().flat().toFloatArray()).isEqualTo(before);
                    });
            assertThat(kept).hasSize(1);
            assertThat(kept.getFirst()).isEqualTo(half.average()).isNotEqualTo(half.weights());
            Outcome.of(run, toy).isSame(whole);
        }
    }

    private Outcome stopped(TrainingOptions options, long after) {
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun run = run(toy, options, "half")) {
            assertThat(run.run(0, () -> run.stepsDone() >= after, NOBODY))
                    .isEqualTo(TrainingRun.End.STOPPED);
            return Outcome.of(run, toy);
        }
    }

    @Test
    void whatIsKeptOfAStepIsThereBeforeItsCheckpoint() throws Exception {
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun run = run(toy, PLAIN, "order")) {
            assertThatThrownBy(() ->
                            run.run(
                                    10,
                                    NEVER,
                                    NOBODY,
                                    step -> {
                                        if (step == 20) {
                                            throw new Killed();
                                        }
                                    }))
                    .isInstanceOf(Killed.class);
        }
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun again = run(toy, PLAIN, "order")) {
            assertThat(again.stepsDone()).isEqualTo(10);
        }
    }

    /** Eleven rows in three buckets, batches of three: most batches are incomplete. */
    @RepeatedTest(4)
    void aRunInBucketsStoppedAnywhereEndsInTheSameBytes(RepetitionInfo repetition) {
        TrainingOptions options = options(30, 3, 2, 1e-2, 0.5, 0.9, 7);
        Outcome whole;
        try (Toy toy = new Toy(11, 1, 0.1).inBuckets(3);
                TrainingRun run = run(toy, options, "whole")) {
            assertThat(run.run(0, NEVER, NOBODY)).isEqualTo(TrainingRun.End.FINISHED);
            // Per epoch buckets of 4, 4 and 3 rows make 2 + 2 + 1 batches, of which 60 are done.
            assertThat(run.rows(0, 30)).isEqualTo(12 * 11);
            whole = Outcome.of(run, toy);
        }
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        boolean done = false;
        for (int start = 1; !done; start++) {
            // Other starting weights each time: what counts must come from the checkpoint.
            try (Toy toy = new Toy(11, start, 0.1).inBuckets(3);
                    TrainingRun run = run(toy, options, "stopped")) {
                long until = run.stepsDone() + 1 + random.nextInt(9);
                done =
                        run.run(0, () -> run.stepsDone() >= until, NOBODY)
                                == TrainingRun.End.FINISHED;
                if (done) {
                    Outcome.of(run, toy).isSame(whole);
                }
            }
        }
    }

    /**
     * Two rows where three make a batch: the gradient is two thirds of their mean's, so that a row
     * weighs what it does in a full batch, and the loss is their mean.
     */
    @Test
    void aRowOfAnIncompleteBatchWeighsWhatEveryOtherDoes() {
        LossPoint full;
        LossPoint incomplete;
        try (Toy toy = new Toy(2, 1, 0).inBuckets(1);
                TrainingRun run = run(toy, options(1, 2, 1, 1e-2, 0, 0, 7), "full")) {
            run.run(0, NEVER, NOBODY);
            full = run.curve().getFirst();
        }
        try (Toy toy = new Toy(2, 1, 0).inBuckets(1);
                TrainingRun run = run(toy, options(1, 3, 1, 1e-2, 0, 0, 7), "incomplete")) {
            run.run(0, NEVER, NOBODY);
            incomplete = run.curve().getFirst();
        }
        assertThat(incomplete.loss()).isCloseTo(full.loss(), within(1e-6));
        assertThat(incomplete.gradientNorm()).isCloseTo(full.gradientNorm() * 2 / 3, within(1e-5));
    }

    @Test
    void gradientsAreClippedToTheirNorm() {
        // With a huge epsilon AdamW's first step is learning rate / epsilon times the gradient.
        double eps = 1e4;
        TrainingOptions clipped =
                new TrainingOptions(
                        1, 16, 1, 1e4, Schedule.CONSTANT, 0, 0, 0.9, 0.999, eps, 0.05, 0, 7, false);
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun run = run(toy, clipped, "clip")) {
            float[] before = toy.parameters().flat().toFloatArray();
            run.run(0, NEVER, NOBODY);
            float[] after = toy.parameters().flat().toFloatArray();
            double square = 0;
            for (int i = 0; i < before.length; i++) {
                square += Math.pow(after[i] - before[i], 2);
            }
            assertThat(run.curve().getFirst().gradientNorm()).isGreaterThan(0.1);
            assertThat(Math.sqrt(square)).isCloseTo(0.05, within(1e-4));
        }
    }

    @Test
    void zeroRowsAreRefused() {
        try (Toy toy = new Toy(0, 1, 0)) {
            assertThatThrownBy(() -> run(toy, PLAIN, "none"))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("no rows");
        }
        assertThat(temp.resolve("none")).doesNotExist();
    }

    @Test
    void aRunThatDivergesStopsWithItsLastGoodCheckpoint() {
        try (Toy toy = new Toy(50, 1, 0)) {
            Objective broken =
                    new Objective() {
                        private int calls;

                        @Override
                        public int rows() {
                            return toy.rows();
                        }

                        @Override
                        public Tensor loss(int[] rows, Rng rng, RandomGenerator java) {
                            Tensor loss = toy.loss(rows, rng, java);
                            return ++calls == 7 ? loss.mul(Double.POSITIVE_INFINITY) : loss;
                        }
                    };
            try (TrainingRun run =
                    new TrainingRun(toy.parameters(), broken, PLAIN, temp.resolve("inf"), "toy")) {
                assertThatThrownBy(() -> run.run(2, NEVER, NOBODY))
                        .isInstanceOf(TrainingException.class)
                        .hasMessageContaining("diverged at step 7")
                        .hasMessageContaining("`learningRate`");
            }
            try (TrainingRun again = run(toy, PLAIN, "inf")) {
                assertThat(again.stepsDone()).isEqualTo(6);
                assertThat(toy.parameters().flat().toFloatArray())
                        .satisfies(w -> {
                            for (float v : w) {
                                assertThat(v).isFinite();
                            }
                        });
            }
        }
    }

    @Test
    void noStepLeavesNativeObjectsBehind() {
        long outside = NativeObjects.inUse();
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun run = run(toy, options(30, 4, 2, 1e-2, 0.5, 0.9, 7), "count")) {
            List<Long> counts = new ArrayList<>();
            run.run(5, NEVER, p -> counts.add(Torch.nativeObjects()));
            assertThat(counts).hasSize(30).containsOnly(counts.getFirst());
        }
        assertThat(Torch.nativeObjects()).isEqualTo(outside);
    }

    @Test
    void theStateFolderGoesAwayWhenDiscarded() {
        try (Toy toy = new Toy(50, 1, 0.1);
                TrainingRun run = run(toy, PLAIN, "gone")) {
            run.run(0, NEVER, NOBODY);
            assertThat(temp.resolve("gone")).isNotEmptyDirectory();
            run.discardState();
            assertThat(temp.resolve("gone")).doesNotExist();
        }
    }
}
