package org.diffusionsoup.workbench.judges.train;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.random.RandomGenerator;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.judges.question.Colour;
import org.diffusionsoup.workbench.judges.question.MeasuredColours;
import org.diffusionsoup.workbench.judges.question.TrainingRows;

/**
 * Makes preference pairs from rows. Stands in for people who rank pictures: what these pairs teach
 * is to see known damage and wrong captions, not taste.
 */
public final class PreferencePairs {
    /** Below this the eye hardly sees a difference. */
    static final double LOWEST = 0.2;

    private final TrainingRows rows;
    private final Map<String, List<TrainingRows.Row>> byStyle = new HashMap<>();
    private final Map<String, RgbImage> partial = new HashMap<>();
    private final Map<String, Double> partialLevels = new HashMap<>();
    private final List<TrainingRows.Row> partialRows = new ArrayList<>();

    public PreferencePairs(TrainingRows rows) {
        this.rows = rows;
        for (TrainingRows.Row r : rows.rows()) {
            byStyle.computeIfAbsent(r.info().style(), k -> new ArrayList<>()).add(r);
        }
    }

    /**
     * Draws partly denoised versions of every n-th row once, as they are too slow to be drawn at
     * every step; the level of each depends on its key.
     */
    public void addPartial(PartialDenoiser denoiser, int every, IntConsumer done) {
        List<TrainingRows.Row> some = new ArrayList<>();
        for (int i = 0; i < rows.rows().size(); i += every) {
            some.add(rows.rows().get(i));
        }
        int chunk = 64;
        for (int from = 0; from < some.size(); from += chunk) {
            List<TrainingRows.Row> part = some.subList(from, Math.min(some.size(), from + chunk));
            List<Double> levels = new ArrayList<>();
            for (TrainingRows.Row r : part) {
                levels.add(LOWEST + (1 - LOWEST) * random(r, "partial").nextDouble());
            }
            List<RgbImage> drawn =
                    denoiser.pictures(
                            part.stream().map(TrainingRows.Row::image).toList(),
                            part.stream().map(r -> r.info().prompt()).toList(),
                            levels,
                            from);
            for (int i = 0; i < part.size(); i++) {
                partialRows.add(part.get(i));
                partial.put(part.get(i).info().key(), drawn.get(i));
                partialLevels.put(part.get(i).info().key(), levels.get(i));
            }
            done.accept(part.size());
        }
    }

    /** The rows that {@link #addPartial} drew. */
    List<TrainingRows.Row> partialRows() {
        return partialRows;
    }

    /** Whether pairs of this kind can be made for a row. */
    boolean has(TrainingRows.Row row, Degradation kind) {
        return switch (kind) {
            case PARTIAL_DENOISING -> partial.containsKey(row.info().key());
            case WRONG_CAPTION -> others(row) > 0;
            case NOISE, BLUR -> true;
            // Black line drawings have no hue to turn.
            case COLOUR_SHIFT -> coloured(row) >= 0.3;
        };
    }

    private static double coloured(TrainingRows.Row row) {
        MeasuredColours c = row.colours();
        return 1 - c.share(Colour.BLACK) - c.share(Colour.GREY) - c.share(Colour.WHITE);
    }

    private long others(TrainingRows.Row row) {
        String subject = TrainingRows.subject(row.info());
        return Objects.requireNonNull(byStyle.get(row.info().style())).stream()
                .filter(r -> !TrainingRows.subject(r.info()).equals(subject))
                .count();
    }

    /** The pair of a row and a kind, always the same. */
    PreferencePair of(TrainingRows.Row row, Degradation kind) {
        RandomGenerator random = random(row, kind.name());
        return of(row, kind, SampleInfo::prompt, LOWEST, random);
    }

    /**
     * A pair with its level left to chance.
     *
     * @param say how a row's caption is put, the right one and the wrong one
     * @param lowest smallest level
     */
    PreferencePair of(
            TrainingRows.Row row,
            Degradation kind,
            Function<SampleInfo, String> say,
            double lowest,
            RandomGenerator random) {
        double level = lowest + (1 - lowest) * random.nextDouble();
        RgbImage image = row.image();
        String text = say.apply(row.info());
        return switch (kind) {
            case WRONG_CAPTION ->
                    new PreferencePair(image, text, image, wrongText(row, say, random), kind, 1);
            case PARTIAL_DENOISING -> {
                String key = row.info().key();
                RgbImage worse = Objects.requireNonNull(partial.get(key), key);
                double of = Objects.requireNonNull(partialLevels.get(key), key);
                yield new PreferencePair(image, text, worse, text, kind, of);
            }
            case NOISE, BLUR, COLOUR_SHIFT ->
                    new PreferencePair(
                            image, text, kind.apply(image, level, random), text, kind, level);
        };
    }

    /** A pair of two damaged pictures, of which one is clearly more so. */
    PreferencePair twoLevels(
            TrainingRows.Row row,
            Degradation kind,
            Function<SampleInfo, String> say,
            RandomGenerator random) {
        double low = 0.7 * random.nextDouble();
        double high = low + 0.25 + (0.75 - low) * random.nextDouble();
        String text = say.apply(row.info());
        return new PreferencePair(
                kind.apply(row.image(), low, random),
                text,
                kind.apply(row.image(), high, random),
                text,
                kind,
                high);
    }

    /** What is said of another subject in the same style. */
    String wrongText(
            TrainingRows.Row row, Function<SampleInfo, String> say, RandomGenerator random) {
        List<TrainingRows.Row> same = Objects.requireNonNull(byStyle.get(row.info().style()));
        String subject = TrainingRows.subject(row.info());
        for (int tries = 0; tries < 1000; tries++) {
            TrainingRows.Row other = same.get(random.nextInt(same.size()));
            if (!TrainingRows.subject(other.info()).equals(subject)) {
                return say.apply(other.info());
            }
        }
        throw new IllegalStateException("no other subject in style " + row.info().style());
    }

    private static Random random(TrainingRows.Row row, String what) {
        String text = "preference-pairs-1:" + what + ":" + row.info().key();
        String hash = Hashes.sha256Hex(text.getBytes(StandardCharsets.UTF_8));
        return new Random(Long.parseUnsignedLong(hash.substring(0, 16), 16));
    }
}
