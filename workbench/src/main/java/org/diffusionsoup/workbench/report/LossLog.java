package org.diffusionsoup.workbench.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.Csv;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.diffusion.train.LossPoint;

/**
 * A loss curve as a file: CSV with the header {@code step,loss,lr,images_per_second}, or JSON with
 * one object per point and the same names. Numbers are written so that reading gives them back
 * exactly.
 *
 * <p>An open log appends one line per point and hands each to the operating system at once, so that
 * a killed run leaves its curve.
 */
public final class LossLog implements AutoCloseable {
    static final String HEADER = "step,loss,lr,images_per_second";

    private final Path file;
    private final BufferedWriter out;

    private LossLog(Path file, BufferedWriter out) {
        this.file = file;
        this.out = out;
    }

    /**
     * Opens a CSV log for a run that has done this many steps. Points of later steps, left by a run
     * that went on after its last checkpoint, are dropped; a torn last line too.
     *
     * @param stepsDone 0 for a new run, which begins an empty file
     * @throws SoupException if the file is malformed or cannot be written
     */
    public static LossLog open(Path csv, long stepsDone) {
        List<LossCurve.Point> kept = new ArrayList<>();
        if (stepsDone > 0 && Files.exists(csv)) {
            for (LossCurve.Point p : parse(csv, true)) {
                if (p.step() <= stepsDone) {
                    kept.add(p);
                }
            }
        }
        writeCsv(csv, new LossCurve(kept));
        try {
            return new LossLog(csv, Files.newBufferedWriter(csv, StandardOpenOption.APPEND));
        } catch (IOException e) {
            throw new ReportException("The loss curve %s cannot be written.".formatted(csv), e);
        }
    }

    /**
     * Appends a point.
     *
     * @throws ReportException if the disk is full or the file went away
     */
    public void add(LossCurve.Point point) {
        try {
            out.write(row(Csv.table(""), point).text());
            out.flush();
        } catch (IOException e) {
            throw new ReportException("The loss curve %s cannot be written.".formatted(file), e);
        }
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw new ReportException("The loss curve %s cannot be closed.".formatted(file), e);
        }
    }

    /**
     * Reads a CSV file. Columns go by their names: {@code step}, {@code loss} and {@code lr} must
     * be there, {@code images_per_second} may be, others are ignored.
     *
     * @throws SoupException if it is missing or malformed, naming the line
     */
    public static LossCurve readCsv(Path csv) {
        return new LossCurve(parse(csv, false));
    }

    /** Writes a whole curve as CSV, replacing the file in one step. */
    public static void writeCsv(Path csv, LossCurve curve) {
        Csv table = Csv.table(HEADER);
        curve.points().forEach(p -> row(table, p));
        AtomicFiles.write(csv, table.text().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Reads a JSON file.
     *
     * @throws ReportException if it is missing or malformed
     */
    public static LossCurve readJson(Path json) {
        try {
            List<LossCurve.Point> points = new ArrayList<>();
            JsonNode root = JsonMappers.PLAIN.readTree(json.toFile());
            if (!root.isArray()) {
                throw new ReportException("The loss curve %s is not a JSON array.".formatted(json));
            }
            for (JsonNode p : root) {
                points.add(
                        new LossCurve.Point(
                                Long.parseLong(p.path("step").asText()),
                                Double.parseDouble(p.path("loss").asText()),
                                Double.parseDouble(p.path("lr").asText()),
                                Double.parseDouble(p.path("images_per_second").asText())));
            }
            return new LossCurve(points);
        } catch (NumberFormatException e) {
            throw new ReportException(
                    "A point of the loss curve %s lacks a number (step, loss, lr,".formatted(json)
                            + " images_per_second).",
                    e);
        } catch (IOException e) {
            throw new ReportException("The loss curve %s cannot be read.".formatted(json), e);
        }
    }

    /** Writes a whole curve as JSON, replacing the file in one step. */
    public static void writeJson(Path json, LossCurve curve) {
        ArrayNode array = JsonMappers.PLAIN.createArrayNode();
        for (LossCurve.Point p : curve.points()) {
            ObjectNode o = array.addObject();
            o.put("step", p.step());
            // JSON has no NaN; a diverged loss is written as a string and read back from it.
            if (Double.isFinite(p.loss())) {
                o.put("loss", p.loss());
            } else {
                o.put("loss", Double.toString(p.loss()));
            }
            o.put("lr", p.learningRate());
            o.put("images_per_second", p.imagesPerSecond());
        }
        AtomicFiles.write(json, (array.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static List<LossCurve.Point> parse(Path csv, boolean tornEndAllowed) {
        String text;
        try {
            text = Files.readString(csv);
        } catch (IOException e) {
            throw new ReportException("The loss curve %s cannot be read.".formatted(csv), e);
        }
        String whole = tornEndAllowed ? text.substring(0, text.lastIndexOf('\n') + 1) : text;
        List<Csv.Record> lines = Csv.parse(whole, "The loss curve " + csv);
        List<String> names = lines.isEmpty() ? List.of() : lines.getFirst().fields();
        int step = names.indexOf("step");
        int loss = names.indexOf("loss");
        int lr = names.indexOf("lr");
        int rate = names.indexOf("images_per_second");
        if (step < 0 || loss < 0 || lr < 0) {
            throw new ReportException(
                    "The loss curve %s does not begin with a line of column names such as '%s'."
                            .formatted(csv, HEADER));
        }
        List<LossCurve.Point> points = new ArrayList<>();
        for (Csv.Record line : lines.subList(1, lines.size())) {
            List<String> parts = line.fields();
            try {
                if (parts.size() != names.size()) {
                    throw new NumberFormatException(parts.size() + " columns");
                }
                points.add(
                        new LossCurve.Point(
                                Long.parseLong(parts.get(step)),
                                Double.parseDouble(parts.get(loss)),
                                Double.parseDouble(parts.get(lr)),
                                rate < 0 ? 0 : Double.parseDouble(parts.get(rate))));
            } catch (NumberFormatException e) {
                throw new ReportException(
                        "Line %d of the loss curve %s is not %d numbers: '%s'."
                                .formatted(line.line(), csv, names.size(), String.join(",", parts)),
                        e);
            }
        }
        return points;
    }

    private static Csv row(Csv table, LossCurve.Point p) {
        return table.row(p.step(), p.loss(), p.learningRate(), p.imagesPerSecond());
    }

    /** Writes what a training of a base or a judge did, with the norms of its gradients. */
    public static void writeTraining(Path csv, List<LossPoint> curve) {
        Csv table = Csv.table("step,loss,gradient_norm,lr,images_per_second");
        for (LossPoint p : curve) {
            table.row(
                    p.step(),
                    (float) p.loss(),
                    (float) p.gradientNorm(),
                    (float) p.learningRate(),
                    (float) p.imagesPerSecond());
        }
        AtomicFiles.write(csv, table.text().getBytes(StandardCharsets.UTF_8));
    }
}
