package org.diffusionsoup.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.diffusionsoup.workbench.Progress;

/** What the registry costs where weights cost nothing: questions to a large ledger. */
public final class RegistryBenchmark {
    private static final int PER_SOUP = 5;

    private final Path work;
    private final int threads;
    private final int tries;
    private final Progress progress;

    /**
     * @param work folder for checkpoints (kept) and registries (deleted again)
     * @param threads that average
     * @param tries commands are timed so often and the least taken
     */
    public RegistryBenchmark(Path work, int threads, int tries, Progress progress) {
        this.work = work;
        this.threads = threads;
        this.tries = tries;
        this.progress = progress;
    }

    /**
     * One command on a large ledger.
     *
     * @param command the words after {@code soup}
     * @param seconds of the whole process
     * @param beyondStart the same without what {@code soup --version} takes
     */
    public record Command(String command, double seconds, double beyondStart) {}

    /**
     * Commands on a ledger of tiny weights.
     *
     * @param entries of the ledger
     * @param start seconds of {@code soup --version}
     * @param withdrawLedger seconds that the timed withdrawals spent outside of weights, the most
     *     of them
     */
    public record LedgerResult(
            int shards,
            int soups,
            int samplesPerShard,
            long entries,
            double start,
            List<Command> commands,
            double withdrawLedger) {
        public LedgerResult {
            commands = List.copyOf(commands);
        }
    }

    /** Fills a ledger, asks it, withdraws from it, and deletes it. */
    public LedgerResult ledger(int shards, int soups, int samplesPerShard) {
        Path folder = fresh(work, "ledger");
        Registry r = Registry.init(folder.resolve("registry"), Optional.empty()).with(options());
        Random random = new Random(1);
        r.addBase("base", tiny(folder, 0));
        progress.start("ledger", shards + (long) soups, "entries");
        for (int s = 0; s < shards; s++) {
            r.addShard(shard("shard-" + s, samplesPerShard, random));
            ingredient(r, s, tiny(folder, s + 1));
            progress.advance(1);
        }
        for (int s = 0; s < soups; s++) {
            List<SoupPlan.Item> items = new ArrayList<>();
            // Neighbours, from a place that moves on: every soup has its own, shards are in
            // several.
            for (int i = 0; i < Math.min(PER_SOUP, shards); i++) {
                int at = (int) ((long) s * shards / soups + i) % shards;
                items.add(new SoupPlan.Item("shard-" + at, Coefficient.ONE));
            }
            r.make(new SoupPlan("soup-" + s, items, false, Optional.empty(), true));
            progress.advance(1);
        }
        long entries =
                r.read(q -> q.shards().size() + q.ingredients().size() + q.soups().size() + 1L);
        List<String> where = List.of("--registry", r.folder().toString());
        double start = best(() -> SoupProcess.seconds(List.of("--version")));
        List<Command> commands = new ArrayList<>();
        for (List<String> words :
                List.of(
                        List.of("show", "soup-" + soups / 2),
                        List.of("show", "shard-" + shards / 2),
                        List.of("lineage", "soup-" + soups / 2),
                        List.of("lineage", "shard-" + shards / 2),
                        List.of("lineage"))) {
            double seconds = best(() -> SoupProcess.seconds(and(words, where)));
            commands.add(new Command(String.join(" ", words), seconds, seconds - start));
        }
        List<String> leaving = new ArrayList<>();
        for (int t = 0; t < tries; t++) {
            leaving.add("shard-" + (shards / 2 + t));
        }
        List<String> queue = new ArrayList<>(leaving);
        double seconds =
                best(() ->
                        SoupProcess.seconds(
                                and(
                                        List.of("withdraw", queue.removeFirst(), "--reason", "t"),
                                        where)));
        commands.add(new Command("withdraw " + leaving.getFirst(), seconds, seconds - start));
        double ledgerOnly = 0;
        for (int t = 0; t < tries; t++) {
            Withdrawn w =
                    r.withdraw(WithdrawRequest.ofShards(List.of("shard-" + (shards / 4 + t)), "t"));
            ledgerOnly = Math.max(ledgerOnly, w.ledgerSeconds());
        }
        delete(folder);
        return new LedgerResult(
                shards, soups, samplesPerShard, entries, start, commands, ledgerOnly);
    }

    private SoupOptions options() {
        return SoupOptions.DEFAULT.withThreads(threads);
    }

    private double best(DoubleSupplier run) {
        double best = Double.POSITIVE_INFINITY;
        for (int t = 0; t < tries; t++) {
            best = Math.min(best, run.getAsDouble());
        }
        return best;
    }

    private static List<String> and(List<String> words, List<String> more) {
        return Stream.concat(words.stream(), more.stream()).toList();
    }

    static NewShard shard(String name, int samples, Random random) {
        List<NewShard.Sample> all = new ArrayList<>();
        for (int i = 0; i < samples; i++) {
            all.add(
                    new NewShard.Sample(
                            Hashes.sha256Hex((name + i).getBytes(StandardCharsets.UTF_8)),
                            NewShard.Sample.fingerprint(random.nextLong())));
        }
        return new NewShard(name, "provider", "CC0-1.0", "", Optional.empty(), name, all);
    }

    static void ingredient(Registry r, int number, Path weights) {
        String name = "shard-" + number;
        JsonObject recipe = Json.object().put("method", "none").put("seed", number).build();
        r.addIngredient(new NewIngredient(name, "base", List.of(name), weights, recipe, "bench"));
    }

    /** A checkpoint of a few weights: the ledger is measured, not the store. */
    private static Path tiny(Path folder, int number) {
        Path file = folder.resolve("tiny.safetensors");
        Random random = new Random(number);
        float[] w = new float[16];
        for (int i = 0; i < w.length; i++) {
            w[i] = (float) random.nextGaussian();
        }
        SafetensorsWriter.write(
                file,
                Map.of(),
                Collections.singletonList(TensorEntry.ofFloats("w", new long[] {16}, w)));
        return file;
    }

    static Path fresh(Path work, String name) {
        Path folder = work.resolve("registry-" + name);
        delete(folder);
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new SoupIoException("make", folder, e);
        }
    }

    static void delete(Path path) {
        if (!Files.exists(path)) {
            return;
        }
        try (Stream<Path> all = Files.walk(path)) {
            for (Path p : all.sorted(Collections.reverseOrder()).toList()) {
                Files.delete(p);
            }
        } catch (IOException e) {
            throw new SoupIoException("delete", path, e);
        }
    }
}
