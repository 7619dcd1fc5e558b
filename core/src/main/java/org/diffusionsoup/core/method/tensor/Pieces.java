package org.diffusionsoup.core.method.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Workers;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Goes over a tensor in pieces: a fixed set of windows, worked on by any number of threads, whose
 * results are taken in order. Memory does not grow with the tensor, and nothing depends on the
 * number of threads.
 */
public final class Pieces implements AutoCloseable {
    private final ExecutorService workers;
    private final int pieceElements;
    private final List<Window> windows = new ArrayList<>();
    private final Arena arena = Arena.ofShared();

    /** Takes a result of one piece, on the caller's thread. */
    @FunctionalInterface
    public interface Sink<R> {
        void accept(Window w, R result) throws IOException;
    }

    public Pieces(ExecutorService workers, int slots, int pieceElements, int inputs) {
        this.workers = workers;
        this.pieceElements = pieceElements;
        for (int i = 0; i < slots; i++) {
            windows.add(new Window(i, pieceElements, arena, inputs));
        }
    }

    int slots() {
        return windows.size();
    }

    /** Runs the work on every piece; the sink gets the results in the pieces' order. */
    public <R> void run(TensorInputs tensor, Function<Window, R> work, Sink<R> sink)
            throws IOException {
        long pieces = Math.ceilDiv(tensor.elements(), pieceElements);
        List<Future<R>> running = new ArrayList<>();
        try {
            for (int i = 0; i < Math.min(windows.size(), pieces); i++) {
                running.add(submit(tensor, i, work));
            }
            for (long p = 0; p < pieces; p++) {
                int s = (int) (p % windows.size());
                sink.accept(windows.get(s), await(running.get(s), tensor));
                if (p + windows.size() < pieces) {
                    running.set(s, submit(tensor, p + windows.size(), work));
                }
            }
        } finally {
            // Windows must be idle before their memory is used again or freed.
            running.forEach(Workers::awaitEnd);
        }
    }

    private <R> Future<R> submit(TensorInputs tensor, long piece, Function<Window, R> work) {
        Window w = windows.get((int) (piece % windows.size()));
        long from = piece * pieceElements;
        int n = (int) Math.min(pieceElements, tensor.elements() - from);
        return workers.submit(() -> {
            w.open(tensor, from, n);
            return work.apply(w);
        });
    }

    private static <R> R await(Future<R> work, TensorInputs tensor) throws IOException {
        try {
            return work.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while merging '" + tensor.name() + "'.", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case Window.NonFinite n -> throw nonFinite(tensor, tensor.source(n.input()));
                case SoupException s -> throw s;
                case Error error -> throw error;
                case null, default ->
                        throw new IOException(
                                "merging '" + tensor.name() + "' failed: " + e.getCause(), e);
            }
        }
    }

    /** Counts what is not finite in a tensor of one input. */
    private static SoupException nonFinite(TensorInputs tensor, TensorSource source) {
        TensorInfo info = source.tensor(tensor.key());
        DType dtype = info.dtype();
        double[] values = new double[Window.BLOCK];
        long nan = 0;
        long infinite = 0;
        try (Arena own = Arena.ofConfined()) {
            MemorySegment buffer = own.allocate(8L * Window.BLOCK, 64);
            for (long at = 0; at < info.elements(); at += Window.BLOCK) {
                int n = (int) Math.min(Window.BLOCK, info.elements() - at);
                MemorySegment block = buffer.asSlice(0, (long) n * dtype.bytes());
                source.read(tensor.key(), at * dtype.bytes(), block);
                Elements.decode(dtype, block, values, n);
                for (int i = 0; i < n; i++) {
                    nan += Double.isNaN(values[i]) ? 1 : 0;
                    infinite += Double.isInfinite(values[i]) ? 1 : 0;
                }
            }
        }
        return new SoupException(
                "Tensor '%s' of %s holds %d NaN and %d infinite values out of %d; leave this input out or train it again."
                        .formatted(tensor.name(), source.path(), nan, infinite, info.elements()));
    }

    @Override
    public void close() {
        arena.close();
    }
}
