package org.diffusionsoup.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * The most that matrix products reach on this machine with as many threads as libtorch uses: what a
 * forward pass or a training step is held against.
 *
 * @param size side n of the fastest products of two n×n matrices
 * @param gflops billions of floating-point operations per second of all threads, 2n³ per product
 */
public record GemmPeak(int size, double gflops) {
    private static final int[] SIZES = {512, 1024, 2048};

    /** Of one thread in one round. */
    private static final int PRODUCTS = 2;

    /** The faster of two measurements. */
    GemmPeak max(GemmPeak other) {
        return other.gflops > gflops ? other : this;
    }

    /**
     * Measures each size for that long; the fastest round of products counts.
     *
     * @param bfloat16 whether to measure products in bfloat16 beside those in float32. A step in
     *     bfloat16 runs a part of its operations in float32, and on a processor that only emulates
     *     bfloat16 that part is the faster one
     */
    static GemmPeak measure(boolean bfloat16, double secondsPerSize) {
        GemmPeak best = measureOne(false, secondsPerSize);
        return bfloat16 ? best.max(measureOne(true, secondsPerSize)) : best;
    }

    private static GemmPeak measureOne(boolean bfloat16, double secondsPerSize) {
        int threads = Torch.threads();
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            GemmPeak best = new GemmPeak(0, 0);
            for (int n : SIZES) {
                GemmPeak fastest = new GemmPeak(n, 0);
                double slowest = 0;
                long end = System.nanoTime() + (long) (secondsPerSize * 1e9);
                while (System.nanoTime() < end) {
                    double seconds = round(pool, threads, n, bfloat16);
                    slowest = Math.max(slowest, seconds);
                    double flop = 2.0 * n * n * n * PRODUCTS * threads;
                    fastest = fastest.max(new GemmPeak(n, flop / seconds / 1e9));
                }
                best = best.max(fastest);
                // Twice the side is eight times the work: an emulated type would take minutes for
                // what its small products have already shown.
                if (8 * slowest > Math.max(1, 10 * secondsPerSize)) {
                    break;
                }
            }
            return best;
        }
    }

    /**
     * Seconds from the moment all threads are ready until the last one has made its products. Each
     * thread makes its own, since how many of them one product uses is a matter of the library of
     * products and its settings, and what the machine gives is not.
     */
    private static double round(ExecutorService pool, int threads, int n, boolean bfloat16) {
        CyclicBarrier ready = new CyclicBarrier(threads);
        List<Callable<Long>> work = new ArrayList<>();
        AtomicLong start = new AtomicLong();
        for (int i = 0; i < threads; i++) {
            work.add(() -> products(n, bfloat16, ready, start));
        }
        try {
            long last = Long.MIN_VALUE;
            for (Future<Long> end : pool.invokeAll(work)) {
                last = Math.max(last, end.get());
            }
            return (last - start.get()) / 1e9;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("the measurement was interrupted.", e);
        } catch (ExecutionException e) {
            throw new SoupException("matrix products cannot be measured: " + e.getMessage(), e);
        }
    }

    private static long products(int n, boolean bfloat16, CyclicBarrier ready, AtomicLong start)
            throws InterruptedException, BrokenBarrierException {
        try (Scope all = Scope.open();
                Torch.Guard off = Torch.gradients(false);
                Rng rng = new Rng(n)) {
            Tensor a = rng.normal(n, n);
            Tensor b = rng.normal(n, n);
            if (bfloat16) {
                a = a.toBFloat16();
                b = b.toBFloat16();
            }
            ready.await();
            start.compareAndSet(0, System.nanoTime());
            for (int i = 0; i < PRODUCTS; i++) {
                try (Scope one = Scope.open()) {
                    a.matmul(b);
                }
            }
            return System.nanoTime();
        }
    }
}
