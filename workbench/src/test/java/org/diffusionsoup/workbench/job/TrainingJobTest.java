package org.diffusionsoup.workbench.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.LossPoint;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.report.LossCurve;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jobs that train a small network to multiply two numbers. */
class TrainingJobTest {
    private static final int STEPS = 40;
    private static final BooleanSupplier NEVER = () -> false;
    private static final LongConsumer NOTHING = step -> {};

    @TempDir private Path temp;

    /** Learns the product of the numbers that it draws. */
    private static final class Multiplying implements Objective, AutoCloseable {
        private final Parameters parameters;
        private final Linear first;
        private final Linear second;

        Multiplying(long seed) {
            Names root = Names.root();
            first = new Linear(root.sub("first"), 2, 16, true);
            second = new Linear(root.sub("second"), 16, 1, true);
            parameters = root.parameters().allocate();
            parameters.initialise(seed);
        }

        @Override
        public int rows() {
            return 32;
        }

        @Override
        public Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
            float[] x = new float[2 * rows.length];
            float[] y = new float[rows.length];
            for (int i = 0; i < rows.length; i++) {
                x[2 * i] = (float) random.nextGaussian();
                x[2 * i + 1] = rows[i] / 16f - 1;
                y[i] = x[2 * i] * x[2 * i + 1];
            }
            Tensor hidden = Functional.silu(first.forward(Tensor.of(x, rows.length, 2)));
            return Functional.mse(second.forward(hidden), Tensor.of(y, rows.length, 1));
        }

        float[] weights() {
            return parameters.flat().toFloatArray();
        }

