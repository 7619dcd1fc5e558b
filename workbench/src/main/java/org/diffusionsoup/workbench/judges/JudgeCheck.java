package org.diffusionsoup.workbench.judges;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.question.BlindAnswers;
import org.diffusionsoup.workbench.judges.question.JudgeKind;
import org.diffusionsoup.workbench.judges.question.QuestionMaker;
import org.diffusionsoup.workbench.judges.question.Said;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.diffusionsoup.workbench.judges.train.Accuracy;
import org.diffusionsoup.workbench.judges.train.Degradation;
import org.diffusionsoup.workbench.judges.train.PartialDenoiser;
import org.diffusionsoup.workbench.judges.train.PreferencePairs;

/**
 * Says how far judges can be trusted: how often each is right about real held-out pictures, and
 * whether its score falls as noise grows and as more captions are swapped.
 */
public final class JudgeCheck {
    static final List<Double> LEVELS = List.of(0.0, 0.25, 0.5, 0.75, 1.0);

    /**
     * The strongest noise in the check, in units of the strongest in training: a standard deviation
     * of about 160, in which a picture drowns. Judges look at small pictures, in which weak noise
     * is averaged away, and a reward beyond what it was trained on stays where it is.
     */
    private static final double NOISE_RANGE = 1.75;

    /** Every how manieth training row is read to know which answers are frequent. */
    private static final int TRAINED_EVERY = 5;

    private final Shard data;
    private final OptionalInt limit;
    private final Progress progress;

    /**
     * @param data with held-out rows
     * @param limit most held-out rows to look at, at least 1; all where it is empty
     */
    public JudgeCheck(Shard data, OptionalInt limit, Progress progress) {
        this.data = data;
        this.limit = limit;
        this.progress = progress;
    }

    /**
     * Checks judges.
     *
     * @param judges folder by kind
     * @param base model whose incomplete drawings are to be told from finished ones; without one
     *     that is left out
     * @throws SoupException if there are no held-out rows, or a judge cannot be loaded
     */
    public JudgeReport run(Map<JudgeKind, Path> judges, Optional<Path> base) {
        Shard chosen = some(data.heldOut(), limit);
        if (judges.keySet().stream().anyMatch(kind -> kind != JudgeKind.AESTHETIC)) {
            requireCaptionsToSwap(chosen); // before anything is drawn
        }
        TrainingRows heldOut = read("read held-out pictures", chosen);
        PreferencePairs pairs = new PreferencePairs(heldOut);
        if (base.isPresent()
                && (judges.containsKey(JudgeKind.REWARD)
                        || judges.containsKey(JudgeKind.AESTHETIC))) {
            try (PartialDenoiser denoiser = new PartialDenoiser(StableDiffusion.load(base.get()))) {
                progress.start("draw incomplete pictures", heldOut.rows().size(), "images");
                pairs.addPartial(denoiser, 1, progress::advance);
            }
        }
        List<Accuracy> accuracies = new ArrayList<>();
        List<Fall> falls = new ArrayList<>();
        for (JudgeKind kind : JudgeKind.values()) {
            if (!judges.containsKey(kind)) {
                continue;
            }
            try (Examinee judge = load(kind, judges, this::blind)) {
                progress.start("check " + judge.name(), 2, "parts");
                accuracies.addAll(judge.accuracies(heldOut, pairs));
                progress.advance(1);
                falls(judge, heldOut, falls);
                progress.advance(1);
            }
        }
        return new JudgeReport(accuracies, falls);
    }

    /** The answers that were frequent in training. */
    private BlindAnswers blind() {
        TrainingRows trained =
                read("read training pictures", some(data.train(), OptionalInt.of(trained())));
        QuestionMaker maker =
                new QuestionMaker(trained.rows().stream().map(TrainingRows.Row::info).toList());
        return new BlindAnswers(
                trained.rows().stream().flatMap(r -> maker.about(r.info(), r.colours()).stream()));
    }

    /**
     * Loads a judge.
     *
     * @param judges folder by kind
     * @param blind asked for by one that answers questions
     */
    static Examinee load(
            JudgeKind kind, Map<JudgeKind, Path> judges, Supplier<BlindAnswers> blind) {
        Path folder = Objects.requireNonNull(judges.get(kind));
        return switch (kind) {
            case CLIP -> new ClipExaminee(folder);
            case VQA -> new VqaExaminee(folder, blind.get());
            case REWARD -> new RewardExaminee(folder);
            case AESTHETIC -> {
                Path clip = judges.get(JudgeKind.CLIP);
                if (clip == null) {
                    throw new SoupException(
                            "an aesthetic head is checked on its CLIP's embeddings: name the CLIP"
                                    + " as well.");
                }
                yield new AestheticExaminee(clip, folder);
            }
        };
    }

    private int trained() {
        int share = Math.max(1, data.train().size() / TRAINED_EVERY);
        return limit.isEmpty() ? share : Math.min(share, 4 * limit.getAsInt());
    }

