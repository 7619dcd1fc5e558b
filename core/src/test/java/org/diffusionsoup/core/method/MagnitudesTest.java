package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.diffusionsoup.core.method.tensor.Pieces;
import org.diffusionsoup.core.method.tensor.TensorInputs;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The radix selection finds what sorting finds. */
class MagnitudesTest {
    @TempDir private Path folder;

    private static double value(Random r, String kind) {
        return switch (kind) {
            case "any bits" -> {
                double v = Double.longBitsToDouble(r.nextLong());
                yield Double.isFinite(v) ? v : 0;
            }
            case "few" -> r.nextInt(3) - 1;
            case "subnormal" -> Double.longBitsToDouble(r.nextInt(5000)) * (r.nextInt(2) * 2 - 1);
            case "weights" -> (float) r.nextGaussian();
            default -> throw new AssertionError(kind);
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"any bits", "few", "subnormal", "weights"})
    void asSorted(String kind) {
        Random r = new Random(kind.hashCode());
        int n = 10_000;
        double[] v = new double[n];
        Arrays.setAll(v, i -> value(r, kind));
        Models models = new Models(folder).with("a", DType.F64, v);
        double[] sorted = Arrays.stream(v).map(Math::abs).sorted().toArray();
        try (SafetensorsFile file = SafetensorsFile.open(models.path("a"));
                ExecutorService workers = Executors.newFixedThreadPool(3);
                Pieces pieces = new Pieces(workers, 4, 4096, 1)) {
            TensorInputs inputs = TensorInputs.of("", file.tensor("w"), List.of(file));
            TensorScope scope = new TensorScope(inputs, List.of("a"), pieces);
            Values values = new Load("a").plan(scope);
            for (int k : new int[] {1, 2, 17, n / 3, n / 2, n - 1, n}) {
                assertThat(Magnitudes.largest(scope, values, k)).isEqualTo(sorted[n - k]);
            }
        }
    }
}
