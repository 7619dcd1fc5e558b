package org.diffusionsoup.workbench.study;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.Statistics;
import org.diffusionsoup.workbench.FreeMemory;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.ModelNames;
import org.jspecify.annotations.Nullable;

/**
 * Section 5.2 of the paper as a measurement: time per picture and memory of a soup of n, which is
 * one model whatever n, and of an ensemble of n, whose members are n copies of it.
 *
 * <p>All of them stay in memory and take turns, so that what else the machine does meets them
 * alike. The soup is loaded and timed anew for every n: that it costs the same is measured.
 */
public final class CostStudy {
    /** The numbers, in the folder of the study. */
    public static final String RESULTS = "costs.json";

    /** The charts, beside them. */
    public static final String PAGE = "costs.html";

    /** A folder that the same command made. */
    public static final OutputKind KIND = OutputKind.folderWith("a study of costs", RESULTS);

    private final Path model;
    private final int[] members;
    private final Drawing drawing;
    private final int repeats;
    private final Progress progress;

    /**
     * What is drawn in each repeat.
     *
     * @param pictures at least 1, in one batch
     * @param steps of sampling, at least 1
     * @param seed of the first picture
     */
    public record Drawing(int pictures, int steps, long seed) {
        /**
         * @throws SoupException naming the flag that is out of range
         */
        public Drawing {
            if (pictures < 1 || steps < 1) {
                throw new SoupException(
                        "`pictures` and `steps` must be at least 1, not %d and %d."
                                .formatted(pictures, steps));
            }
        }
    }

    /**
     * @param model folder of Stable Diffusion 1.x or 2.x in diffusers layout
     * @param members numbers of models, at least two different ones, each at least 1
     * @param repeats at least 2
     * @throws SoupException naming the flag that is out of range
     */
    public CostStudy(
            Path model, List<Integer> members, Drawing drawing, int repeats, Progress progress) {
        boolean twice = new HashSet<>(members).size() < members.size();
        if (members.size() < 2 || twice || members.stream().anyMatch(n -> n < 1)) {
            throw new SoupException(
                    "`members` takes two or more different numbers of at least 1, such as 1,2,4, not %s."
                            .formatted(members));
        }
        if (repeats < 2) {
            throw new SoupException(
                    "`repeats` must be at least 2 for intervals, not %d.".formatted(repeats));
        }
        this.model = model;
        this.members = members.stream().mapToInt(Integer::intValue).sorted().toArray();
        this.drawing = drawing;
        this.repeats = repeats;
        this.progress = progress;
    }

    /** Times of one arm, one per repeat, in seconds per picture. */
    private record Times(double[] clock, double[] processor) {}

    /** Runs the study and writes its folder. */
    public CostResults run(Path out) {
        List<LoadedMembers> soups = new ArrayList<>();
        List<LoadedMembers> ensembles = new ArrayList<>();
        try {
            load(soups, ensembles);
            CostResults results = measure(soups, ensembles);
            AtomicFiles.replaceFolder(
                    out,
                    KIND,
                    folder -> {
                        Files.writeString(folder.resolve(RESULTS), StudyJson.of(results));
                        CostPage.write(folder.resolve(PAGE), results);
                    });
            return results;
        } finally {
            soups.forEach(LoadedMembers::close);
            ensembles.forEach(LoadedMembers::close);
        }
    }

    private void load(List<LoadedMembers> soups, List<LoadedMembers> ensembles) {
        progress.start("load", 2L * members.length, "models");
        // What only a process's first model and picture take; the others would grow into what a
        // closed one left.
        try (LoadedMembers first = LoadedMembers.load(model, 1)) {
            first.draw(drawing);
            requireMemory(first);
            for (int n : members) {
                soups.add(LoadedMembers.load(model, 1));
                progress.advance(1);
                ensembles.add(LoadedMembers.load(model, n));
                progress.advance(1);
            }
        }
    }

    private void requireMemory(LoadedMembers one) {
        double needed = 0;
        for (int n : members) {
            needed += 2.0 * one.weightBytes() + (n - 1.0) * one.memberBytes();
        }
        double free = FreeMemory.bytes();
        if (needed > free) {
            throw new SoupException(
                    "The models of `members` %s take %s of memory together, and %s are free; give fewer or smaller numbers."
                            .formatted(
                                    Arrays.toString(members),
                                    FreeMemory.text(needed),
                                    FreeMemory.text(free)));
        }
    }

