package org.diffusionsoup.core.kernel;

import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The averaging kernel by dtype and number of ingredients, in nanoseconds per element of the
 * output, beside what moving the same bytes once costs ({@code copy}: every input read, one output
 * written), which is the limit. Values are spread like trained weights.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 1, jvmArgsAppend = "-XX:InlineSmallCode=500") // as the launcher sets it
public class KernelBenchmark {
    /** A piece as the averager cuts them: it stays in the second cache for few ingredients. */
    private static final int ELEMENTS = 1 << 16;

    @Param({"F16", "BF16", "F32"})
    private DType dtype = DType.F16;

    @Param({"2", "9", "16"})
    private int ingredients = 2;

    private final Arena arena = Arena.ofShared();
    private MemorySegment[] inputs = {};
    private MemorySegment out = MemorySegment.NULL;
    private AverageKernel kernel = (in, to, n) -> false;

    /** Makes the inputs. */
    @Setup
    public void prepare() {
        FloatFormat format = FloatFormat.of(dtype);
        SplittableRandom random = new SplittableRandom(7);
        inputs = new MemorySegment[ingredients];
        for (int i = 0; i < ingredients; i++) {
            inputs[i] = arena.allocate((long) ELEMENTS * dtype.bytes(), 64);
            for (int j = 0; j < ELEMENTS; j++) {
                float w = (float) (0.03 * random.nextGaussian());
                format.put(inputs[i], j, nearest(w));
            }
        }
        out = arena.allocate((long) ELEMENTS * dtype.bytes(), 64);
        long[] ones = new long[ingredients];
        Arrays.fill(ones, 1);
        kernel = AverageKernel.fast(AverageKernel.Spec.of(dtype, ones));
    }

    private float nearest(float w) {
        return dtype == DType.BF16 ? FloatCodec.bf16ToFloat(FloatCodec.floatToBf16(w)) : w;
    }

    /** The exact mean. */
    @Benchmark
    @OperationsPerInvocation(ELEMENTS)
    public boolean mean() {
        return kernel.average(inputs, out, ELEMENTS);
    }

    /** The limit: every input copied once, so every byte of it is read, and one written. */
    @Benchmark
    @OperationsPerInvocation(ELEMENTS)
    public MemorySegment copy() {
        for (MemorySegment in : inputs) {
            MemorySegment.copy(in, 0, out, 0, out.byteSize());
        }
        return out;
    }

    /** Frees the inputs. */
    @TearDown
    public void close() {
        arena.close();
    }
}
