package org.diffusionsoup.core.io;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What is being written under hidden names, to be removed when the program is asked to end in the
 * middle of it: Ctrl-C must not leave gigabytes that nobody sees.
 */
public final class Unfinished {
    private static final Set<Path> PATHS = ConcurrentHashMap.newKeySet();
    private static final AtomicBoolean HOOKED = new AtomicBoolean();
    private static final AtomicInteger SAVERS = new AtomicInteger();

    private static final int TRIES = 200;

    private Unfinished() {}

    static void add(Path path) {
        PATHS.add(path);
        if (!HOOKED.getAndSet(true)) {
            try {
                Runtime.getRuntime().addShutdownHook(new Thread(Unfinished::abandon, "abandon"));
            } catch (IllegalStateException e) {
                // The program is ending already: what is written now is written to its end.
            }
        }
    }

    static void remove(Path path) {
        PATHS.remove(path);
    }

    private static void abandon() {
        if (SAVERS.get() == 0) {
            PATHS.forEach(Unfinished::delete);
        }
    }

    /** Whoever writes goes on meanwhile, and what comes into a folder late keeps it from going. */
    private static void delete(Path path) {
        for (int i = 0; i < TRIES && Files.exists(path, LinkOption.NOFOLLOW_LINKS); i++) {
            AtomicFiles.deleteQuietly(path);
        }
    }

    /**
     * Says that work is running that saves its state when the program is asked to end, and is
     * waited for: nothing is removed from under it until {@link #saved}.
     */
    public static void saving() {
        SAVERS.incrementAndGet();
    }

    /** Whether such work is running. */
    public static boolean isSaving() {
        return SAVERS.get() > 0;
    }

    /** Says that such work has ended. */
    public static void saved() {
        SAVERS.decrementAndGet();
    }
}
