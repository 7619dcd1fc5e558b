package org.diffusionsoup.workbench.generate;

import java.util.Locale;
import java.util.function.IntConsumer;
import org.diffusionsoup.core.SoupException;

/** How long drawing takes, estimated from one picture in one step and in two. */
final class DrawingTime {
    /** Denoising steps of all pictures together below which nothing is long. */
    private static final long SHORT_STEPS = 2000;

    private DrawingTime() {}

    /**
     * Refuses what takes more than {@link GenerateSettings#LONG_HOURS}.
     *
     * @param name of the model
     * @param pictures to be drawn
     * @param steps of each
     * @param draw draws one picture in a number of steps
     * @throws SoupException saying how long it would take
     */
    static void check(String name, int pictures, int steps, IntConsumer draw) {
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
                            "%,d pictures of %d steps with %s take about %,.0f hours here (a step of one picture took %.1f ms); add `yes` if that is meant.",
                            pictures,
                            steps,
                            name,
                            hours,
                            1000 * step));
        }
    }

    private static double seconds(IntConsumer draw, int steps) {
        long start = System.nanoTime();
        draw.accept(steps);
        return (System.nanoTime() - start) / 1e9;
    }
}
