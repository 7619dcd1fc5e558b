package org.diffusionsoup.workbench.generate;

import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.diffusionsoup.core.SoupException;

/** How long drawing takes, estimated from one picture in one step and in two. */
final class DrawingTime {
    /** Denoising steps of all pictures together below which nothing is long. */
    private static final long SHORT_STEPS = 2000;

    /** What takes longer is said to, before it begins. */
    private static final double SAID_MINUTES = 5;

    private DrawingTime() {}

    /**
     * Refuses what takes more than {@link GenerateSettings#LONG_HOURS}, and says how long it takes
     * where that is more than five minutes.
     *
     * @param name of the model
     * @param pictures to be drawn
     * @param steps of each
     * @param said is given the sentence
     * @param draw draws one picture in a number of steps
     * @throws SoupException saying how long it would take
     */
    static void check(
            String name, int pictures, int steps, Consumer<String> said, IntConsumer draw) {
        if ((long) pictures * steps < SHORT_STEPS) {
            return;
        }
        draw.accept(1); // the first of all takes longer
        double one = seconds(draw, 1);
        double step = Math.max(0, seconds(draw, 2) - one);
        double hours = pictures * Math.max(one, one + step * (steps - 1)) / 3600;
        if (hours > GenerateSettings.LONG_HOURS) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "%,d pictures of %d steps with %s take up to about %,.0f hours here (alone, a picture of one step took %.1f ms and each further step %.1f ms; in batches it may be less); add `yes` if that is meant.",
                            pictures,
                            steps,
                            name,
                            hours,
                            1000 * one,
                            1000 * step));
        }
        if (60 * hours > SAID_MINUTES) {
            said.accept(
                    String.format(
                            Locale.ROOT,
                            "%,d pictures of %d steps with %s take about %,.0f minutes here; none is kept if it is stopped before the last.",
                            pictures,
                            steps,
                            name,
                            60 * hours));
        }
    }

    private static double seconds(IntConsumer draw, int steps) {
        long start = System.nanoTime();
        draw.accept(steps);
        return (System.nanoTime() - start) / 1e9;
    }
}
