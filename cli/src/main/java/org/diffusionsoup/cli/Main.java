package org.diffusionsoup.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/** The program that the launcher {@code soup} starts. */
public final class Main {
    private Main() {}

    /** Runs one command and exits: 0 done, 1 failed, 2 not a valid command line. */
    public static void main(String[] args) {
        HeadStart.begin(args);
        // always UTF-8: what a script reads must not depend on the locale
        PrintWriter out = writer(new FileOutputStream(FileDescriptor.out));
        PrintWriter err = writer(new FileOutputStream(FileDescriptor.err));
        int status = new SoupCli(out, err).run(args);
        out.flush();
        err.flush();
        System.exit(status);
    }

    private static PrintWriter writer(OutputStream stream) {
        return new PrintWriter(stream, true, StandardCharsets.UTF_8);
    }
}
