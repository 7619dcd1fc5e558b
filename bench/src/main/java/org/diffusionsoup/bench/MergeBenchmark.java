package org.diffusionsoup.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.workbench.Progress;

/**
 * Measures {@code soup merge} and {@code soup adjust} as whole processes, start of the JVM
 * included, against the limit that copying sets: {@code cat} of the inputs to {@code /dev/null}
 * plus {@code cp} of one output, in the same run, on a warm page cache. Every time is the least of
 * several tries, which take turns, as the speed of a machine changes within minutes. What other
 * settings left in the page cache is given up first: where memory is full, whoever uses all cores
 * also pays for looking for pages to give up.
 */
public final class MergeBenchmark {
    private static final String PYTHON =
            """
            import json, struct, sys, torch
            types = {"F16": torch.float16, "F32": torch.float32, "BF16": torch.bfloat16}
            def load(path):
                data = bytearray(open(path, "rb").read())
                n = struct.unpack("<Q", data[:8])[0]
                for name, t in json.loads(data[8:8 + n]).items():
                    if name != "__metadata__":
                        b, e = t["data_offsets"]
                        dtype = types[t["dtype"]]
                        size = torch.tensor([], dtype=dtype).element_size()
                        w = torch.frombuffer(data, dtype=dtype, count=(e - b) // size, offset=8 + n + b)
                        yield name, w.reshape(t["shape"])
            total, files = {}, sys.argv[2:]
            for f in files:
                for k, v in load(f):
                    dtype = v.dtype
                    total[k] = total[k] + v.float() if k in total else v.float()
            torch.save({k: (v / len(files)).to(dtype) for k, v in total.items()}, sys.argv[1])
            """;

    /**
     * One set of ingredients.
     *
     * @param divisor of every tensor's first dimension: 1 is SD 2.1's UNet, 866 M parameters
     */
    public record Setting(DType dtype, int divisor, int ingredients) {}

    /**
     * What one setting gave; times in seconds.
     *
     * @param flush {@code sync} of that copy: what it takes to have it on the disk, as a merge's
     *     output is before it gets its name
     * @param limit {@code cat} of the inputs plus {@code cp} of one
     * @param first {@code soup merge} with nothing remembered: all inputs are hashed, too
     * @param merge {@code soup merge} of inputs whose hashes are remembered
     * @param ratio {@code merge / limit}
     * @param flushedRatio {@code merge / (limit + flush)}
     * @param peakMegabytes largest sum of anonymous and shared memory of the merging process, from
     *     {@code /proc/PID/status} every 10 ms: all but file-backed pages
     * @param python the script that a user of PyTorch writes, where PyTorch is installed
     */
    public record Row(
            Setting setting,
            long inputBytes,
            double cat,
            double cp,
            double flush,
            double limit,
            double first,
            double merge,
            double ratio,
            double flushedRatio,
            double peakMegabytes,
            OptionalDouble python) {}

    /**
     * Withdrawing one of n ingredients; times in seconds.
     *
     * @param again averaging the other n - 1
     * @param adjust the same bytes from the kept sum
     * @param ratio {@code adjust / again}
     * @param copyRatio the same ratio of copying: {@code cat} of the sum and the ingredient plus
     *     {@code cp} of one, over {@code cat} of the other n - 1 plus that {@code cp}
     * @param keepAgain averaging the other n - 1 and keeping their sum
     * @param keepAdjust the same from the kept sum
     * @param keepRatio {@code keepAdjust / keepAgain}
     */
    public record Withdrawal(
            Setting setting,
            double again,
            double adjust,
            double ratio,
            double copyRatio,
            double keepAgain,
            double keepAdjust,
            double keepRatio) {}

    /** All of a run. */
    public record Result(List<Row> rows, List<Withdrawal> withdrawals, String python) {}

    private final Path work;
    private final int tries;
    private final Progress progress;
    private final Consumer<Row> eachRow;
    private final Optional<String> python;

    /**
     * @param work folder for checkpoints, which stay there for the next run, and for outputs
     * @param tries how often everything is timed
     * @param eachRow told every row as it is known
     */
    public MergeBenchmark(Path work, int tries, Progress progress, Consumer<Row> eachRow) {
        if (tries < 1) {
            throw new SoupException("`tries` must be at least 1, not " + tries + ".");
        }
        this.work = work;
        this.tries = tries;
        this.progress = progress;
        this.eachRow = eachRow;
        this.python = pythonWithTorch();
    }

