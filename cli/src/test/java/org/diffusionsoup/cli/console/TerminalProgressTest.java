package org.diffusionsoup.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TerminalProgressTest {
    private static final long SECOND = 1_000_000_000L;

    private final StringWriter text = new StringWriter();
    private final AtomicLong now = new AtomicLong(77 * SECOND);

    private TerminalProgress progress(int columns) {
        return new TerminalProgress(new PrintWriter(text), columns, now::get);
    }

    @Test
    void aLogGetsALineAtTimesAndOneAtTheEnd() {
        try (TerminalProgress progress = progress(0)) {
            progress.start("train noto", 400, "images");
            for (int i = 0; i < 40; i++) {
                now.addAndGet(SECOND);
                progress.message("loss 0.5");
                progress.advance(10);
            }
        }
        assertThat(text.toString().lines())
                .containsExactly(
                        "train noto  100/400 images  10.0 images/s  30s left  loss 0.5",
                        "train noto  200/400 images  10.0 images/s  20s left  loss 0.5",
                        "train noto  300/400 images  10.0 images/s  10s left  loss 0.5",
                        "train noto  400/400 images  10.0 images/s  40s  loss 0.5");
        assertThat(text.toString()).doesNotContain("\r");
    }

    /** A batch of pictures is minutes of steps, of which none advances. */
    @Test
    void aLogIsToldOfStepsWhereNothingIsDoneForLong() {
        try (TerminalProgress progress = progress(0)) {
            progress.start("generate noto", 16, "images");
            for (int step = 0; step <= 25; step++) {
                progress.message("step " + step + " of 25");
                now.addAndGet(SECOND);
            }
            progress.advance(16);
        }
        assertThat(text.toString().lines())
                .containsExactly(
                        "generate noto  0/16 images  10s  step 9 of 25",
                        "generate noto  0/16 images  20s  step 19 of 25",
                        "generate noto  16/16 images  0.615 images/s  26s  step 25 of 25");
    }

    @Test
    void whatIsToldStandsOnALineOfItsOwnAndStays() {
        for (int columns : new int[] {0, 60}) {
            try (TerminalProgress progress = progress(columns)) {
                progress.start("read", 4, "rows");
                now.addAndGet(2 * SECOND);
                progress.advance(4);
                progress.tell("noto goes on from step 9 of 600.");
                progress.start("encode", 4, "images");
            }
        }
        assertThat(
                        text.toString()
                                .lines()
                                .filter(l -> l.equals("noto goes on from step 9 of 600.")))
                .hasSize(2);
    }

    @Test
    void aTerminalGetsOneLineDrawnOver() {
        try (TerminalProgress progress = progress(60)) {
            progress.start("average", 4, "tensors");
            now.addAndGet(2 * SECOND);
            progress.advance(2);
        }
        String[] drawn = text.toString().strip().split("\r");
        assertThat(drawn[drawn.length - 1])
                .isEqualTo("average  [############............] 2/4 tensors  1.00 tenso");
        assertThat(drawn).allMatch(line -> line.length() < 60 + 1);
        assertThat(text.toString()).endsWith("\n");
    }

    @Test
    void whatAnEarlierRunHadDoneIsNoPartOfTheRate() {
        try (TerminalProgress progress = progress(0)) {
            progress.start("train noto", 400, "images");
            progress.skip(200);
            now.addAndGet(10 * SECOND);
            progress.advance(100);
            now.addAndGet(10 * SECOND);
            progress.advance(100);
        }
        assertThat(text.toString().lines())
                .containsExactly(
                        "train noto  300/400 images  10.0 images/s  10s left",
                        "train noto  400/400 images  10.0 images/s  20s");
    }

    /** The first step of a training takes several times as long as the next ones. */
    @Test
    void theTimeLeftIsNotToldOfTheFirstSlowSteps() {
        try (TerminalProgress progress = progress(200)) {
            progress.start("train noto", 400, "images");
            now.addAndGet(3 * SECOND);
            progress.advance(2);
            assertThat(text.toString()).contains("2/400 images").doesNotContain("left");
            now.addAndGet(3 * SECOND);
            progress.advance(58);
            assertThat(text.toString()).endsWith("34s left");
            progress.start("short", 4, "steps");
            now.addAndGet(SECOND);
            progress.advance(2);
            assertThat(text.toString()).contains("1s left");
            progress.start("load a model", 0, "");
        }
        assertThat(text.toString().stripTrailing()).endsWith("\rload a model");
    }

    @Test
    void whatFollowsTheLastUnitIsNoPartOfTheRate() {
        try (TerminalProgress progress = progress(0)) {
            progress.start("generate noto", 8, "images");
            now.addAndGet(2 * SECOND);
            progress.advance(8);
            now.addAndGet(8 * SECOND);
        }
        assertThat(text.toString()).isEqualTo("generate noto  8/8 images  4.00 images/s  2s\n");
    }

    @Test
    void aTotalThatIsNotKnownIsLeftOut() {
        try (TerminalProgress progress = progress(0)) {
            progress.start("read", 0, "rows");
            now.addAndGet(3 * SECOND);
            progress.advance(1234);
        }
        assertThat(text.toString()).isEqualTo("read  1,234 rows  411 rows/s  3s\n");
    }

    @Test
    void bytesAreToldInGigabytesPerSecond() {
        try (TerminalProgress progress = progress(0)) {
            progress.start("verifying", 60_000, "MB");
            now.addAndGet(10 * SECOND);
            progress.advance(15_000);
            now.addAndGet(10 * SECOND);
            progress.advance(45_000);
        }
        assertThat(text.toString().lines())
                .containsExactly(
                        "verifying  15,000/60,000 MB  1.50 GB/s  30s left",
                        "verifying  60,000/60,000 MB  3.00 GB/s  20s");
    }

    /** A machine that slows down takes longer for what is left than the mean says. */
    @Test
    void theTimeLeftFollowsTheRateOfLate() {
        try (TerminalProgress progress = progress(0)) {
            progress.start("train", 1000, "images");
            for (int second = 0; second < 60; second++) {
                now.addAndGet(SECOND);
                progress.advance(10);
            }
            for (int second = 0; second < 30; second++) {
                now.addAndGet(SECOND);
                progress.advance(1);
            }
        }
        List<String> lines = text.toString().lines().toList();
        assertThat(lines.get(5)).isEqualTo("train  600/1,000 images  10.0 images/s  40s left");
        // mean: 7 a second, 53 s; of late 1 a second
        assertThat(lines.get(8)).isEqualTo("train  630/1,000 images  7.00 images/s  6m10s left");
    }

    @Test
    void timesReadAsAPersonSaysThem() {
        assertThat(TerminalProgress.time(41.6)).isEqualTo("42s");
        assertThat(TerminalProgress.time(306)).isEqualTo("5m06s");
        assertThat(TerminalProgress.time(7380)).isEqualTo("2h03m");
    }
}
