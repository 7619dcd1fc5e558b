package org.diffusionsoup.workbench.generate;

import java.util.Locale;
import java.util.function.Consumer;
import org.diffusionsoup.core.SoupException;

/**
 * How long drawing takes, estimated from one picture in one step and in two; where that is long and
 * a picture quick, from a batch of them, since together they take less.
 */
final class DrawingTime {
    /** Denoising steps of all pictures together below which nothing is long. */
    private static final long SHORT_STEPS = 2000;

    /** What takes longer is said to, before it begins. */
    private static final double SAID_MINUTES = 5;

    /** Pictures of which one step takes longer, in seconds, are not tried in a batch. */
    private static final double QUICK = 0.5;

    /** Draws some pictures together in a number of steps. */
    interface Draws {
        void draw(int pictures, int steps);
    }

    private DrawingTime() {}

    /** As below, by settings. */
    static void check(
            String name,
            int pictures,
            GenerateSettings settings,
            Consumer<String> said,
            Draws draws) {
        check(name, pictures, settings.steps(), settings.batch(), said, draws);
    }

    /**
     * Refuses what takes more than {@link GenerateSettings#LONG_HOURS}, and says how long it takes
     * where that is more than five minutes.
     *
     * @param name of the model
     * @param pictures to be drawn
     * @param steps of each
     * @param batch drawn together
     * @param said is given the sentence
     * @throws SoupException saying how long it would take
     */
    static void check(
            String name, int pictures, int steps, int batch, Consumer<String> said, Draws draws) {
        if ((long) pictures * steps < SHORT_STEPS) {
            return;
        }
        draws.draw(1, 1); // the first of all takes longer
        double one = seconds(draws, 1, 1);
        double step = Math.max(0, seconds(draws, 1, 2) - one);
        double hours = hours(pictures, steps, one, step);
        int together = Math.min(batch, pictures);
        if (60 * hours > SAID_MINUTES && one < QUICK && together > 1) {
            double all = seconds(draws, together, 1) / together;
            double next = Math.max(0, seconds(draws, together, 2) / together - all);
            hours = Math.min(hours, hours(pictures, steps, all, next));
        }
        if (hours > GenerateSettings.LONG_HOURS) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "%,d pictures of %d steps with %s take about %,.0f hours here (alone, a picture of one step took %.1f ms and each further step %.1f ms); add `yes` if that is meant.",
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

    private static double hours(int pictures, int steps, double one, double step) {
        return pictures * Math.max(one, one + step * (steps - 1)) / 3600;
    }

    private static double seconds(Draws draws, int pictures, int steps) {
        long start = System.nanoTime();
        draws.draw(pictures, steps);
        return (System.nanoTime() - start) / 1e9;
    }
}
