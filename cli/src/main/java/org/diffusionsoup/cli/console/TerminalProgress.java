package org.diffusionsoup.cli.console;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongSupplier;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.workbench.Progress;

/**
 * Shows how far a task is, with its mean rate and the time left at the rate of late. On a terminal
 * one line is drawn over; elsewhere (a log file) a plain line is added at most every ten seconds
 * and one at the end, none for a task of less than a second. Safe for use by several threads.
 */
final class TerminalProgress implements Progress {
    private static final long REDRAW_NANOS = 100_000_000L;
    private static final long PLAIN_NANOS = 10_000_000_000L;
    private static final long SHORT_NANOS = 1_000_000_000L;
    private static final int BAR = 24;

    /**
     * Seconds before which a rate says little of the time left: loading and first steps are slow.
     */
    private static final double SETTLED = 5;

    private static final long RECENT_NANOS = 10_000_000_000L;
    private static final int RECENT_PARTS = 8;

    private final PrintWriter err;
    private final int columns;
    private final LongSupplier clock;

    private String task = "";
    private String unit = "";
    private String note = "";
    private long total;
    private long done;
    private long skipped;
    private long startedAt;
    private long earlierAt;
    private long earlierDone;
    private long laterAt;
    private long laterDone;
    private long shownAt;
    private long advancedAt;
    private int drawn;
    private boolean running;
    private boolean unseen;

    /**
     * A progress.
     *
     * @param columns width of the terminal, 0 where the stream is none
     * @param clock nanoseconds, as {@link System#nanoTime}
     */
    TerminalProgress(PrintWriter err, int columns, LongSupplier clock) {
        this.err = err;
        this.columns = columns;
        this.clock = clock;
    }

    @Override
    public synchronized void start(String task, long total, String unit) {
        close();
        this.task = task;
        this.total = Math.max(0, total);
        this.unit = unit;
        note = "";
        done = 0;
        skipped = 0;
        startedAt = clock.getAsLong();
        shownAt = startedAt;
        advancedAt = startedAt;
        earlierAt = startedAt;
        laterAt = startedAt;
        earlierDone = 0;
        laterDone = 0;
        running = true;
        unseen = false; // a log needs no line for a task in which nothing was done
        if (isLive()) {
            show();
        }
    }

    @Override
    public synchronized void advance(long units) {
        if (running) {
            done += Math.max(0, units);
            advancedAt = clock.getAsLong();
            unseen = true;
            mark();
            showWhenDue();
        }
    }

    @Override
    public synchronized void skip(long units) {
        if (running) {
            skipped += Math.max(0, units);
            advance(units);
        }
    }

    /** Remembers how far the task was, for the rate of late. */
    private void mark() {
        long now = clock.getAsLong();
        if (now - laterAt >= Math.max(RECENT_NANOS, (now - startedAt) / RECENT_PARTS)) {
            earlierAt = laterAt;
            earlierDone = laterDone;
            laterAt = now;
            laterDone = done - skipped;
        }
    }

    /**
     * Units a second since some time ago, a quarter of the time so far or twenty seconds: the time
     * left follows a machine that has become slower or faster, which the mean does not.
     */
    private double recentRate(double mean) {
        double seconds = (shownAt - earlierAt) / 1e9;
        long units = done - skipped - earlierDone;
        return seconds * 1e9 >= RECENT_NANOS && units > 0 ? units / seconds : mean;
    }

    @Override
    public synchronized void message(String note) {
        if (running) {
            // A log gets its lines with advances, whose numbers then fit the note. Where none comes
            // for long, as in a batch of pictures, what was noted last is shown before it changes.
            if (!isLive() && unseen && clock.getAsLong() - advancedAt >= PLAIN_NANOS) {
                showWhenDue();
            }
            this.note = note;
            unseen = true;
            if (isLive()) {
                showWhenDue();
            }
        }
    }

    @Override
    public synchronized void tell(String sentence) {
        close();
        err.println(Visible.text(Flags.in(sentence)));
        err.flush();
    }

    @Override
    public synchronized void close() {
        if (running) {
            boolean worthALine = clock.getAsLong() - startedAt >= SHORT_NANOS;
            if (isLive() || (unseen && worthALine)) {
                show();
            }
            running = false;
            if (isLive()) {
                err.println();
            }
            err.flush();
            drawn = 0;
        }
    }

    private boolean isLive() {
        return columns > 0;
    }

    private void showWhenDue() {
        if (clock.getAsLong() - shownAt >= (isLive() ? REDRAW_NANOS : PLAIN_NANOS)) {
            show();
        }
    }

    private void show() {
        shownAt = clock.getAsLong();
        unseen = false;
        String line = line();
        if (!isLive()) {
            err.println(line);
        } else {
            // one column is left free: some terminals wrap a line that fills them
            String cut =
                    line.length() < columns ? line : line.substring(0, Math.max(0, columns - 1));
            err.print("\r" + cut + " ".repeat(Math.max(0, drawn - cut.length())));
            drawn = cut.length();
        }
        err.flush();
    }

    private String line() {
        // What comes after the last unit, before another task begins, is none of this one's time.
        boolean complete = total > 0 && done >= total;
        double seconds = ((complete ? advancedAt : shownAt) - startedAt) / 1e9;
        double rate = seconds > 0 ? (done - skipped) / seconds : 0;
        StringBuilder line = new StringBuilder(task);
        if (total > 0) {
            line.append("  ");
            if (isLive()) {
                int full = (int) Math.min(BAR, BAR * done / total);
                line.append('[').append("#".repeat(full)).append(".".repeat(BAR - full));
                line.append("] ");
            }
            line.append(String.format(Locale.ROOT, "%,d/%,d %s", done, total, unit));
        } else if (!unit.isEmpty()) {
            line.append(String.format(Locale.ROOT, "  %,d %s", done, unit));
        }
        if (rate >= 1000 && unit.equals("MB")) {
            line.append(String.format(Locale.ROOT, "  %.2f GB/s", rate / 1000));
        } else if (rate > 0) {
            line.append(
                    String.format(
                            Locale.ROOT, rate >= 100 ? "  %,.0f %s/s" : "  %.3g %s/s", rate, unit));
        }
        if (total > done && rate > 0 && (seconds >= SETTLED || 10 * done >= total)) {
            line.append("  ").append(time((total - done) / recentRate(rate))).append(" left");
        } else if (seconds >= 1) {
            line.append("  ").append(time(seconds));
        }
        return Visible.text(note.isEmpty() ? line.toString() : line + "  " + note);
    }

    /** Seconds as a person says them: 42s, 5m06s, 2h03m. */
    static String time(double seconds) {
        long s = Math.round(seconds);
        if (s < 60) {
            return s + "s";
        }
        return s < 3600
                ? String.format(Locale.ROOT, "%dm%02ds", s / 60, s % 60)
                : String.format(Locale.ROOT, "%dh%02dm", s / 3600, s % 3600 / 60);
    }
}
