package org.diffusionsoup.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.util.Optional;

/**
 * The output stream of results, which remembers what writers keep to themselves: that something
 * could not be written. What comes after that is not tried.
 */
final class ResultStream extends OutputStream {
    /** What shells say of a program that wrote to a pipe nobody reads any more (128 + SIGPIPE). */
    static final int CLOSED_PIPE = 141;

    private final OutputStream out;
    private Optional<IOException> failure = Optional.empty();

    ResultStream(OutputStream out) {
        this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
        attempt(() -> out.write(bytes, from, length));
    }

    @Override
    public void flush() throws IOException {
        attempt(out::flush);
    }

    private interface Attempt {
        void run() throws IOException;
    }

    private void attempt(Attempt attempt) throws IOException {
        if (failure.isPresent()) {
            throw failure.get();
        }
        try {
            attempt.run();
        } catch (IOException e) {
            failure = Optional.of(e);
            throw e;
        }
    }

    /**
     * The exit status of a command whose results went here: its own where all was written. A closed
     * pipe is nothing to talk about: its reader has seen enough.
     */
    int status(int own, PrintWriter err) {
        if (failure.isEmpty()) {
            return own;
        }
        String why = String.valueOf(failure.get().getMessage());
        if (why.contains("Broken pipe") || why.contains("pipe is being closed")) {
            return own == 0 ? CLOSED_PIPE : own;
        }
        err.println("soup: the result could not be written to the standard output: " + why + ".");
        return own == 0 ? SoupCli.FAILED : own;
    }
}
