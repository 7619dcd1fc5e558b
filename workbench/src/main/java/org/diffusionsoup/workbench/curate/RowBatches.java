package org.diffusionsoup.workbench.curate;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.PictureScores;

/** Reads a shard in batches, one batch of decoded pictures in memory at a time. */
final class RowBatches {
    private static final int BATCH = 64;

    private RowBatches() {}

    /** A batch of rows that follow each other. */
    record Batch(int firstRow, List<Sample> rows, List<Picture> pictures) {
        List<String> captions() {
            return rows.stream().map(Sample::caption).toList();
        }
    }

    @FunctionalInterface
    interface Visitor {
        void visit(Batch batch);
    }

    /** Visits all rows; tells how many there were. */
    static int forEach(ShardScan scan, String task, Progress progress, Visitor visitor) {
        progress.start("count rows of " + scan.name(), 0, "rows");
        progress.start(task, scan.count(), "images");
        List<Sample> rows = new ArrayList<>();
        List<Picture> pictures = new ArrayList<>();
        int count =
                scan.forEach((index, row) -> {
                    rows.add(row);
                    pictures.add(PictureScores.picture(row.image()));
                    if (rows.size() == BATCH) {
                        flush(index + 1, rows, pictures, progress, visitor);
                    }
                });
        if (!rows.isEmpty()) {
            flush(count, rows, pictures, progress, visitor);
        }
        return count;
    }

    private static void flush(
            int end,
            List<Sample> rows,
            List<Picture> pictures,
            Progress progress,
            Visitor visitor) {
        visitor.visit(new Batch(end - rows.size(), List.copyOf(rows), List.copyOf(pictures)));
        progress.advance(rows.size());
        rows.clear();
        pictures.clear();
    }
}
