package org.diffusionsoup.bench;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
        MeasuredProcess p =
                MeasuredProcess.attempt(command(args), Map.of(), ProcessBuilder.Redirect.INHERIT);
        if (p.status() != 0) {
            throw new SoupException(
                    "soup " + args.getFirst() + " ended with status " + p.status() + ".");
        }
        return p.seconds();
    }

    /** The command line that starts this program again, as it was started itself. */
    static List<String> command(List<String> args) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(
                List.of(
                        "-cp",
                        System.getProperty("java.class.path"),
                        "org.diffusionsoup.cli.Main"));
        command.addAll(args);
        return command;
    }
}
