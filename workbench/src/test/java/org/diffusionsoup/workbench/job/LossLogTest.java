package org.diffusionsoup.workbench.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.diffusionsoup.diffusion.train.LossPoint;
import org.diffusionsoup.report.LineChart;
import org.diffusionsoup.report.LossCurve;
import org.diffusionsoup.report.ReportException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

@Isolated("it changes the locale of all")
class LossLogTest {
    @TempDir Path folder;

    @Test
    void csvAndJsonGiveBackExactlyWhatWasWritten() {
        LossCurve curve = curve(50);
        Path csv = folder.resolve("loss.csv");
        Path json = folder.resolve("loss.json");
        Locale before = Locale.getDefault();
        try {
            // Arabic digits must not get into a file.
            Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
            LossLog.writeCsv(csv, curve);
            LossLog.writeJson(json, curve);
        } finally {
            Locale.setDefault(before);
        }
        assertThat(LossLog.readCsv(csv)).isEqualTo(curve);
        assertThat(LossLog.readJson(json)).isEqualTo(curve);
    }

    @Test
    void aDivergedRunStaysVisible() {
        LossCurve curve =
                new LossCurve(
                        List.of(
                                new LossCurve.Point(1, 0.5, 1e-3, 0),
                                new LossCurve.Point(2, Double.NaN, 1e-3, 10),
                                new LossCurve.Point(3, Double.POSITIVE_INFINITY, 1e-3, 10)));
        LossLog.writeJson(folder.resolve("d.json"), curve);
        LossLog.writeCsv(folder.resolve("d.csv"), curve);
        assertThat(LossLog.readJson(folder.resolve("d.json"))).isEqualTo(curve);
        assertThat(LossLog.readCsv(folder.resolve("d.csv"))).isEqualTo(curve);
        assertThat(curve.smoothed(3)).hasSize(1);
        assertThat(curve.finalLoss()).isEqualTo(0.5);
    }

    @Test
    void aLogIsReadableWhileItIsOpenAndResumesAtItsCheckpoint() throws Exception {
        Path csv = folder.resolve("loss.csv");
        List<LossPoint> steps = steps(20);
        LossLog log = LossLog.open(csv, List.of());
        steps.subList(0, 15).forEach(log::add);
        assertThat(lines(csv)).isEqualTo(lines(steps.subList(0, 15)));
        log.close();
        Files.writeString(csv, Files.readString(csv) + "16,0.1");
        try (LossLog resumed = LossLog.open(csv, steps.subList(0, 10))) {
            steps.subList(10, 20).forEach(resumed::add);
        }
        assertThat(lines(csv)).isEqualTo(lines(steps));
        assertThat(LossLog.readCsv(csv).points().get(4).step()).isEqualTo(5);
        LossLog.open(csv, List.of()).close();
        assertThat(LossLog.readCsv(csv).points()).isEmpty();
    }

    private static List<String> lines(Path csv) throws Exception {
        return Files.readAllLines(csv);
    }

    private static List<String> lines(List<LossPoint> steps) {
        List<String> lines =
                new ArrayList<>(List.of("step,loss,gradient_norm,lr,images_per_second"));
        for (LossPoint p : steps) {
            lines.add(
                    p.step()
                            + ","
                            + (float) p.loss()
                            + ","
                            + (float) p.gradientNorm()
                            + ","
                            + (float) p.learningRate()
                            + ","
                            + (float) p.imagesPerSecond());
        }
        return lines;
    }

    private static List<LossPoint> steps(int count) {
        SplittableRandom random = new SplittableRandom(5);
        return IntStream.rangeClosed(1, count)
                .mapToObj(i ->
                        new LossPoint(
                                i,
                                random.nextDouble(),
                                10 * random.nextDouble(),
                                1e-4 / i,
                                20 * random.nextDouble()))
                .toList();
    }

    @Test
    void columnsGoByTheirNames() throws Exception {
        Path csv = folder.resolve("more.csv");
        Files.writeString(csv, "step,loss,gradient_norm,lr\n1,0.5,7.0,0.001\n2,0.4,6.0,0.002\n");
        assertThat(LossLog.readCsv(csv).points())
                .containsExactly(
                        new LossCurve.Point(1, 0.5, 0.001, 0),
                        new LossCurve.Point(2, 0.4, 0.002, 0));
    }

    @Test
    void malformedFilesAreNamedWithTheirLine() throws Exception {
        Path csv = folder.resolve("bad.csv");
        Files.writeString(csv, LossLog.HEADER + "\n1,0.5,1e-3,10\n2,half,1e-3,10\n");
        assertThatThrownBy(() -> LossLog.readCsv(csv))
                .isInstanceOf(ReportException.class)
                .hasMessageContaining("Line 3")
                .hasMessageContaining("bad.csv");
        Files.writeString(csv, LossLog.HEADER + "\n2,0.5,1e-3,10\n2,0.4,1e-3,10\n");
        assertThatThrownBy(() -> LossLog.readCsv(csv))
                .isInstanceOf(ReportException.class)
                .hasMessageContaining("step 2 follows 2");
        Files.writeString(csv, "loss\n1\n");
        assertThatThrownBy(() -> LossLog.readCsv(csv))
                .isInstanceOf(ReportException.class)
                .hasMessageContaining("begin with");
        assertThatThrownBy(() -> LossLog.readCsv(folder.resolve("missing.csv")))
                .isInstanceOf(ReportException.class)
                .hasMessageContaining("missing.csv");
        Path json = folder.resolve("bad.json");
        Files.writeString(json, "[{\"step\": 1}]");
        assertThatThrownBy(() -> LossLog.readJson(json))
                .isInstanceOf(ReportException.class)
                .hasMessageContaining("lacks a number");
    }

    @Test
    void smoothingKeepsAConstantAndFollowsAStep() {
        List<LossCurve.Point> points = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            points.add(new LossCurve.Point(i, i < 20 ? 3 : 1, 1e-3, 0));
        }
        List<LineChart.Point> smooth = new LossCurve(points).smoothed(2);
        assertThat(smooth.get(0).y()).isCloseTo(3, within(1e-12));
        assertThat(smooth.get(19).y()).isCloseTo(3, within(1e-12));
        // Two points after the step a half-life has passed: half way, give or take the start.
        assertThat(smooth.get(21).y()).isCloseTo(2, within(0.01));
        assertThat(smooth.get(39).y()).isCloseTo(1, within(0.01));
    }

    private static LossCurve curve(int count) {
        SplittableRandom random = new SplittableRandom(3);
        List<LossCurve.Point> points = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            points.add(
                    new LossCurve.Point(
                            10L * i, random.nextDouble(), 1e-4 / i, 20 * random.nextDouble()));
        }
        return new LossCurve(points);
    }
}
