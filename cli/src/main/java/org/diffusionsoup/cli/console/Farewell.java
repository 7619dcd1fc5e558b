package org.diffusionsoup.cli.console;

import java.util.function.Supplier;
import org.diffusionsoup.workbench.Progress;

/**
 * Says how things stand when Ctrl-C or a plain kill ends the process in the middle of work that has
 * nothing to save. The process ends at once; work that saves its state is for {@link Interrupt}.
 */
public final class Farewell implements AutoCloseable {
    private final Thread hook;

    private Farewell(Thread hook) {
        this.hook = hook;
    }

    /**
     * Waits for the end of the process until closed.
     *
     * @param progress whose line ends before the sentence
     * @param sentence asked for when the process ends; what is on the disk then is what it left
     */
    public static Farewell with(Console console, Progress progress, Supplier<String> sentence) {
        Thread hook =
                new Thread(
                        () -> {
                            progress.close();
                            console.note(sentence.get());
                        },
                        "farewell");
        Runtime.getRuntime().addShutdownHook(hook);
        return new Farewell(hook);
    }

    /** The same for work of which nothing is kept. */
    public static Farewell ofNothingKept(Console console, Progress progress) {
        return with(
                console,
                progress,
                () -> "Stopped; nothing is kept of it, and the same command begins again.");
    }

    /** Says nothing any more: the work has ended by itself. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending already, and the sentence is being said.
        }
    }
}
