package org.diffusionsoup.workbench.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.DType;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.core.SafetensorsWriter;
import org.diffusionsoup.core.SoupIngredient;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.Souper;
import org.diffusionsoup.core.TensorEntry;
import org.diffusionsoup.registry.NewIngredient;
import org.diffusionsoup.registry.NewShard;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.SoupPlan;
import org.diffusionsoup.registry.WithdrawRequest;
import org.diffusionsoup.registry.Withdrawn;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.workbench.Progress;

/**
 * What the registry costs: questions to a large ledger, and a withdrawal of real size against the
 * work it saves.
 */
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

    /**
     * One ingredient leaves a soup.
     *
     * @param from ingredients before
     * @param bytes of one checkpoint
     * @param withdraw seconds of the withdrawal: new soup by the kept sum, new sum, deletion,
     *     ledger and certificate
     * @param weights the part of it that was spent on weights
     * @param registryAverage the registry makes the same soup from all that are left, with its sum
     * @param average the others are averaged from files into a file, no registry
     * @param copy one checkpoint is copied and flushed
     */
    public record WithdrawalResult(
            int from,
            long bytes,
            double withdraw,
            double weights,
            double registryAverage,
            double average,
            double copy) {}

    /** Fills a ledger, asks it, withdraws from it, and deletes it. */
    public LedgerResult ledger(int shards, int soups, int samplesPerShard) {
        Path folder = fresh("ledger");
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

    /**
     * Withdraws one ingredient from a soup of F16 checkpoints of SD 2.1's UNet shape.
     *
     * @param divisor every tensor's first dimension is divided by it
     * @param ingredients before the withdrawal, at least 2
     */
    public WithdrawalResult withdrawal(int divisor, int ingredients) {
        CheckpointMaker maker = new CheckpointMaker(DType.F16, divisor);
        List<Path> files = new ArrayList<>();
        for (int i = 0; i <= ingredients; i++) {
            Path file =
                    work.resolve("f16-1-" + divisor)
                            .resolve("ingredient-%02d.safetensors".formatted(i));
            if (file.toFile().length() < maker.bytes()) {
                maker.make(file, i, progress);
            }
            files.add(file);
        }
        Path folder = fresh("withdrawal");
        Registry r = Registry.init(folder.resolve("registry"), Optional.empty()).with(options());
        Random random = new Random(2);
        progress.start("registry", ingredients + 2L, "checkpoints");
        r.addBase("base", files.removeFirst());
        progress.advance(1);
        List<String> live = new ArrayList<>();
        for (int i = 0; i < ingredients; i++) {
            r.addShard(shard("shard-" + i, 100, random));
            ingredient(r, i, files.get(i));
            live.add("shard-" + i);
            progress.advance(1);
        }
        r.make(new SoupPlan("soup", List.of(), true, Optional.empty(), true));
        progress.advance(1);
        progress.start("withdraw", 4, "ways");
        String gone = live.removeFirst();
        files.removeFirst();
        files.forEach(RegistryBenchmark::read); // all of them in the page cache, for everyone
        long start = System.nanoTime();
        Withdrawn out = r.withdraw(WithdrawRequest.ofShards(List.of(gone), "t"));
        double withdraw = (System.nanoTime() - start) / 1e9;
        progress.advance(1);
        List<SoupPlan.Item> items =
                live.stream().map(n -> new SoupPlan.Item(n, Coefficient.ONE)).toList();
        double again =
                time(() -> r.make(new SoupPlan("afresh", items, false, Optional.empty(), true)));
        progress.advance(1);
        Path soup = folder.resolve("soup.safetensors");
        double average =
                time(() ->
                        Souper.with(options())
                                .make(files.stream().map(SoupIngredient::of).toList(), soup));
        progress.advance(1);
        double copy = time(() -> copy(files.getFirst(), folder.resolve("copy")));
        progress.advance(1);
        delete(folder);
        return new WithdrawalResult(
                ingredients, maker.bytes(), withdraw, out.weightsSeconds(), again, average, copy);
    }

    private Souper.Options options() {
        return Souper.Options.DEFAULT.withThreads(threads);
    }

    private double best(DoubleSupplier run) {
        double best = Double.POSITIVE_INFINITY;
        for (int t = 0; t < tries; t++) {
            best = Math.min(best, run.getAsDouble());
        }
        return best;
    }

    private static double time(Runnable run) {
        long start = System.nanoTime();
        run.run();
        return (System.nanoTime() - start) / 1e9;
    }

    private static List<String> and(List<String> words, List<String> more) {
        return Stream.concat(words.stream(), more.stream()).toList();
    }

    private static NewShard shard(String name, int samples, Random random) {
        List<NewShard.Sample> all = new ArrayList<>();
        for (int i = 0; i < samples; i++) {
            all.add(
                    new NewShard.Sample(
                            Hashes.sha256Hex((name + i).getBytes(StandardCharsets.UTF_8)),
                            "%016x".formatted(random.nextLong())));
        }
        return new NewShard(name, "provider", "CC0-1.0", "", Optional.empty(), name, all);
    }

    private static void ingredient(Registry r, int number, Path weights) {
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

    private Path fresh(String name) {
        Path folder = work.resolve("registry-" + name);
        delete(folder);
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new SoupIoException("make", folder, e);
        }
    }

    private static void read(Path file) {
        try (var in = Files.newInputStream(file)) {
            byte[] buffer = new byte[1 << 20];
            while (in.read(buffer) >= 0) {
                // only into the cache
            }
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** As safe as the soup beside it: on disk when this returns. */
    private static void copy(Path from, Path to) {
        try {
            Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
            try (var channel =
                    java.nio.channels.FileChannel.open(
                            to, java.nio.file.StandardOpenOption.WRITE)) {
                channel.force(true);
            }
        } catch (IOException e) {
            throw new SoupIoException("copy", from, e);
        }
        delete(to);
    }

    private static void delete(Path path) {
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
