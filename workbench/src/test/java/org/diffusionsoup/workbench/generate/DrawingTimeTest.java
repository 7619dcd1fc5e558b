package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;

class DrawingTimeTest {
    private static final Consumer<String> NOT_SAID =
            sentence -> {
                throw new AssertionError(sentence);
            };

    /** A picture that takes at least 2 ms. */
    private static void slow(int steps) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(2L * steps);
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }

    @Test
    void whatIsShortIsNotTried() {
        List<Integer> tried = new ArrayList<>();
        DrawingTime.check("m", 1, 1999, 8, NOT_SAID, (n, steps) -> tried.add(steps));
        DrawingTime.check("m", 1999, 1, 8, NOT_SAID, (n, steps) -> tried.add(steps));
        DrawingTime.check("m", 99, 20, 8, NOT_SAID, (n, steps) -> tried.add(steps));
        assertThat(tried).isEmpty();
    }

    @Test
    void whatMayBeLongIsTriedWithOneStepAndWithTwo() {
        List<Integer> tried = new ArrayList<>();
        DrawingTime.check("m", 100, 20, 8, NOT_SAID, (n, steps) -> tried.add(steps));
        assertThat(tried).as("the first of all is not counted").containsExactly(1, 1, 2);
    }

    @Test
    void whatTakesHoursIsRefused() {
        // 4 million pictures of at least 2 ms: over 2.2 hours, however quick a step is.
        assertThatThrownBy(() ->
                        DrawingTime.check("m", 4_000_000, 1, 8, NOT_SAID, (n, s) -> slow(n * s)))
                .isInstanceOf(SoupException.class)
                .hasMessageMatching(
                        "4,000,000 pictures of 1 steps with m take about [\\d,]+ hours here \\(alone, a picture of one step took [\\d.]+ ms and each further step [\\d.]+ ms\\); add `yes` if that is meant\\.");
    }

    /** 18,000 pictures of at least 20 ms: six minutes, and two hours only at 400 ms each. */
    @Test
    void whatTakesMinutesIsSaidOnceAndDrawn() {
        List<String> said = new ArrayList<>();
        DrawingTime.check("m", 18_000, 1, 8, said::add, (n, steps) -> slow(10 * n * steps));
        assertThat(said)
                .singleElement(STRING)
                .matches(
                        "18,000 pictures of 1 steps with m take about \\d+ minutes here; none is kept if it is stopped before the last\\.");
    }

    @Test
    void whatTakesSecondsIsNot() {
        List<Integer> tried = new ArrayList<>();
        DrawingTime.check(
                "m",
                40,
                50,
                8,
                NOT_SAID,
                (n, steps) -> {
                    tried.add(steps);
                    slow(steps);
                });
        assertThat(tried).hasSize(3);
    }

    /** Two hours of 16 pictures are a second and a half for one: not of a product of ints. */
    @Test
    void productsBeyondAnIntAreCounted() {
        List<Integer> tried = new ArrayList<>();
        assertThatThrownBy(() ->
                        DrawingTime.check(
                                "m",
                                65_536,
                                65_536,
                                1,
                                NOT_SAID,
                                (n, steps) -> {
                                    tried.add(steps);
                                    slow(100 * steps);
                                }))
                .isInstanceOf(SoupException.class);
        assertThat(tried).hasSize(3);
    }

    /** Together eight take as long as one: two and a half hours become some twenty minutes. */
    @Test
    void whatIsQuickInBatchesIsNotRefused() {
        List<String> said = new ArrayList<>();
        List<Integer> tried = new ArrayList<>();
        DrawingTime.check(
                "m",
                4_500_000,
                1,
                8,
                said::add,
                (n, steps) -> {
                    tried.add(n);
                    slow(steps);
                });
        assertThat(tried).containsExactly(1, 1, 1, 8, 8);
        assertThat(said).singleElement(STRING).contains("take about");
    }
}
