package org.diffusionsoup.workbench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
        List<LossCurve.Point> points = curve(20).points();
        LossLog log = LossLog.open(csv, 0);
        points.forEach(log::add);
        assertThat(LossLog.readCsv(csv).points()).isEqualTo(points);
        log.close();
        Files.writeString(csv, Files.readString(csv) + "201,0.1");
        try (LossLog resumed = LossLog.open(csv, 100)) {
            points.stream().filter(p -> p.step() > 100).forEach(resumed::add);
        }
        assertThat(LossLog.readCsv(csv).points()).isEqualTo(points);
        LossLog.open(csv, 0).close();
        assertThat(LossLog.readCsv(csv).points()).isEmpty();
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
