package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.cli.console.Flags;

/** The outcome of one real command line, run in this process; flags, no settings, are named. */
record Run(int status, String out, String err) {

    static Run of(Object... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] words = new String[args.length];
        for (int i = 0; i < args.length; i++) {
            words[i] = String.valueOf(args[i]);
        }
        int status = new SoupCli(new PrintWriter(out), new PrintWriter(err)).run(words);
        Run run = new Run(status, out.toString(), err.toString());
        assertThat(Flags.in(run.out + run.err)).as("with flags").isEqualTo(run.out + run.err);
        return run;
    }

    /** A command of a registry, quietly. */
    static Run at(Path registry, Object... args) {
        List<Object> words = new ArrayList<>(List.of(args));
        words.addAll(List.of("--registry", registry, "-q"));
        return of(words.toArray());
    }

    /** Asserts success. */
    Run ok() {
        assertThat(status).as("exit status; stderr: %s", err).isZero();
        return this;
    }

    /** Asserts that checkpoints which differ are refused with a list that holds each part. */
    Run refuses(String... parts) {
        assertThat(status).as("exit status; stderr: %s", err).isEqualTo(1);
        assertThat(out).isEmpty();
        assertThat(err).contains("cannot be averaged").contains(parts).doesNotContain("\tat ");
        return this;
    }

    /** Asserts a failure told in one line that holds each part, and nothing on the output. */
    Run fails(int expected, String... parts) {
        assertThat(status).as("exit status; stderr: %s", err).isEqualTo(expected);
        assertThat(out).isEmpty();
        assertThat(err.lines().toList()).as("one sentence, no stack trace").hasSize(1);
        assertThat(err).contains(parts);
        return this;
    }
}
