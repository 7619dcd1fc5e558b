package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** What a real process of the program said that was asked to end in the middle of its work. */
record Stopped(int status, String out, List<String> err) {
    /** How long the work may take to come to where it is stopped, on a busy machine. */
    private static final int SECONDS = 120;

    /**
     * Starts a command, waits for what is to be seen of it, and asks it to end.
     *
     * @param folder for what it says
     */
    static Stopped when(BooleanSupplier ready, Path folder, Object... args)
            throws IOException, InterruptedException {
        List<String> words =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "-XX:TieredStopAtLevel=1",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Main.class.getName()));
        for (Object arg : args) {
            words.add(String.valueOf(arg));
        }
        Path out = folder.resolve("stopped.out");
        Path err = folder.resolve("stopped.err");
        ProcessBuilder builder = new ProcessBuilder(words);
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().put("OMP_NUM_THREADS", "1");
        Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        long start = System.nanoTime();
        while (!ready.getAsBoolean()) {
            assertThat(process.isAlive()).as(Files.readString(err)).isTrue();
            assertThat(System.nanoTime() - start).isLessThan(SECONDS * 1_000_000_000L);
            Thread.sleep(20);
        }
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends when asked to").isTrue();
        return new Stopped(process.exitValue(), Files.readString(out), Files.readAllLines(err));
    }

    /** Asserts that it did not end well, gave no result, and ended with one sentence. */
    String sentence() {
        assertThat(status).isNotZero();
        assertThat(out).isEmpty();
        assertThat(err).isNotEmpty();
        assertThat(err.stream().filter(line -> line.startsWith("Stopped"))).hasSize(1);
        assertThat(err.getLast()).startsWith("Stopped; ").endsWith(".");
        return err.getLast();
    }
}
