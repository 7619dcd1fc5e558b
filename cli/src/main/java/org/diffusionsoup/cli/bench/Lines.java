package org.diffusionsoup.cli.bench;

import java.io.PrintWriter;
import java.util.Locale;

/** Lines of a benchmark's report, with numbers written the same everywhere. */
final class Lines {
    private Lines() {}

    static void print(PrintWriter text, String format, Object... values) {
        text.println(String.format(Locale.ROOT, format, values));
    }
}
