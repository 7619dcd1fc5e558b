package org.diffusionsoup.cli.command;

import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;

/**
 * A word of advice where a model is about to be computed on a machine that has other work. Threads
 * of one operation wait for each other, and one that waits for a processor holds up all of them: a
 * picture that one thread draws in a second was seen to take two a minute and a half (load 15 on
 * two cores).
 */
final class BusyMachine {
    /** Set by whoever has decided already. */
    private static final String THREADS = "OMP_NUM_THREADS";

    private BusyMachine() {}

    /**
     * What to say before a command; empty where it computes no models, or nothing is to be said.
     */
    static Optional<String> note(CommandSpec command) {
        if (command.findOption(DeviceFlag.OPTION) == null) {
            return Optional.empty();
        }
        return note(
                System.getenv(THREADS) != null,
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
                Runtime.getRuntime().availableProcessors());
    }

    /**
     * The same of a machine.
     *
     * @param decided whether somebody has said how many threads there are to be
     * @param load processes that run or wait for a processor, negative where nobody knows
     */
    static Optional<String> note(boolean decided, double load, int processors) {
        // Beyond one waiting process per processor it is seldom that all threads run at once.
        if (decided || processors < 2 || load < 2.0 * processors) {
            return Optional.empty();
        }
        return Optional.of(
                String.format(
                        Locale.ROOT,
                        "This machine is busy (load %.0f on %d processors), and threads that wait for"
                                + " each other can make this tens of times slower; with %s=1 in the"
                                + " environment one thread does the work.",
                        load,
                        processors,
                        THREADS));
    }
}