    private CostResults measure(List<LoadedMembers> soups, List<LoadedMembers> ensembles) {
        int count = members.length;
        Times[] soup = times(count);
        Times[] ensemble = times(count);
        progress.start("draw", 2L * repeats * count, "batches");
        for (int r = 0; r < repeats; r++) {
            for (int i = 0; i < count; i++) {
                boolean soupFirst = (r + i) % 2 == 0;
                time(
                        soupFirst ? soups.get(i) : ensembles.get(i),
                        soupFirst ? soup[i] : ensemble[i],
                        r);
                time(
                        soupFirst ? ensembles.get(i) : soups.get(i),
                        soupFirst ? ensemble[i] : soup[i],
                        r);
            }
        }
        Bootstrap bootstrap = Bootstrap.seeded(0);
        List<CostResults.Row> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            double[] s = soup[i].processor();
            double[] e = ensemble[i].processor();
            rows.add(
                    new CostResults.Row(
                            members[i],
                            cost(soups.get(i), soup[i], bootstrap),
                            cost(ensembles.get(i), ensemble[i], bootstrap),
                            median(
                                    IntStream.range(0, repeats)
                                            .mapToDouble(r -> e[r] / s[r])
                                            .toArray(),
                                    bootstrap)));
        }
        return new CostResults(
                ModelNames.of(model),
                drawing.pictures(),
                drawing.steps(),
                repeats,
                Torch.threads(),
                drawing.seed(),
                rows,
                new CostResults.Exponents(
                        growth(soup, rows, CostResults.Row::soup, bootstrap),
                        growth(ensemble, rows, CostResults.Row::ensemble, bootstrap)));
    }

    private Times[] times(int count) {
        Times[] all = new Times[count];
        Arrays.setAll(all, i -> new Times(new double[repeats], new double[repeats]));
        return all;
    }

    private void time(LoadedMembers members, Times times, int repeat) {
        var system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        long clock = System.nanoTime();
        long processor = system.getProcessCpuTime();
        members.draw(drawing);
        double perPicture = 1e-9 / drawing.pictures();
        // At least the resolution of the system's clock, of which logarithms are taken.
        times.processor()[repeat] =
                Math.max(1, system.getProcessCpuTime() - processor) * perPicture;
        times.clock()[repeat] = Math.max(1, System.nanoTime() - clock) * perPicture;
        progress.advance(1);
    }

    private static CostResults.Cost cost(LoadedMembers members, Times times, Bootstrap bootstrap) {
        return new CostResults.Cost(
                median(times.clock(), bootstrap),
                median(times.processor(), bootstrap),
                members.weightBytes(),
                members.residentBytes().isPresent() ? members.residentBytes().getAsLong() : null);
    }

    private static Interval median(double[] values, Bootstrap bootstrap) {
        return bootstrap.of(values.length, drawn -> medianOf(values, drawn));
    }

    private static double medianOf(double[] values, int[] drawn) {
        return Statistics.median(Arrays.stream(drawn).mapToDouble(r -> values[r]).toArray());
    }

    private CostResults.Growth growth(
            Times[] times,
            List<CostResults.Row> rows,
            Function<CostResults.Row, CostResults.Cost> of,
            Bootstrap bootstrap) {
        List<CostResults.Cost> costs = rows.stream().map(of).toList();
        double[] bytes = costs.stream().mapToDouble(CostResults.Cost::weightBytes).toArray();
        return new CostResults.Growth(
                exponent(Arrays.stream(times).map(Times::clock).toList(), bootstrap),
                exponent(Arrays.stream(times).map(Times::processor).toList(), bootstrap),
                Statistics.exponent(n(), bytes),
                residentExponent(costs));
    }

    private double[] n() {
        return Arrays.stream(members).asDoubleStream().toArray();
    }

    /** Whole rounds are drawn again: what a round's members share is kept together. */
    private Interval exponent(List<double[]> byMembers, Bootstrap bootstrap) {
        return bootstrap.of(
                repeats,
                drawn ->
                        Statistics.exponent(
                                n(),
                                byMembers.stream()
                                        .mapToDouble(values -> medianOf(values, drawn))
                                        .toArray()));
    }

    private @Nullable Double residentExponent(List<CostResults.Cost> costs) {
        double[] grown = new double[costs.size()];
        for (int i = 0; i < grown.length; i++) {
            Long bytes = costs.get(i).residentBytes();
            if (bytes == null || bytes <= 0) {
                return null;
            }
            grown[i] = bytes;
        }
        return Statistics.exponent(n(), grown);
    }
}
