package org.diffusionsoup.workbench.job;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.Csv;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.diffusion.train.LossPoint;
import org.diffusionsoup.report.LossCurve;
import org.diffusionsoup.report.ReportException;

/**
 * A loss curve as a file: CSV with the header {@code step,loss,lr,images_per_second}, or JSON with
 * one object per point and the same names. Numbers are written so that reading gives them back
 * exactly.
 *
 * <p>An open log is that of a training under way: it has the norms of the gradients too, numbers in
 * single precision, and one line more per step, each handed to the operating system at once, so
 * that a killed run leaves its curve.
 */
public final class LossLog implements AutoCloseable {
    static final String HEADER = "step,loss,lr,images_per_second";

    /** A curve that a training wrote, told by its first line. */
    public static final OutputKind KIND =
            new OutputKind("a loss curve", List.of(".csv"), LossLog::isOne);

    private static final String TRAINING = "step,loss,gradient_norm,lr,images_per_second";

    private final Path file;
    private final BufferedWriter out;

    private LossLog(Path file, BufferedWriter out) {
        this.file = file;
        this.out = out;
    }

    private static boolean isOne(Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            String begin = new String(in.readNBytes(TRAINING.length() + 1), ISO_8859_1);
            return begin.startsWith(HEADER + "\n") || begin.startsWith(TRAINING + "\n");
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /**
     * Opens the CSV log of a training. What another run, or this one after its last checkpoint,
     * left in the file is replaced.
     *
     * @param done the steps that the training has done; none for a new one
     * @throws SoupException if the file cannot be written
     */
    public static LossLog open(Path csv, List<LossPoint> done) {
        Csv table = Csv.table(TRAINING);
        done.forEach(p -> row(table, p));
        AtomicFiles.write(csv, table.text().getBytes(StandardCharsets.UTF_8));
        try {
            return new LossLog(csv, Files.newBufferedWriter(csv, StandardOpenOption.APPEND));
        } catch (IOException e) {
            throw new ReportException("The loss curve %s cannot be written.".formatted(csv), e);
        }
    }

    /**
     * Appends a step.
     *
     * @throws ReportException if the disk is full or the file went away
     */
    public void add(LossPoint step) {
        try {
            out.write(row(Csv.table(""), step).text());
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
        return new LossCurve(parse(csv));
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

    private static List<LossCurve.Point> parse(Path csv) {
        String text;
        try {
            text = Files.readString(csv);
        } catch (IOException e) {
            throw new ReportException("The loss curve %s cannot be read.".formatted(csv), e);
        }
        List<Csv.Record> lines = Csv.parse(text, "The loss curve " + csv);
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

    private static Csv row(Csv table, LossPoint p) {
        return table.row(
                p.step(),
                (float) p.loss(),
                (float) p.gradientNorm(),
                (float) p.learningRate(),
                (float) p.imagesPerSecond());
    }
}