    private TrainingRows read(String task, Shard rows) {
        if (rows.size() == 0) {
            throw new SoupException(
                    "shard "
                            + data.name()
                            + " has no rows for \""
                            + task
                            + "\"; a check needs both"
                            + " training and held-out rows.");
        }
        progress.start(task, rows.size(), "images");
        TrainingRows read = new TrainingRows(rows, 1, Progress.silent());
        progress.advance(rows.size());
        return read;
    }

    /** Rows at random, always the same ones. */
    private static Shard some(Shard rows, OptionalInt most) {
        if (most.isEmpty() || rows.size() <= most.getAsInt()) {
            return rows;
        }
        Set<String> kept =
                shuffled(rows).subList(0, most.getAsInt()).stream()
                        .map(SampleInfo::key)
                        .collect(Collectors.toSet());
        return rows.filter(i -> kept.contains(i.key()));
    }

    private static List<SampleInfo> shuffled(Shard rows) {
        List<SampleInfo> infos = new ArrayList<>(rows.infos());
        Collections.shuffle(infos, new Random(17));
        return infos;
    }

    /** Each style needs two subjects, so that a row can be given the caption of another one. */
    private void requireCaptionsToSwap(Shard chosen) {
        Optional<String> lonely = lonely(chosen.infos());
        if (lonely.isEmpty()) {
            return;
        }
        List<SampleInfo> all = shuffled(data.heldOut());
        int enough = all.size() + 1;
        while (enough - 1 > chosen.size() && lonely(all.subList(0, enough - 1)).isEmpty()) {
            enough--;
        }
        throw new SoupException(
                enough > all.size()
                        ? "The held-out rows of style %s are all about one subject, so their captions cannot be swapped; name a view of the shard without that style."
                                .formatted(lonely.get())
                        : "`limit` %d leaves rows about one subject alone of style %s, whose captions cannot be swapped; give %d or more."
                                .formatted(chosen.size(), lonely.get(), enough));
    }

    /** A style of which all rows are about one subject. */
    private static Optional<String> lonely(List<SampleInfo> rows) {
        Map<String, Set<String>> subjects = new TreeMap<>();
        rows.forEach(i ->
                subjects.computeIfAbsent(i.style(), s -> new HashSet<>())
                        .add(TrainingRows.subject(i)));
        return subjects.entrySet().stream()
                .filter(e -> e.getValue().size() == 1)
                .map(Map.Entry::getKey)
                .findFirst();
    }

    private static void falls(Examinee judge, TrainingRows heldOut, List<Fall> out) {
        List<TrainingRows.Row> rows = new ArrayList<>(heldOut.rows());
        Collections.shuffle(rows, new Random(23));
        List<TrainingRows.Row> own = List.copyOf(rows);
        List<Said> said = said(own, heldOut);
        out.add(fall(judge, "noise", rows.size(), level -> judge.scores(noisy(own, level), said)));
        if (judge.reads()) {
            List<RgbImage> images = rows.stream().map(TrainingRows.Row::image).toList();
            out.add(
                    fall(
                            judge,
                            "swapped captions",
                            rows.size(),
                            level -> judge.scores(images, said(swapped(own, level), heldOut))));
        }
    }

    private static List<Said> said(List<TrainingRows.Row> rows, TrainingRows heldOut) {
        QuestionMaker maker =
                new QuestionMaker(heldOut.rows().stream().map(TrainingRows.Row::info).toList());
        return rows.stream()
                .map(r -> new Said(r.info().prompt(), maker.about(r.info(), r.colours())))
                .toList();
    }

    /** The mean score at every level. */
    static Fall fall(Examinee judge, String by, int pictures, Function<Double, double[]> scores) {
        List<Double> means =
                LEVELS.stream()
                        .map(level -> Arrays.stream(scores.apply(level)).average().orElseThrow())
                        .toList();
        return new Fall(judge.name(), by, LEVELS, means, pictures);
    }

    private static List<RgbImage> noisy(List<TrainingRows.Row> rows, double level) {
        List<RgbImage> out = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            // The same noise at every level, only stronger.
            var random = new SplittableRandom(Rng.mix(29, i));
            out.add(Degradation.NOISE.apply(rows.get(i).image(), NOISE_RANGE * level, random));
        }
        return out;
    }

    /** The first rows of the shuffled list are said to be what the row half a list on is. */
    private static List<TrainingRows.Row> swapped(List<TrainingRows.Row> rows, double level) {
        List<TrainingRows.Row> out = new ArrayList<>(rows);
        long swaps = Math.round(level * rows.size());
        for (int i = 0; i < swaps; i++) {
            out.set(i, another(rows, i));
        }
        return out;
    }

    private static TrainingRows.Row another(List<TrainingRows.Row> rows, int i) {
        String subject = TrainingRows.subject(rows.get(i).info());
        for (int k = 0; k < rows.size(); k++) {
            TrainingRows.Row other = rows.get((i + rows.size() / 2 + k) % rows.size());
            if (other.info().style().equals(rows.get(i).info().style())
                    && !TrainingRows.subject(other.info()).equals(subject)) {
                return other;
            }
        }
        throw new IllegalStateException("no other subject in style " + rows.get(i).info().style());
    }
}
