package org.diffusionsoup.cli.console;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.PrintWriter;
import java.util.function.Consumer;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.workbench.Progress;

/**
 * Where a command writes: its result to the output stream, as text or as JSON, and everything else
 * to the error stream.
 */
public final class Console {
    private final VisibleWriter out;
    private final VisibleWriter err;
    private final boolean json;
    private final boolean quiet;

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
        return new TerminalProgress(
                err.raw(), Integer.getInteger("soup.columns", 0), System::nanoTime);
    }

    private static String toJson(Object value) {
        try {
            return JsonMappers.INDENTED.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a result that is no JSON: " + value.getClass(), e);
        }
    }
}
