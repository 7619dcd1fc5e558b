package org.diffusionsoup.workbench.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/** This program once more, started as it was itself: what a user waits for. */
final class SoupProcess {
    private SoupProcess() {}

    /**
     * Runs a command to its end, its output thrown away.
     *
     * @param args the words after {@code soup}
     * @return seconds, the JVM's start among them
     * @throws SoupException if it ends with another status than 0
     */
    static double seconds(List<String> args) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(
                List.of(
                        "-cp",
                        System.getProperty("java.class.path"),
                        "org.diffusionsoup.cli.Main"));
        command.addAll(args);
        long start = System.nanoTime();
        try {
            int status =
                    new ProcessBuilder(command)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start()
                            .waitFor();
            if (status != 0) {
                throw new SoupException(
                        "soup " + args.getFirst() + " ended with status " + status + ".");
            }
        } catch (IOException e) {
            throw new SoupException("Cannot run " + command.getFirst() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while measuring.", e);
        }
        return (System.nanoTime() - start) / 1e9;
    }
}
