package org.diffusionsoup.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AxisTest {

    @Test
    void roundTicks() {
        assertThat(labels(Axis.linear(0.03, 0.97, 5)))
                .containsExactly("0.0", "0.2", "0.4", "0.6", "0.8", "1.0");
        assertThat(labels(Axis.linear(-7, 8, 5))).containsExactly("−10", "−5", "0", "5", "10");
        assertThat(labels(Axis.tight(1, 12_000, 6)))
                .containsExactly("2k", "4k", "6k", "8k", "10k", "12k");
        assertThat(labels(Axis.logarithmic(1, 12_000)))
                .containsExactly("1", "10", "100", "1k", "10k");
        assertThat(labels(Axis.logarithmic(0.04, 0.6)))
                .containsExactly("0.05", "0.1", "0.2", "0.5");
    }

    @Test
    void fewCheckpointsAreTheMarks() {
        assertThat(labels(marked(50, 100, 200, 400, 800)))
                .containsExactly("50", "100", "200", "400", "800");
        assertThat(labels(marked(100, 1000, 25_000))).containsExactly("100", "1000", "25k");
        // too close to each other, not whole, too many
        assertThat(labels(marked(100, 101, 1000))).containsExactly("100", "200", "500", "1k");
        assertThat(labels(marked(0.5, 1, 2))).containsExactly("0.5", "1", "2");
        assertThat(labels(marked(1, 2, 4, 8, 16, 32, 64, 128, 256))).contains("1", "5", "200");
    }

    private static Axis marked(double... values) {
        return Axis.logarithmic(values[0], values[values.length - 1]).markedAt(values);
    }

    @Test
    void anyDataGetsDistinctLabelsInsideTheEnds() {
        SplittableRandom random = new SplittableRandom(77);
        for (int trial = 0; trial < 3000; trial++) {
            double min = (random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(-6, 8));
            double max = min + random.nextDouble() * Math.pow(10, random.nextInt(-6, 8));
            if (max - min < 1e-7 * Math.abs(min)) {
                continue;
            }
            Axis axis = Axis.linear(min, max, 5);
            String what = "min " + min + " max " + max;
            assertThat(axis.low()).as(what).isLessThanOrEqualTo(min + 1e-8 * (max - min));
            assertThat(axis.high()).as(what).isGreaterThanOrEqualTo(max - 1e-8 * (max - min));
            assertThat(axis.ticks().size()).as(what).isBetween(2, 10);
            assertThat(labels(axis)).as(what).doesNotHaveDuplicates();
            for (Axis.Tick tick : axis.ticks()) {
                assertThat(axis.position(tick.value())).as(what).isBetween(-1e-8, 1 + 1e-8);
            }
        }
    }

    @Test
    void logarithmicPositions() {
        Axis axis = Axis.logarithmic(1, 100);
        assertThat(axis.position(10)).isCloseTo(0.5, within(1e-12));
    }

    @Test
    void paddingLeavesTheDataAShareFromTheEnds() {
        for (Axis axis : List.of(Axis.logarithmic(50, 800), Axis.tight(50, 800, 5))) {
            Axis padded = axis.padded(0.05);
            assertThat(padded.position(50)).isCloseTo(0.05, within(1e-9));
            assertThat(padded.position(800)).isCloseTo(0.95, within(1e-9));
            assertThat(padded.ticks()).isEqualTo(axis.ticks());
            assertThat(axis.padded(0).position(300)).isCloseTo(axis.position(300), within(1e-9));
        }
    }

    @Test
    void aLongCurveKeepsItsExtremesInFewPoints() {
        List<LineChart.Point> points = new ArrayList<>();
        for (int i = 0; i <= 100_000; i++) {
            points.add(new LineChart.Point(i, i == 31_415 ? 1 : i == 27_182 ? 0 : 0.5));
        }
        String path =
                LineChartSvg.path(points, Axis.tight(0, 100_000, 5), Axis.linear(0, 1, 5), 720);
        assertThat(path.length()).isLessThan(40_000);
        // The plot reaches from y = 30 (value 1) to y = 274 (value 0).
        assertThat(path).contains(" 30L").contains(" 274L");
    }

    @Test
    void nanBreaksTheLine() {
        List<LineChart.Point> points =
                List.of(
                        new LineChart.Point(0, 0),
                        new LineChart.Point(1, 1),
                        new LineChart.Point(2, Double.NaN),
                        new LineChart.Point(3, 1),
                        new LineChart.Point(4, 0));
        String path = LineChartSvg.path(points, Axis.tight(0, 4, 4), Axis.linear(0, 1, 5), 720);
        assertThat(path.chars().filter(c -> c == 'M')).hasSize(2);
        assertThat(path).doesNotContain("NaN");
    }

    @Test
    void numbers() {
        assertThat(Numbers.fixed(-0.0004, 2)).isEqualTo("0.00");
        assertThat(Numbers.fixed(-1.5, 1)).isEqualTo("−1.5");
        assertThat(Numbers.signed(0.0201, 3)).isEqualTo("+0.020");
        assertThat(Numbers.signed(0.0001, 3)).isEqualTo("0.000");
        assertThat(Numbers.percent(0.95)).isEqualTo("95 %");
        assertThat(Numbers.significant(0.12345)).isEqualTo("0.1235");
        assertThat(Numbers.significant(1234.6)).isEqualTo("1235");
        assertThat(Numbers.coordinate(12.5)).isEqualTo("12.5");
        assertThat(Numbers.coordinate(12.004)).isEqualTo("12");
    }

    private static List<String> labels(Axis axis) {
        return axis.ticks().stream().map(Axis.Tick::label).toList();
    }
}
