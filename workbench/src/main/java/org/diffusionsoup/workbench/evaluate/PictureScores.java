package org.diffusionsoup.workbench.evaluate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;

/** Scores of pictures as the data and the generator hand them out. */
public final class PictureScores {
    /** What real pictures are called where models are named. */
    public static final String REAL = "real pictures";

    private static final int CHUNK = 64;

    private PictureScores() {}

    /** A picture as judges take it. */
    public static Picture picture(RgbImage image) {
        return Picture.rgb(image.width(), image.height(), image.pixels());
    }

    /**
     * Scores one model's pictures.
     *
     * @param model the model's name
     * @param prompts one or more
     * @param pictures per prompt, one per seed
     */
    public static ScoreSet of(
            PictureScorer judge,
            String model,
            List<String> prompts,
            List<List<RgbImage>> pictures) {
        return judge.score(
                model,
                prompts,
                pictures.stream()
                        .map(row -> row.stream().map(PictureScores::picture).toList())
                        .toList());
    }

    /**
     * Scores a shard's own pictures, each against its own text. Pictures of one subject are
     * averaged first: they are not independent evidence, and an interval over them would be too
     * narrow.
     *
     * @param text what to score a row against, such as {@code SampleInfo::caption}
     * @return one value per subject
     * @throws SoupException if the shard has no rows
     */
    public static ScoreSet ofShard(
            PictureScorer judge,
            Shard shard,
            Function<SampleInfo, String> text,
            Progress progress) {
        if (shard.size() == 0) {
            throw new SoupException("shard " + shard.name() + " has no rows to score.");
        }
        progress.start("score " + shard.name(), shard.size(), "images");
        List<SampleInfo> rows = shard.infos();
        Map<String, List<Double>> bySubject = new LinkedHashMap<>();
        for (int from = 0; from < rows.size(); from += CHUNK) {
            int to = Math.min(from + CHUNK, rows.size());
            List<String> texts = rows.subList(from, to).stream().map(text).toList();
            double[] scores = judge.score(pictures(shard, from, to), texts);
            for (int i = from; i < to; i++) {
                bySubject
                        .computeIfAbsent(SubjectChoice.subject(rows.get(i)), k -> new ArrayList<>())
                        .add(scores[i - from]);
            }
            progress.advance(to - from);
        }
        double[][] values =
                bySubject.values().stream()
                        .map(v -> v.stream().mapToDouble(Double::doubleValue).average())
                        .map(mean -> new double[] {mean.orElseThrow()})
                        .toArray(double[][]::new);
        return ScoreSet.of(REAL, judge.judge(), List.copyOf(bySubject.keySet()), values);
    }

    /** Rows {@code from} to before {@code to}, decoded. */
    static List<Picture> pictures(Shard shard, int from, int to) {
        List<Picture> out = new ArrayList<>();
        for (int i = from; i < to; i++) {
            out.add(picture(shard.get(i).image()));
        }
        return out;
    }
}
