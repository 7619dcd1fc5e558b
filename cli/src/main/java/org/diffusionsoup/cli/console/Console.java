package org.diffusionsoup.cli.console;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.PrintWriter;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.workbench.Progress;
import org.jspecify.annotations.Nullable;

/**
 * Where a command writes: its result to the output stream, as text or as JSON, and everything else
 * to the error stream.
 */
public final class Console {
    private final VisibleWriter out;
    private final VisibleWriter err;
    private final boolean json;
    private final boolean quiet;
    private volatile Progress shown = Progress.silent();
    private @Nullable Farewell farewell;

    /**
     * A console.
     *
     * @param json whether results are JSON and nothing else is shown
     * @param quiet whether progress and notes are left out
     */
    public Console(PrintWriter out, PrintWriter err, boolean json, boolean quiet) {
        this.out = VisibleWriter.of(out);
        this.err = VisibleWriter.of(err);
        this.json = json;
        this.quiet = quiet || json;
    }

    /** Whether the result is to be JSON. */
    public boolean isJson() {
        return json;
    }

    /**
     * Prints the command's result: {@code value} (records, maps, lists, numbers, strings) with
     * {@code --json}, otherwise what {@code text} writes.
     */
    public void result(Object value, Consumer<PrintWriter> text) {
        if (json) {
            out.print(toJson(value) + "\n");
        } else {
            text.accept(out);
        }
        out.flush();
    }

    /**
     * Says something beside the result on the error stream, with flags for the settings that it
     * names; nothing with --quiet or --json.
     */
    public void note(String sentence) {
        if (!quiet) {
            err.println(Flags.in(sentence));
            err.flush();
        }
    }

    /**
     * Says that the process was asked to end before the work was done, what is kept of it and what
     * the same command does then; with --quiet and --json too, as a failure is. It ends the line of
     * the progress that is shown.
     */
    public void stopped(String sentence) {
        shown.close();
        err.println(Flags.in(sentence));
        err.flush();
    }

    /**
     * What is said, by {@link #stopped}, if the process is asked to end before the command is done.
     *
     * @param sentence asked for then
     * @return to be closed when the command has ended
     */
    public Farewell farewell(Supplier<String> sentence) {
        farewell = new Farewell(this, sentence);
        return farewell;
    }

    /** The same, once the work has come to where something is kept. */
    public void onStop(Supplier<String> sentence) {
        farewell().change(sentence);
    }

    Farewell farewell() {
        if (farewell == null) {
            throw new IllegalStateException("a console that no command runs with");
        }
        return farewell;
    }

    /** Says sentences between the tasks of a progress: they end the one that is shown. */
    public Consumer<String> notes(Progress progress) {
        return sentence -> {
            progress.close();
            note(sentence);
        };
    }

    /** A progress on the error stream: a moving line on a terminal, otherwise a line at times. */
    public Progress progress() {
        if (quiet) {
            return Progress.silent();
        }
        shown =
                new TerminalProgress(
                        err.raw(), Integer.getInteger("soup.columns", 0), System::nanoTime);
        return shown;
    }

    private static String toJson(Object value) {
        try {
            return JsonMappers.INDENTED.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a result that is no JSON: " + value.getClass(), e);
        }
    }
}
