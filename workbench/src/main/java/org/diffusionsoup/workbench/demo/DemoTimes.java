package org.diffusionsoup.workbench.demo;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;

/**
 * What a demo's parts took, over all runs of it: kept in its folder, so that a run that goes on
 * adds to what those before it took.
 */
final class DemoTimes {
    private static final String FILE = "times.txt";
    private static final String RUNS = "runs";
    private static final String ALL = "all";

    private final Path file;
    private final TreeMap<String, Double> kept = new TreeMap<>();
    private long last = System.nanoTime();

    DemoTimes(Path folder) {
        file = folder.resolve(FILE);
        if (Files.exists(file)) {
            Properties lines = new Properties();
            try (Reader in = Files.newBufferedReader(file)) {
                lines.load(in);
                lines.stringPropertyNames()
                        .forEach(k -> kept.put(k, Double.valueOf(lines.getProperty(k, "0"))));
            } catch (IOException e) {
                throw new SoupIoException("read", file, e);
            } catch (IllegalArgumentException e) {
                throw new SoupException(file + " is damaged; remove it.", e);
            }
        }
    }

    /** A run begins. */
    void begin() {
        add(RUNS, 1);
    }

    /** How many runs there were. */
    int runs() {
        return (int) of(RUNS);
    }

    /** Adds to a part, and to the whole what passed since the last time. */
    void add(String part, double amount) {
        kept.merge(part, amount, Double::sum);
        long now = System.nanoTime();
        kept.merge(ALL, (now - last) / 1e9, Double::sum);
        last = now;
        String text =
                kept.entrySet().stream()
                        .map(e -> e.getKey().replace(" ", "\\ ") + "=" + e.getValue() + "\n")
                        .collect(Collectors.joining());
        AtomicFiles.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /** What was added to a part; 0 where nothing was. */
    double of(String part) {
        return kept.getOrDefault(part, 0.0);
    }

    /** Seconds of all runs together. */
    double all() {
        add(ALL, 0);
        return of(ALL);
    }

    /** What was added to all parts whose names begin so. */
    double sum(String prefix) {
        return kept.entrySet().stream()
                .filter(e -> e.getKey().startsWith(prefix))
                .mapToDouble(e -> e.getValue())
                .sum();
    }
}