    /** Measures merges, and withdrawals where asked. */
    public Result run(List<Setting> merges, List<Setting> withdrawals) {
        List<Row> rows = new ArrayList<>();
        for (Setting s : merges) {
            Row row = row(s);
            rows.add(row);
            eachRow.accept(row);
        }
        List<Withdrawal> gone = new ArrayList<>();
        for (Setting s : withdrawals) {
            gone.add(withdrawal(s));
        }
        return new Result(
                rows,
                gone,
                python.isPresent() ? "measured" : "skipped: python3 with torch is not there");
    }

    private Row row(Setting s) {
        List<Path> files = files(work, s, progress);
        long bytes = 0;
        for (Path f : files) {
            bytes += f.toFile().length();
        }
        Path copy = work.resolve("copy.safetensors");
        Path out = work.resolve("soup.safetensors");
        progress.start("measure n = " + s.ingredients(), 2L + 4L * tries, "runs");
        dropOthers(files);
        List<String> cat = cat(files);
        once(cat);
        double[] peak = {0};
        double first = soup(merge(files, out, "--no-hash-cache"), peak);
        progress.advance(1);
        soup(merge(files, out), peak); // remembers the hashes
        progress.advance(1);
        double catTime = Double.POSITIVE_INFINITY;
        double cpTime = Double.POSITIVE_INFINITY;
        double flush = Double.POSITIVE_INFINITY;
        double merged = Double.POSITIVE_INFINITY;
        for (int i = 0; i < tries; i++) {
            delete(out);
            catTime = Math.min(catTime, once(cat));
            progress.advance(1);
            List<String> cp = List.of("cp", files.getFirst().toString(), copy.toString());
            cpTime = Math.min(cpTime, once(cp));
            flush = Math.min(flush, once(List.of("sync", copy.toString())));
            delete(copy);
            progress.advance(1);
            merged = Math.min(merged, soup(merge(files, out), peak));
            progress.advance(1);
        }
        OptionalDouble torch = OptionalDouble.empty();
        if (python.isPresent()) {
            List<String> script = new ArrayList<>(List.of(python.get(), "-c", PYTHON));
            script.add(work.resolve("python.safetensors").toString());
            files.forEach(f -> script.add(f.toString()));
            torch = OptionalDouble.of(best(() -> once(script)));
            delete(work.resolve("python.safetensors"));
        }
        delete(out);
        double limit = catTime + cpTime;
        return new Row(
                s,
                bytes,
                catTime,
                cpTime,
                flush,
                limit,
                first,
                merged,
                merged / limit,
                merged / (limit + flush),
                peak[0],
                torch);
    }

    private Withdrawal withdrawal(Setting s) {
        List<Path> files = files(work, s, progress);
        dropOthers(files);
        Path first = files.getFirst();
        List<Path> rest = files.subList(1, files.size());
        Path soup = work.resolve("kept.safetensors");
        Path less = work.resolve("less.safetensors");
        Path afresh = work.resolve("afresh.safetensors");
        double[] peak = {0};
        progress.start("withdraw from n = " + s.ingredients(), 1L + 7L * tries, "runs");
        try {
            soup(merge(files, soup, "--keep-sum"), peak);
            progress.advance(1);
            double[] again = new double[2];
            double[] adjust = new double[2];
            for (int keep = 0; keep < 2; keep++) {
                String[] more = keep == 0 ? new String[0] : new String[] {"--keep-sum"};
                List<String> withdraw = new ArrayList<>();
                withdraw.addAll(List.of("adjust", soup.toString(), "--remove", first.toString()));
                withdraw.addAll(List.of("-o", less.toString(), "-q"));
                withdraw.addAll(List.of(more));
                again[keep] =
                        best(() -> {
                            deleteSoup(afresh);
                            return soup(merge(rest, afresh, more), peak);
                        });
                adjust[keep] =
                        best(() -> {
                            deleteSoup(less);
                            return soup(withdraw, peak);
                        });
                checkSame(less, afresh);
            }
            double catRest = best(() -> once(cat(rest)));
            List<Path> sum = new ArrayList<>(listed(sumOf(soup)));
            sum.add(first);
            double catSum = best(() -> once(cat(sum)));
            double cp =
                    best(() -> {
                        delete(less);
                        return once(List.of("cp", first.toString(), less.toString()));
                    });
            return new Withdrawal(
                    s,
                    again[0],
                    adjust[0],
                    adjust[0] / again[0],
                    (catSum + cp) / (catRest + cp),
                    again[1],
                    adjust[1],
                    adjust[1] / again[1]);
        } catch (IOException e) {
            throw new SoupIoException("read", less, e);
        } finally {
            List.of(soup, less, afresh).forEach(MergeBenchmark::deleteSoup);
        }
    }

