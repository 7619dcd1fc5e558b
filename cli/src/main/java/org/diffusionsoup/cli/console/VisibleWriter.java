package org.diffusionsoup.cli.console;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import org.diffusionsoup.core.Visible;
import org.jspecify.annotations.Nullable;

/**
 * Prints so that no name, caption or path can move the cursor, set a title or fake a row: control
 * characters become visible ({@link Visible}). {@code println} prints one line and {@code printf}
 * keeps each argument on its line; {@code print} alone takes texts of several lines.
 */
public final class VisibleWriter extends PrintWriter {
    private final PrintWriter raw;

    private VisibleWriter(PrintWriter raw) {
        super(raw, true);
        this.raw = raw;
    }

    /** A writer over another; itself where it is one already. */
    public static VisibleWriter of(PrintWriter out) {
        return out instanceof VisibleWriter v ? v : new VisibleWriter(out);
    }

    /** What is below, for our own colours. */
    PrintWriter raw() {
        return raw;
    }

    @Override
    public void write(String s, int from, int length) {
        String part = Visible.lines(s.substring(from, from + length));
        raw.write(part, 0, part.length());
    }

    @Override
    public void write(char[] buffer, int from, int length) {
        write(new String(buffer, from, length), 0, length);
    }

    @Override
    public void write(int c) {
        write(String.valueOf((char) c), 0, 1);
    }

    @Override
    public void println(@Nullable String line) {
        raw.println(Visible.text(String.valueOf(line)));
    }

    @Override
    public void println(@Nullable Object line) {
        println(String.valueOf(line));
    }

    @Override
    public void println() {
        raw.println();
    }

    @Override
    public void flush() {
        raw.flush();
    }

    @Override
    public PrintWriter format(String format, @Nullable Object... args) {
        super.format(format, visible(args));
        return this;
    }

    @Override
    public PrintWriter format(Locale locale, String format, @Nullable Object... args) {
        super.format(locale, format, visible(args));
        return this;
    }

    private static @Nullable Object[] visible(@Nullable Object[] args) {
        @Nullable Object[] all = new Object[args.length];
        for (int i = 0; i < args.length; i++) {
            Object arg = args[i];
            boolean text = arg instanceof CharSequence || arg instanceof Path;
            all[i] = text ? Visible.text(String.valueOf(arg)) : arg;
        }
        return all;
    }
}
