package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three processes work on one registry and are killed at random moments. {@code -Dsoup.kills=100}
 * asks for more kills than the normal run has.
 */
@DisabledOnOs(OS.WINDOWS)
class CrashTest {
    private static final int WORKERS = 3;

    @TempDir private Path folder;

    @Test
    void killsAtRandomMomentsLoseNothingAcknowledged() throws Exception {
        check(Optional.empty());
    }

    @Test
    void killsLoseNothingWithTheLedgerOnPostgres() throws Exception {
        Optional<PostgresServer> server = PostgresServer.start();
        assumeTrue(
                server.isPresent(),
                "skipped: no PostgreSQL server found under /usr/lib/postgresql, or none that starts");
        try (PostgresServer s = server.get()) {
            check(Optional.of(s.url("postgres")));
        }
    }

    private void check(Optional<String> url) throws Exception {
        long seed = Long.getLong("soup.seed", 20261123L);
        int kills = Integer.getInteger("soup.kills", 4);
        Random random = new Random(seed);
        Registry r =
                Registry.init(folder.resolve("registry"), url)
                        .with(SoupOptions.DEFAULT.withThreads(1));
        Small.base(r, folder);
        Small.add(r, folder, "first", 1);
        Small.add(r, folder, "second", 2);
        r.make(Small.follow("soup"));

        List<Process> running = new ArrayList<>();
        int started = 0;
        try {
            for (; started < WORKERS; started++) {
                running.add(start("w" + started, seed + started));
            }
            for (int kill = 0; kill < kills; kill++) {
                waitForWork(kill + 1);
                TimeUnit.MILLISECONDS.sleep(random.nextInt(700));
                Process victim = running.remove(random.nextInt(running.size()));
                assertThat(victim.isAlive()).as(errors()).isTrue();
                victim.destroyForcibly(); // SIGKILL
                assertThat(victim.waitFor(60, TimeUnit.SECONDS)).isTrue();
                running.add(start("w" + started, seed + started));
                started++;
            }
        } finally {
            for (Process p : running) {
                p.destroyForcibly();
                p.waitFor(60, TimeUnit.SECONDS);
            }
        }
        assertThat(r.check()).as("seed %d", seed).noneMatch(f -> f.severity() == Severity.ERROR);
        assertAcknowledged(r);
        r.collect(false, 0);
        assertThat(r.check()).as("seed %d, after gc", seed).isEmpty();
        SoupRow soup = r.update("soup");
        SoupRow afresh = r.make(new SoupPlan("afresh", List.of(), true, Optional.empty(), false));
        assertThat(soup.checkpoint()).isEqualTo(afresh.checkpoint());
    }

    private Process start(String name, long seed) throws IOException {
        return new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/java",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Xmx256m",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CrashWorker.class.getName(),
                        folder.toString(),
                        name,
                        Long.toString(seed))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.appendTo(folder.resolve("errors").toFile()))
                .start();
    }

    /** Kills before anything runs would show nothing. */
    private void waitForWork(int lines) throws Exception {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (acknowledged().size() < lines) {
            assertThat(System.nanoTime()).as(errors()).isLessThan(until);
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    private String errors() throws IOException {
        Path file = folder.resolve("errors");
        return Files.exists(file) ? Files.readString(file) : "";
    }

    private List<String> acknowledged() throws IOException {
        List<String> lines = new ArrayList<>();
        try (var all = Files.list(folder)) {
            for (Path f : all.filter(p -> p.toString().endsWith(".acknowledged")).toList()) {
                String text = Files.readString(f);
                lines.addAll(text.substring(0, text.lastIndexOf('\n') + 1).lines().toList());
            }
        }
        return lines;
    }

    private void assertAcknowledged(Registry r) throws IOException {
        List<String> lines = acknowledged();
        assertThat(lines).isNotEmpty();
        r.read(q -> {
            for (String line : lines) {
                String[] words = line.split(" ");
                switch (words[0]) {
                    case "added" -> {
                        assertThat(q.shard(words[1])).as(line).isPresent();
                        assertThat(q.ingredients().stream().map(i -> i.name()))
                                .as(line)
                                .contains(words[1]);
                    }
                    case "soup" ->
                            assertThat(q.soup(Long.parseLong(words[1]))).as(line).isPresent();
                    default ->
                            assertThat(q.shard(words[1]).orElseThrow().withdrawn())
                                    .as(line)
                                    .isPresent();
                }
            }
            return true;
        });
    }
}
