package org.diffusionsoup.workbench;

import java.util.ArrayList;
import java.util.List;

/** Remembers what it was told. */
public final class TellingProgress implements Progress {
    /** Names of the tasks, in order. */
    public final List<String> tasks = new ArrayList<>();

    /** Totals of the tasks. */
    public final List<Long> totals = new ArrayList<>();

    /** Units that were done of each task, with those that were skipped. */
    public final List<Long> done = new ArrayList<>();

    /** Units that were skipped, of all tasks. */
    public long skipped;

    @Override
    public void start(String task, long total, String unit) {
        tasks.add(task);
        totals.add(total);
        done.add(0L);
    }

    @Override
    public void advance(long units) {
        done.set(done.size() - 1, done.getLast() + units);
    }

    @Override
    public void skip(long units) {
        skipped += units;
        advance(units);
    }

    @Override
    public void message(String note) {}

    @Override
    public void close() {}
}
