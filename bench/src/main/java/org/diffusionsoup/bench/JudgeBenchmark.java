package org.diffusionsoup.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.TifaJudge;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.workbench.ProcessMemory;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;

/**
 * Measures judges on this machine: pictures scored per second, preprocessing included, and resident
 * memory meanwhile. The pictures are noise, which changes no time.
 */
public final class JudgeBenchmark {
    /** Pictures given to a judge at a time; it makes its own batches of them. */
    private static final int CALL = 32;

    private static final int WARM_UP_CALLS = 4;
    private static final double MIB = 1024 * 1024;
    private static final double NANOS = 1e9;

    private JudgeBenchmark() {}

    /**
     * What is measured.
     *
     * @param judges one or more
     * @param pictures how many are scored in the measured time, in calls of 32 and a last one of
     *     the rest
     * @param size their height and width in pixels, before the judge's own preprocessing
     */
    public record Request(List<JudgeSpec> judges, int pictures, int size) {
        /**
         * @throws SoupException if there is no judge or a number is not positive
         */
        public Request {
            judges = List.copyOf(judges);
            if (judges.isEmpty()) {
                throw new SoupException("`judge` is missing; name one to measure.");
            }
            if (pictures < 1) {
                throw new SoupException("`pictures` must be at least 1, not " + pictures + ".");
            }
            if (size < 1) {
                throw new SoupException("`size` must be at least 1 pixel, not " + size + ".");
            }
        }
    }

    /**
     * One judge's figures.
     *
     * @param judge who
     * @param pictures how many were scored in the measured time
     * @param picturesPerSecond over all of them
     * @param startMiB resident memory after the warm-up; empty where the system does not tell
     * @param endMiB resident memory after the last picture
     * @param memory one sample per call of at most 32 pictures
     */
    public record Result(
            Judge judge,
            int pictures,
            double picturesPerSecond,
            Optional<Double> startMiB,
            Optional<Double> endMiB,
            Optional<ResidentMemory> memory) {}

    /** Measures one judge after the other, each alone in memory. */
    public static List<Result> run(Request request, Progress progress) {
        List<Picture> pictures = noise(request.size());
        List<Result> out = new ArrayList<>();
        for (JudgeSpec spec : request.judges()) {
            try (PictureScorer judge = spec.open(ClipConvention.RAW_COSINE)) {
                out.add(measure(judge.judge(), judge, pictures, request.pictures(), progress));
            }
        }
        return out;
    }

    private static Result measure(
            Judge name,
            PictureScorer judge,
            List<Picture> pictures,
            int wanted,
            Progress progress) {
        List<String> captions = captions(judge);
        for (int i = 0; i < WARM_UP_CALLS; i++) {
            judge.score(pictures, captions);
        }
        int calls = (wanted + CALL - 1) / CALL;
        progress.start(name.name(), wanted, "images");
        List<Long> samples = new ArrayList<>();
        ProcessMemory.resident().ifPresent(samples::add);
        long nanos = 0;
        for (int i = 0; i < calls; i++) {
            int count = Math.min(CALL, wanted - i * CALL);
            long from = System.nanoTime();
            judge.score(pictures.subList(0, count), captions.subList(0, count));
            nanos += System.nanoTime() - from;
            OptionalLong now = ProcessMemory.resident();
            now.ifPresent(samples::add);
            progress.advance(count);
        }
        boolean known = samples.size() == calls + 1;
        return new Result(
                name,
                wanted,
                wanted * NANOS / nanos,
                known ? Optional.of(samples.getFirst() / MIB) : Optional.empty(),
                known ? Optional.of(samples.getLast() / MIB) : Optional.empty(),
                known ? Optional.of(ResidentMemory.of(samples)) : Optional.empty());
    }

    private static List<String> captions(PictureScorer judge) {
        List<String> texts =
                judge instanceof TifaJudge tifa
                        ? tifa.captions()
                        : List.of("a red apple", "two birds on a table", "a photo of a cat");
        List<String> out = new ArrayList<>();
        for (int i = 0; i < CALL; i++) {
            out.add(texts.get(i % texts.size()));
        }
        return out;
    }

    private static List<Picture> noise(int size) {
        var random = new SplittableRandom(1);
        List<Picture> out = new ArrayList<>();
        for (int i = 0; i < CALL; i++) {
            byte[] samples = new byte[Math.multiplyExact(Math.multiplyExact(size, size), 3)];
            random.nextBytes(samples);
            out.add(Picture.rgb(size, size, samples));
        }
        return out;
    }
}
