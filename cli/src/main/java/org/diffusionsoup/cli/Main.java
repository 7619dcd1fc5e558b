package org.diffusionsoup.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/** The program that the launcher {@code soup} starts. */
public final class Main {
    private Main() {}

    /**
     * Runs one command and exits: 0 done, 1 failed, 2 not a valid command line, 141 where the
     * result went into a pipe that was closed.
     */
    public static void main(String[] args) {
        System.exit(
                run(
                        new FileOutputStream(FileDescriptor.out),
                        new FileOutputStream(FileDescriptor.err),
                        args));
    }

    /** Runs one command; the exit status says, too, whether its result could be written. */
    static int run(OutputStream results, OutputStream errors, String... args) {
        ResultStream stream = new ResultStream(results);
        // always UTF-8: what a script reads must not depend on the locale
        PrintWriter out = writer(stream);
        PrintWriter err = writer(errors);
        int own = new SoupCli(out, err).run(args);
        out.flush();
        int status = stream.status(own, err);
        err.flush();
        return status;
    }

    private static PrintWriter writer(OutputStream stream) {
        return new PrintWriter(stream, true, StandardCharsets.UTF_8);
    }
}
