package org.diffusionsoup.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.soup.SoupAdjuster;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.workbench.Progress;

/**
 * What the paper's removal formula (w_soup - k w_i) / (1 - k), applied to a published soup, leaves
 * of the removed ingredient: the difference to the soup that never had it, element by element.
 */
public final class ResidueBenchmark {
    private static final int PIECE = 1 << 16;

    private final Path work;
    private final Progress progress;

    /** Measures with checkpoints in this folder, made where they are missing. */
    public ResidueBenchmark(Path work, Progress progress) {
        this.work = work;
        this.progress = progress;
    }

    /**
     * What removal left.
     *
     * @param differing share of the elements that differ from the soup without the ingredient
     * @param meanUlp mean size of the difference over all elements, in units in the last place of
     *     the larger of both values
     * @param largestUlp the largest
     * @param correlation Pearson's, of the difference with w_i - w_rest: what the removed
     *     ingredient had of its own
     * @param noise size of a correlation that chance gives: 2 / sqrt(elements)
     */
    public record Residue(
            DType dtype,
            int ingredients,
            long elements,
            double differing,
            double meanUlp,
            double largestUlp,
            double correlation,
            double noise) {}

    /** Removes the first of n ingredients by formula and by averaging the rest, and compares. */
    public Residue measure(DType dtype, int divisor, int ingredients) {
        CheckpointMaker maker = new CheckpointMaker(dtype, divisor);
        List<SoupIngredient> all = new ArrayList<>();
        for (int i = 1; i <= ingredients; i++) {
            Path file =
                    work.resolve(
                            String.format(
                                    Locale.ROOT,
                                    "%s-1-%d/ingredient-%02d.safetensors",
                                    dtype.name().toLowerCase(Locale.ROOT),
                                    divisor,
                                    i));
            if (file.toFile().length() < maker.bytes()) {
                maker.make(file, i, progress);
            }
            all.add(SoupIngredient.of(file));
        }
        SoupOptions options = SoupOptions.DEFAULT.withWriter(new CheckpointWriter(true, 0));
        Path soup = work.resolve("residue-soup.safetensors");
        Path rest = work.resolve("residue-rest.safetensors");
        Path formula = work.resolve("residue-formula.safetensors");
        Souper.with(options).make(all, soup);
        Souper.with(options).make(all.subList(1, ingredients), rest);
        Path removed = all.getFirst().path();
        new SoupAdjuster(options)
                .approximately(
                        new SoupAdjuster.Request(soup, List.of(removed), List.of(), formula));
        try (SafetensorsFile right = SafetensorsFile.open(rest);
                SafetensorsFile got = SafetensorsFile.open(formula);
                SafetensorsFile own = SafetensorsFile.open(removed)) {
            return compare(dtype, ingredients, right, got, own);
        } finally {
            for (Path p : List.of(soup, rest, formula)) {
                p.toFile().delete();
            }
        }
    }

    private static Residue compare(
            DType dtype,
            int ingredients,
            SafetensorsFile right,
            SafetensorsFile got,
            SafetensorsFile own) {
        double[] r = new double[PIECE];
        double[] g = new double[PIECE];
        double[] w = new double[PIECE];
        long n = 0;
        long differing = 0;
        double ulps = 0;
        double largest = 0;
        double sx = 0;
        double sy = 0;
        double sxx = 0;
        double syy = 0;
        double sxy = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate((long) PIECE * dtype.bytes());
            for (TensorInfo t : right.tensors().values()) {
                for (long at = 0; at < t.elements(); at += PIECE) {
                    int count = (int) Math.min(PIECE, t.elements() - at);
                    read(right, t.name(), at, buffer, dtype, r, count);
                    read(got, t.name(), at, buffer, dtype, g, count);
                    read(own, t.name(), at, buffer, dtype, w, count);
                    for (int j = 0; j < count; j++) {
                        double residue = g[j] - r[j];
                        double larger = Math.max(Math.abs(r[j]), Math.abs(g[j]));
                        double step = Math.abs(residue) / ulp(dtype, larger);
                        differing += residue != 0 ? 1 : 0;
                        ulps += step;
                        largest = Math.max(largest, step);
                        double x = w[j] - r[j];
                        sx += x;
                        sy += residue;
                        sxx += x * x;
                        syy += residue * residue;
                        sxy += x * residue;
                    }
                    n += count;
                }
            }
        }
        double covariance = sxy / n - sx / n * (sy / n);
        double vx = sxx / n - sx / n * (sx / n);
        double vy = syy / n - sy / n * (sy / n);
        return new Residue(
                dtype,
                ingredients,
                n,
                (double) differing / n,
                ulps / n,
                largest,
                vy == 0 ? 0 : covariance / Math.sqrt(vx * vy),
                2 / Math.sqrt(n));
    }

    private static void read(
            SafetensorsFile file,
            String tensor,
            long element,
            MemorySegment buffer,
            DType dtype,
            double[] into,
            int count) {
        MemorySegment piece = buffer.asSlice(0, (long) count * dtype.bytes());
        file.read(tensor, element * dtype.bytes(), piece);
        Elements.decode(dtype, piece, into, count);
    }

    /** Distance of a value's neighbours in a format of 24, 11 or 8 significant bits. */
    private static double ulp(DType dtype, double v) {
        int bits = dtype == DType.F32 ? 24 : dtype == DType.F16 ? 11 : 8;
        int least = dtype == DType.F16 ? -24 : dtype == DType.F32 ? -149 : -133;
        int exponent = v == 0 ? least : Math.getExponent(v) - bits + 1;
        return Math.scalb(1.0, Math.max(exponent, least));
    }
}
