package org.diffusionsoup.data;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;

/** Writes chosen rows of a scan into one or several tars, one row in memory at a time. */
public final class ShardParts {
    /** The part of a row that goes nowhere. */
    public static final int LEFT_OUT = -1;

    private ShardParts() {}

    /**
     * Reads the rows again and writes each into its part, in the order of the scan. A file that
     * stands at a target is replaced. If a row cannot be read or written, no target changes.
     *
     * @param targets one tar per part
     * @param partOf row index to part, or {@link #LEFT_OUT}; called once per row, in order
     * @return rows per part, each at least 1
     * @throws SoupException if a part would be empty
     */
    public static List<Integer> write(
            ShardScan scan,
            List<Path> targets,
            IntUnaryOperator partOf,
            ProgressListener listener) {
        int[] rows = new int[targets.size()];
        nested(scan, targets, new ArrayList<>(), partOf, rows, listener);
        List<Integer> counts = new ArrayList<>();
        for (int n : rows) {
            counts.add(n);
        }
        return counts;
    }

    /** Opens one file per level, so that all are complete before the first gets its name. */
    private static void nested(
            ShardScan scan,
            List<Path> targets,
            List<OutputStream> open,
            IntUnaryOperator partOf,
            int[] rows,
            ProgressListener listener) {
        if (open.size() == targets.size()) {
            copy(scan, targets, open, partOf, rows, listener);
            return;
        }
        AtomicFiles.write(
                targets.get(open.size()),
                channel -> {
                    OutputStream out =
                            new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
                    open.add(out);
                    nested(scan, targets, open, partOf, rows, listener);
                    TarWriter.end(out);
                });
    }

    private static void copy(
            ShardScan scan,
            List<Path> targets,
            List<OutputStream> open,
            IntUnaryOperator partOf,
            int[] rows,
            ProgressListener listener) {
        scan.forEach((index, row) -> {
            int part = partOf.applyAsInt(index);
            if (part != LEFT_OUT) {
                try {
                    ShardWriter.row(open.get(part), row);
                } catch (IOException e) {
                    throw new SoupIoException("write", targets.get(part), e);
                }
                rows[part]++;
            }
            listener.progress("write", index + 1L, 0);
        });
        for (int p = 0; p < rows.length; p++) {
            if (rows[p] == 0) {
                throw new SoupException(
                        "shard " + targets.get(p) + " would have zero rows; nothing was written");
            }
        }
    }
}
