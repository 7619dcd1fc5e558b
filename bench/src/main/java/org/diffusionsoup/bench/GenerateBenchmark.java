package org.diffusionsoup.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.WorkFolder;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.workbench.ProcessMemory;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * Measures drawing by the real generator, text encoder and decoder included: pictures in one batch
 * beside the same one by one, and a soup, which is one model, beside ensembles of several.
 */
public final class GenerateBenchmark {
    private final Request request;
    private final Progress progress;

    /** A benchmark that tells {@code progress} how far it is. */
    public GenerateBenchmark(Request request, Progress progress) {
        this.request = request;
        this.progress = progress;
    }

    /**
     * What is measured.
     *
     * @param model folder in diffusers layout
     * @param pictures that are drawn, at least 2
     * @param steps of each
     * @param ensembles numbers of members, each at least 2; the members are copies of the model
     * @param repeats of each way, at least 1; the fastest counts
     * @param weights the format that weights are held in
     */
    public record Request(
            Path model,
            int pictures,
            int steps,
            List<Integer> ensembles,
            int repeats,
            WeightFormat weights) {
        /**
         * @throws SoupException if a number is too small
         */
        public Request {
            if (pictures < 2 || steps < 1 || repeats < 1) {
                throw new SoupException(
                        "`pictures` must be at least 2, `steps` and `repeats` at least 1.");
            }
            if (ensembles.stream().anyMatch(n -> n < 2)) {
                throw new SoupException(
                        "`members` must be numbers of at least 2, not " + ensembles + ".");
            }
            ensembles = List.copyOf(ensembles);
        }
    }

    /**
     * One way of drawing.
     *
     * @param way for people
     * @param members models whose predictions are averaged; 1 for a soup
     * @param batch pictures denoised together
     * @param secondsPerPicture of the fastest repeat
     * @param toBatch times the soup's in one batch
     * @param peakResidentBytes of the process, its weights included; 0 where the system does not
     *     tell
     */
    public record Way(
            String way,
            int members,
            int batch,
            double secondsPerPicture,
            double toBatch,
            long peakResidentBytes) {}

    /**
     * All measurements of one run.
     *
     * @param model as given
     * @param threads of libtorch
     * @param pictures drawn in each way
     * @param steps of each
     * @param weights the format that weights were held in
     * @param ways in one batch first
     */
    public record Result(
            String model,
            int threads,
            int pictures,
            int steps,
            WeightFormat weights,
            List<Way> ways) {}

    /** Runs all measurements. */
    public Result run() {
        List<Way> ways = new ArrayList<>();
        ways.add(way("soup, one batch", 1, request.pictures(), 0));
        double batch = ways.getFirst().secondsPerPicture();
        ways.add(way("soup, one by one", 1, 1, batch));
        for (int n : request.ensembles()) {
            ways.add(way("ensemble of " + n + ", one batch", n, request.pictures(), batch));
        }
        return new Result(
                request.model().toString(),
                Torch.threads(),
                request.pictures(),
                request.steps(),
                request.weights(),
                ways);
    }

    private Way way(String name, int members, int batch, double reference) {
        try (WorkFolder links = WorkFolder.make("soup-bench-")) {
            link(members, links.path());
            return way(name, links.path(), members, batch, reference);
        }
    }

    /** An ensemble takes no model twice, so that its members have names of their own. */
    private void link(int members, Path folder) {
        try {
            for (int i = 0; i < members; i++) {
                Files.createSymbolicLink(folder.resolve("copy-" + i), request.model().toRealPath());
            }
        } catch (IOException e) {
            throw new SoupIoException("link to", request.model(), e);
        }
    }

    private Way way(String name, Path links, int members, int batch, double reference) {
        GenerateSettings settings =
                new GenerateSettings(
                                request.steps(),
                                GenerateSettings.GUIDANCE,
                                "",
                                Optional.empty(),
                                Optional.empty(),
                                batch)
                        .withWeights(request.weights());
        List<String> prompts = Collections.nCopies(request.pictures(), "a red apple");
        List<Long> seeds = LongStream.range(0, request.pictures()).boxed().toList();
        try (Generator generator = open(links, members, settings)) {
            generator.pictures(prompts.subList(0, 1), seeds.subList(0, 1), Progress.silent());
            ProcessMemory.forgetPeak();
            progress.start(name, request.repeats(), "times");
            double seconds = Double.MAX_VALUE;
            for (int i = 0; i < request.repeats(); i++) {
                long start = System.nanoTime();
                generator.pictures(prompts, seeds, Progress.silent());
                seconds = Math.min(seconds, (System.nanoTime() - start) / 1e9);
                progress.advance(1);
            }
            double each = seconds / request.pictures();
            return new Way(
                    name,
                    members,
                    batch,
                    each,
                    reference == 0 ? 1 : each / reference,
                    ProcessMemory.peak().orElse(0));
        }
    }

    private static Generator open(Path links, int members, GenerateSettings settings) {
        List<Path> models =
                IntStream.range(0, members).mapToObj(i -> links.resolve("copy-" + i)).toList();
        return members == 1
                ? Generator.open(models.getFirst(), settings)
                : Generator.ensemble(models, settings);
    }
}