    /** Gives up the pages of this folder's other checkpoints, where that can be asked for. */
    private void dropOthers(List<Path> files) {
        try (Stream<Path> all = Files.walk(work)) {
            PageCache.drop(
                    all.filter(Files::isRegularFile).filter(f -> !files.contains(f)).toList());
        } catch (IOException | UncheckedIOException e) {
            throw new SoupException("Cannot look through " + work + ": " + e.getMessage(), e);
        }
    }

    private static List<String> cat(List<Path> files) {
        List<String> cat = new ArrayList<>(List.of("cat"));
        files.forEach(f -> cat.add(f.toString()));
        return cat;
    }

    private static void checkSame(Path one, Path other) throws IOException {
        if (Files.mismatch(one, other) >= 0) {
            throw new SoupException("The adjusted " + one + " differs from " + other + ".");
        }
    }

    private static Path sumOf(Path soup) {
        return soup.resolveSibling(soup.getFileName() + ".sum");
    }

    private static List<Path> listed(Path folder) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.sorted().toList();
        }
    }

    private static void deleteSoup(Path soup) {
        delete(soup);
        Path sum = sumOf(soup);
        if (Files.isDirectory(sum)) {
            try {
                listed(sum).forEach(MergeBenchmark::delete);
            } catch (IOException e) {
                throw new SoupIoException("delete", sum, e);
            }
            delete(sum);
        }
    }

    static List<String> merge(List<Path> files, Path out, String... more) {
        List<String> args = new ArrayList<>(List.of("merge"));
        files.forEach(f -> args.add(f.toString()));
        args.addAll(List.of("-o", out.toString(), "--force", "-q"));
        args.addAll(List.of(more));
        return args;
    }

    /** Where a setting's ingredients lie, whether they are there or not. */
    static List<Path> places(Path work, Setting s) {
        Path folder = work.resolve(s.dtype().name().toLowerCase(Locale.ROOT) + "-1-" + s.divisor());
        List<Path> files = new ArrayList<>();
        for (int i = 1; i <= s.ingredients(); i++) {
            files.add(folder.resolve(String.format(Locale.ROOT, "ingredient-%02d.safetensors", i)));
        }
        return files;
    }

    /** A setting's ingredients; those that are not there are made. */
    static List<Path> files(Path work, Setting s, Progress progress) {
        CheckpointMaker maker = new CheckpointMaker(s.dtype(), s.divisor());
        List<Path> files = places(work, s);
        boolean made = false;
        for (int i = 0; i < files.size(); i++) {
            if (files.get(i).toFile().length() < maker.bytes()) {
                maker.make(files.get(i), i + 1, progress);
                made = true;
            }
        }
        if (made) {
            // Else the disk would still be writing them while we measure.
            once(List.of("sync"));
            sleep(TimeUnit.SECONDS.toMillis(3));
        }
        return files;
    }

    private interface Timed {
        double seconds();
    }

    private double best(Timed run) {
        double best = Double.POSITIVE_INFINITY;
        for (int i = 0; i < tries; i++) {
            best = Math.min(best, run.seconds());
            progress.advance(1);
        }
        return best;
    }

    private static double soup(List<String> args, double[] peakMegabytes) {
        MeasuredProcess p = MeasuredProcess.soup(args, Map.of());
        peakMegabytes[0] = Math.max(peakMegabytes[0], p.peakMegabytes());
        return p.seconds();
    }

    private static double once(List<String> command) {
        return MeasuredProcess.of(command).seconds();
    }

    /** The first Python with torch: the user's own, or the system's, where Debian puts it. */
    private static Optional<String> pythonWithTorch() {
        return Stream.of("python3", "/usr/bin/python3")
                .filter(MergeBenchmark::hasTorch)
                .findFirst();
    }

    private static boolean hasTorch(String python) {
        try {
            Process p =
                    new ProcessBuilder(python, "-c", "import torch")
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start();
            return p.waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void delete(Path p) {
        try {
            Files.deleteIfExists(p);
        } catch (IOException e) {
            throw new SoupIoException("delete", p, e);
        }
    }
}
