package org.diffusionsoup.workbench.judges.question;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;

/** Rows of a shard with their pictures and measured colours in memory, grouped by subject. */
public final class TrainingRows {
    /**
     * One picture and what is known of it.
     *
     * @param small the picture at the side that a judge looks at
     */
    public record Row(SampleInfo info, RgbImage image, RgbImage small, MeasuredColours colours) {
        /** The words after style and name in the caption. */
        public List<String> tags() {
            String prompt = info.prompt();
            if (!info.caption().startsWith(prompt + ", ")) {
                return List.of();
            }
            return List.of(info.caption().substring(prompt.length() + 2).split(", "));
        }
    }

    private final List<Row> rows = new ArrayList<>();
    private final List<List<Row>> subjects;

    /**
     * Reads all rows; the pictures must have one size.
     *
     * @param side height and width of the small pictures
     * @param progress of a task that is running, told of each row
     */
    public TrainingRows(Shard shard, int side, Progress progress) {
        Map<String, List<Row>> bySubject = new LinkedHashMap<>();
        for (int i = 0; i < shard.size(); i++) {
            var sample = shard.get(i);
            RgbImage image = sample.image();
            Row row =
                    new Row(
                            sample.info(),
                            image,
                            image.resized(side, side),
                            MeasuredColours.of(image));
            if (i > 0
                    && (image.width() != rows.getFirst().image().width()
                            || image.height() != rows.getFirst().image().height())) {
                throw new SoupException(
                        "row %s of shard %s is %d×%d, the rows before it are not; import the"
                                        .formatted(
                                                row.info().key(),
                                                shard.name(),
                                                image.width(),
                                                image.height())
                                + " pictures at one `size`.");
            }
            rows.add(row);
            progress.advance(1);
            bySubject.computeIfAbsent(subject(row.info()), k -> new ArrayList<>()).add(row);
        }
        if (rows.isEmpty()) {
            throw new SoupException("shard " + shard.name() + " has no rows to train on.");
        }
        subjects = List.copyOf(bySubject.values());
    }

    /** What a row is about, the same for all its providers. */
    public static String subject(SampleInfo info) {
        return info.subject().isEmpty() ? info.prompt() : info.subject();
    }

    /** All rows in key order. */
    public List<Row> rows() {
        return rows;
    }

    /** The rows of each subject, at least one. */
    public List<List<Row>> subjects() {
        return subjects;
    }

    /** Width of every picture in pixels. */
    int width() {
        return rows.getFirst().image().width();
    }

    /** Height of every picture in pixels. */
    int height() {
        return rows.getFirst().image().height();
    }
}
