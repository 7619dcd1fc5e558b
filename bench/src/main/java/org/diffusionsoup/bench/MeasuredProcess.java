package org.diffusionsoup.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.SoupException;

/**
 * A process that was run to its end, its output thrown away.
 *
 * @param status its exit status
 * @param seconds from its start to its end
 * @param peakMegabytes largest sum of its anonymous and shared memory, from {@code
 *     /proc/PID/status} every 10 ms: all but file-backed pages
 */
record MeasuredProcess(int status, double seconds, double peakMegabytes) {
    /**
     * Runs a command.
     *
     * @throws SoupException if it cannot be started or does not end with status 0
     */
    static MeasuredProcess of(List<String> command) {
        return of(command, Map.of());
    }

    /**
     * Runs a command.
     *
     * @param environment variables added to this process's own
     * @throws SoupException if it cannot be started or does not end with status 0
     */
    static MeasuredProcess of(List<String> command, Map<String, String> environment) {
        MeasuredProcess p = attempt(command, environment, ProcessBuilder.Redirect.INHERIT);
        if (p.status != 0) {
            throw new SoupException(command.getFirst() + " ended with status " + p.status + ".");
        }
        return p;
    }

    /**
     * Runs a command that may fail, without showing what it complains about.
     *
     * @throws SoupException if it cannot be started
     */
    static MeasuredProcess attempt(List<String> command) {
        return attempt(command, Map.of(), ProcessBuilder.Redirect.DISCARD);
    }

    /**
     * Runs {@code soup} as a user starts it, or, where there is no launcher, this program again as
     * it was started.
     *
     * @param args the words after {@code soup}
     * @param environment variables added to this process's own
     * @throws SoupException if it does not end with status 0
     */
    static MeasuredProcess soup(List<String> args, Map<String, String> environment) {
        Path launcher = Path.of(System.getProperty("soup.home", "."), "soup");
        List<String> command = new ArrayList<>();
        if (Files.isExecutable(launcher)) {
            command.add(launcher.toString());
            command.addAll(args);
        } else {
            command.addAll(SoupProcess.command(args));
        }
        return of(command, environment);
    }

    /**
     * Runs a command that may fail.
     *
     * @param errors where its error stream goes
     * @throws SoupException if it cannot be started
     */
    static MeasuredProcess attempt(
            List<String> command, Map<String, String> environment, ProcessBuilder.Redirect errors) {
        long start = System.nanoTime();
        try {
            ProcessBuilder builder =
                    new ProcessBuilder(command)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .redirectError(errors);
            builder.environment().putAll(environment);
            Process p = builder.start();
            Path status = Path.of("/proc", String.valueOf(p.pid()), "status");
            double peak = 0;
            while (!p.waitFor(10, TimeUnit.MILLISECONDS)) {
                peak = Math.max(peak, ownMegabytes(status));
            }
            return new MeasuredProcess(p.exitValue(), (System.nanoTime() - start) / 1e9, peak);
        } catch (IOException e) {
            throw new SoupException("Cannot run " + command.getFirst() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while measuring.", e);
        }
    }

    private static double ownMegabytes(Path status) {
        long kib = 0;
        try {
            for (String line : Files.readAllLines(status)) {
                if (line.startsWith("RssAnon:") || line.startsWith("RssShmem:")) {
                    kib += Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            return 0; // It has ended.
        }
        return kib * 1024 / 1e6;
    }
}
