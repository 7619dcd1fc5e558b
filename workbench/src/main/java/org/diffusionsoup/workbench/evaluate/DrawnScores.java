package org.diffusionsoup.workbench.evaluate;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.CandidateWeights;
import org.diffusionsoup.core.search.Scorer;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * Scores candidate soups by drawing: the same prompts from the same noise for all, judged. One
 * score per prompt, the mean over its seeds. A candidate's weights go from memory into the model
 * that draws; no file is written.
 */
public final class DrawnScores implements Scorer {
    private final Generator generator;
    private final PictureScorer judge;
    private final List<String> prompts;
    private final List<Long> seeds;
    private final GenerateSettings settings;
    private final Progress progress;
    private String name = "candidate";
    private long drawing;
    private long judging;

    /**
     * @param generator one of {@link Generator#exchangeable}; its weights are exchanged
     * @param judge whose score it is; both stay the caller's to close
     * @param prompts one score each
     * @param seeds of the noise, for every prompt
     * @param settings the generator was opened with
     */
    public DrawnScores(
            Generator generator,
            PictureScorer judge,
            List<String> prompts,
            List<Long> seeds,
            GenerateSettings settings,
            Progress progress) {
        this.generator = generator;
        this.judge = judge;
        this.prompts = List.copyOf(prompts);
        this.seeds = List.copyOf(seeds);
        this.settings = settings;
        this.progress = progress;
    }

    /** What progress calls the models that are drawn from now on, such as {@code candidate 3}. */
    public void call(String name) {
        this.name = name;
    }

    @Override
    public SortedMap<String, String> identity() {
        TreeMap<String, String> id = new TreeMap<>();
        id.put("judge", judge.judge().name());
        id.put("judge_sha256", judge.judge().weightsSha256());
        id.put("convention", judge.judge().convention());
        id.put(
                "prompts_sha256",
                Hashes.sha256Hex(String.join("\n", prompts).getBytes(StandardCharsets.UTF_8)));
        id.put("prompts", Integer.toString(prompts.size()));
        id.put("seeds", seeds.toString());
        id.put("steps", Integer.toString(settings.steps()));
        id.put("guidance", Double.toString(settings.guidance()));
        id.put("negative", settings.negativePrompt());
        id.put("scheduler", generator.schedulerName());
        id.put("size", generator.size().text());
        id.put("batch", Integer.toString(settings.batch()));
        return id;
    }

    @Override
    public double[] score(Candidate candidate, CandidateWeights weights) {
        use(weights);
        List<Picture> pictures = new ArrayList<>();
        List<String> captions = new ArrayList<>();
        long start = System.nanoTime();
        List<List<RgbImage>> grid = generator.grid(prompts, seeds, new Named(progress, name));
        long drawn = System.nanoTime();
        for (int p = 0; p < prompts.size(); p++) {
            for (RgbImage image : grid.get(p)) {
                pictures.add(PictureScores.picture(image));
                captions.add(prompts.get(p));
            }
        }
        double[] each = judge.score(pictures, captions);
        drawing += drawn - start;
        judging += System.nanoTime() - drawn;
        double[] means = new double[prompts.size()];
        for (int p = 0; p < means.length; p++) {
            double sum = 0;
            for (int s = 0; s < seeds.size(); s++) {
                sum += each[p * seeds.size() + s];
            }
            means[p] = sum / seeds.size();
        }
        return means;
    }

    /** Seconds that were spent drawing for scores so far. */
    public double drawingSeconds() {
        return drawing / 1e9;
    }

    /** Seconds that the judge took so far. */
    public double judgingSeconds() {
        return judging / 1e9;
    }

    /** Puts a candidate's weights into the model that draws. */
    private void use(CandidateWeights weights) {
        for (String part : weights.parts()) {
            if (!weights.isShared(part)) {
                generator.exchange(part, weights.part(part));
            }
        }
    }

    /** The first seed's picture of some prompts, drawn with a candidate's weights. */
    public List<RgbImage> pictures(CandidateWeights weights, List<String> some) {
        use(weights);
        return generator.grid(some, seeds.subList(0, 1), new Named(progress, name)).stream()
                .map(List::getFirst)
                .toList();
    }

    /** The generator knows the folder that it was opened with, and not whose weights it draws. */
    private record Named(Progress all, String name) implements Progress {
        @Override
        public void start(String task, long total, String unit) {
            all.start("generate " + name, total, unit);
        }

        @Override
        public void advance(long units) {
            all.advance(units);
        }

        @Override
        public void message(String note) {
            all.message(note);
        }

        @Override
        public void close() {
            all.close();
        }
    }
}