        @Override
        public void close() {
            parameters.close();
        }
    }

    /** What a job has told. */
    private static final class Told implements Progress {
        private final List<String> starts = new ArrayList<>();
        private final List<String> notes = new ArrayList<>();
        private final Runnable afterAdvance;
        private long skipped;
        private long advanced;

        Told() {
            this(() -> {});
        }

        Told(Runnable afterAdvance) {
            this.afterAdvance = afterAdvance;
        }

        @Override
        public void start(String task, long total, String unit) {
            starts.add(task + " " + total + " " + unit);
        }

        @Override
        public void skip(long units) {
            skipped += units;
        }

        @Override
        public void advance(long units) {
            advanced += units;
            afterAdvance.run();
        }

        @Override
        public void message(String note) {
            notes.add(note);
        }

        @Override
        public void close() {}
    }

    /** The end of a process, as far as one process can play it: nothing more is saved. */
    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static TrainingOptions options(long steps, double rate) {
        return new TrainingOptions(
                steps,
                4,
                2,
                rate,
                TrainingOptions.Schedule.COSINE,
                5,
                1e-2,
                0.9,
                0.999,
                1e-8,
                1,
                0.9,
                7,
                false);
    }

    private TrainingJob.Spec spec(String work) {
        return TrainingJob.Spec.in(temp.resolve(work), "sum", "learn", "pairs", "one recipe");
    }

    private TrainingJob job(String work, Multiplying net, Progress progress, BooleanSupplier stop) {
        return new TrainingJob(
                spec(work), net.parameters, net, options(STEPS, 1e-2), progress, stop);
    }

    /** What an undisturbed job leaves in the network. */
    private float[] undisturbed(String work) {
        try (Multiplying net = new Multiplying(1);
                TrainingJob job = job(work, net, Progress.silent(), NEVER)) {
            assertThat(job.run()).isTrue();
            return net.weights();
        }
    }

    private Path log(String work) {
        return temp.resolve(work).resolve("sum-loss.csv");
    }

    /** The log's lines but for their last column, the speed. */
    private List<String> logged(String work) throws IOException {
        return Files.readAllLines(log(work)).stream()
                .map(line -> line.substring(0, line.lastIndexOf(',')))
                .toList();
    }

    private List<Long> loggedSteps(String work) {
        return LossLog.readCsv(log(work)).points().stream().map(LossCurve.Point::step).toList();
    }

    private static List<Long> upTo(long last) {
        return LongStream.rangeClosed(1, last).boxed().toList();
    }

    /** Steps in the checkpoint; 0 where there is none. */
    private long saved(String work) {
        Path file = temp.resolve(work).resolve("sum-state/training-state.safetensors");
        if (!Files.exists(file)) {
            return 0;
        }
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return Long.parseLong(f.metadata().get("soup.training.step"));
        }
    }

    @Test
    void progressCountsExamplesAndSaysTheLoss() {
        Told told = new Told();
        try (Multiplying net = new Multiplying(1);
                TrainingJob job = job("work", net, told, NEVER)) {
            assertThat(job.run()).isTrue();
            assertThat(job.resumedFrom()).isZero();
            assertThat(told.starts).containsExactly("learn 320 pairs"); // two passes of 4 a step
            assertThat(told.skipped).isZero();
            assertThat(told.advanced).isEqualTo(320);
            assertThat(told.notes)
                    .containsExactlyElementsOf(
                            job.curve().stream()
                                    .map(p -> String.format(Locale.ROOT, "loss %.4f", p.loss()))
                                    .toList());
            List<LossPoint> curve = job.curve();
            assertThat(mean(curve.subList(30, 40))).isLessThan(0.9 * mean(curve.subList(0, 10)));
        }
    }

    private static double mean(List<LossPoint> points) {
        return points.stream().mapToDouble(LossPoint::loss).average().orElseThrow();
    }

    @Test
    void stoppedItHasItsStateAndLogAndGoesOnToTheSameWeights() throws Exception {
        float[] whole = undisturbed("whole");
        Told first = new Told();
        try (Multiplying net = new Multiplying(1);
                TrainingJob job = job("work", net, first, () -> first.advanced >= 13 * 8)) {
            assertThat(job.run()).isFalse();
        }
        assertThat(saved("work")).isEqualTo(13);
        assertThat(loggedSteps("work")).isEqualTo(upTo(13));
        Told second = new Told();
        try (Multiplying net = new Multiplying(99); // what counts is in the checkpoint
                TrainingJob job = job("work", net, second, NEVER)) {
            assertThat(job.resumedFrom()).isEqualTo(13);
            assertThat(job.run()).isTrue();
            assertThat(net.weights()).isEqualTo(whole);
            assertThat(job.resumedFrom()).isEqualTo(13);
        }
        assertThat(second.starts).containsExactly("learn 320 pairs");
        assertThat(second.skipped).isEqualTo(13 * 8);
        assertThat(second.advanced).isEqualTo(27 * 8);
        assertThat(logged("work")).isEqualTo(logged("whole")).hasSize(1 + STEPS);
    }

    @Test
    void stoppedBeforeTheFirstStepItHasDoneNothing() {
        try (Multiplying net = new Multiplying(1);
                TrainingJob job = job("work", net, Progress.silent(), () -> true)) {
            assertThat(job.run()).isFalse();
            assertThat(job.curve()).isEmpty();
        }
        assertThat(loggedSteps("work")).isEmpty();
    }

    /** Ended again and again, by a stop, or by a kill before or after the step's line. */
    @RepeatedTest(6)
    void endedAnywhereTheLogHasEveryStepOnce(RepetitionInfo repetition) throws Exception {
        float[] whole = undisturbed("whole");
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        int starts = 0;
        boolean finished = false;
        while (!finished) {
            starts++;
            long from = saved("work");
            long until = from + 5 + random.nextInt(9);
            int end = random.nextInt(3);
            Told told =
                    new Told(() -> {
                        // each line is in the file at once
                        long done = loggedSteps("work").getLast();
                        assertThat(loggedSteps("work")).isEqualTo(upTo(done));
                        if (end == 1 && done == until) {
                            throw new Killed();
                        }
                    });
            try (Multiplying net = new Multiplying(starts);
                    TrainingJob job =
                            job(
                                    "work",
                                    net,
                                    told,
                                    () -> end == 0 && told.advanced >= 8 * (until - from))) {
                job.checkpointEvery(4);
                finished =
                        job.run(
                                STEPS,
                                step -> {
                                    if (end == 2 && step == until) {
                                        throw new Killed();
                                    }
                                });
                if (finished) {
                    assertThat(net.weights()).isEqualTo(whole);
                }
            } catch (Killed e) {
                assertThat(loggedSteps("work")).isEqualTo(upTo(end == 1 ? until : until - 1));
                assertThat(saved("work")).isLessThan(until);
                Files.writeString(log("work"), until + ",0.", StandardOpenOption.APPEND);
            }
        }
        assertThat(starts).isGreaterThan(2);
        assertThat(logged("work")).isEqualTo(logged("whole"));
    }

    @Test
    void checkpointsComeAtTheirInterval() {
        assertThat(savedWhileTraining("four", Optional.of(4L)))
                .containsExactlyElementsOf(
                        LongStream.range(0, STEPS).map(done -> done / 4 * 4).boxed().toList());
        assertThat(savedWhileTraining("none", Optional.of(0L))).containsOnly(0L);
        assertThat(savedWhileTraining("usual", Optional.empty())).containsOnly(0L);
        assertThat(List.of(saved("four"), saved("none"), saved("usual"))).containsOnly(40L);
    }

    /** What the checkpoint held when a step was done, before that of the step. */
    private List<Long> savedWhileTraining(String work, Optional<Long> every) {
        List<Long> seen = new ArrayList<>();
        try (Multiplying net = new Multiplying(1);
                TrainingJob job = job(work, net, Progress.silent(), NEVER)) {
            every.ifPresent(job::checkpointEvery);
            job.run(STEPS, step -> seen.add(saved(work)));
        }
        return seen;
    }

    @Test
    void withoutAnIntervalThereIsACheckpointEveryTwoThousandSteps() {
        TrainingOptions many = options(2001, 1e-3);
        List<Long> last = new ArrayList<>();
        try (Multiplying net = new Multiplying(1);
                TrainingJob job =
                        new TrainingJob(
                                spec("many"),
                                net.parameters,
                                net,
                                many,
                                Progress.silent(),
                                NEVER)) {
            job.run(
                    2001,
                    step -> {
                        if (step >= 2000) {
                            last.add(saved("many"));
                        }
                    });
        }
        assertThat(last).containsExactly(0L, 2000L);
    }

    @Test
    void anEarlierLastStepFollowsTheSameSchedule() throws Exception {
        float[] whole = undisturbed("whole");
        Told told = new Told();
        try (Multiplying net = new Multiplying(1);
                TrainingJob job = job("work", net, told, NEVER)) {
            assertThat(job.run(10, NOTHING)).isTrue();
            assertThat(told.starts).containsExactly("learn 80 pairs");
            assertThat(told.advanced).isEqualTo(80);
        }
        assertThat(logged("work")).isEqualTo(logged("whole").subList(0, 11));
        try (Multiplying net = new Multiplying(2);
                TrainingJob job = job("work", net, Progress.silent(), NEVER)) {
            assertThat(job.run(10, NOTHING)).isTrue(); // which is done already
            assertThat(job.curve()).hasSize(10);
        }
        try (Multiplying net = new Multiplying(3);
                TrainingJob job = job("work", net, Progress.silent(), NEVER)) {
            assertThat(job.run()).isTrue();
            assertThat(net.weights()).isEqualTo(whole);
        }
    }

    @Test
    void aFinishedJobIsFinishedAtOnceAndItsLogStays() throws Exception {
        float[] whole = undisturbed("work");
        byte[] log = Files.readAllBytes(log("work"));
        Told told = new Told();
        try (Multiplying net = new Multiplying(2);
                TrainingJob job = job("work", net, told, () -> true)) {
            assertThat(job.run()).isTrue();
            assertThat(net.weights()).isEqualTo(whole);
        }
        assertThat(told.skipped).isEqualTo(320);
        assertThat(told.advanced).isZero();
        assertThat(log("work")).hasBinaryContent(log);
    }

    @Test
    void whatIsTakenOnTheWayIsTheAverageAndLeavesNoTrace() {
        float[] whole = undisturbed("whole");
        List<float[]> taken = new ArrayList<>();
        try (Multiplying net = new Multiplying(1);
                TrainingJob job = job("work", net, Progress.silent(), NEVER)) {
            job.run(
                    STEPS,
                    step -> {
                        if (step == 20) {
                            job.withMovingAverage(() -> taken.add(net.weights()));
                        }
                    });
            assertThat(net.weights()).isEqualTo(whole);
        }
        try (Multiplying net = new Multiplying(1);
                TrainingJob job = job("half", net, Progress.silent(), NEVER)) {
            job.run(20, NOTHING);
            assertThat(taken).containsExactly(net.weights());
        }
    }

    @Test
    void theCheckpointOfATrainingOfAnotherRecipeIsRefused() throws Exception {
        undisturbed("work");
        byte[] log = Files.readAllBytes(log("work"));
        TrainingJob.Spec other =
                TrainingJob.Spec.in(temp.resolve("work"), "sum", "learn", "pairs", "another");
        assertThatThrownBy(other::requireOwnCheckpoint)
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining("sum-state")
                .hasMessageContaining("a different run")
                .hasMessageContaining("give another `work`, or remove the folder");
        try (Multiplying net = new Multiplying(1)) {
            assertThatThrownBy(() ->
                            new TrainingJob(
                                    other,
                                    net.parameters,
                                    net,
                                    options(STEPS, 1e-2),
                                    Progress.silent(),
                                    NEVER))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("a different run");
        }
        spec("work").requireOwnCheckpoint();
        assertThat(log("work")).hasBinaryContent(log);
    }

    @Test
    void withoutALogThereIsTheCheckpointAloneAndItCanBeDiscarded() {
        TrainingJob.Spec silent =
                new TrainingJob.Spec(
                        "learn",
                        "pairs",
                        temp.resolve("state"),
                        "out",
                        Optional.empty(),
                        "one recipe");
        try (Multiplying net = new Multiplying(1);
                TrainingJob job =
                        new TrainingJob(
                                silent,
                                net.parameters,
                                net,
                                options(STEPS, 1e-2),
                                Progress.silent(),
                                NEVER)) {
            assertThat(job.run()).isTrue();
            assertThat(temp).isDirectoryNotContaining(f -> !f.endsWith("state"));
            assertThat(temp.resolve("state")).isNotEmptyDirectory();
            job.discardState();
            assertThat(temp).isEmptyDirectory();
        }
    }

    @Test
    void aTrainingThatDivergesLeavesItsLog() {
        try (Multiplying net = new Multiplying(1);
                TrainingJob job =
                        new TrainingJob(
                                spec("work"),
                                net.parameters,
                                net,
                                options(STEPS, 1e25),
                                Progress.silent(),
                                NEVER)) {
            assertThatThrownBy(job::run)
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("diverged at step");
            assertThat(loggedSteps("work")).isEqualTo(upTo(job.curve().size())).isNotEmpty();
        }
    }

    @Test
    void weightsSayInTheirHeaderHowTheyWereMade() {
        Path file = temp.resolve("net.safetensors");
        Provenance provenance =
                Provenance.of(new SoupRecipe("{\"method\":\"sum\"}")).with("origin", "drawn");
        try (Multiplying net = new Multiplying(1)) {
            TrainedWeights.write(file, net.parameters, DType.F16, provenance);
        }
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            assertThat(f.metadata()).containsEntry("format", "pt");
            assertThat(Provenance.readFrom(f.metadata())).contains(provenance);
            assertThat(f.tensors())
                    .hasSize(4)
                    .allSatisfy((name, t) -> assertThat(t.dtype()).isEqualTo(DType.F16));
        }
    }
}
