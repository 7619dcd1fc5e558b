package org.diffusionsoup.core;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;

/**
 * The average of n open files, tensor by tensor, in pieces: a fixed set of slots, each with one
 * buffer per ingredient, is filled and averaged by workers and written in order by the caller. The
 * slots' memory does not grow with the files' size, nor with their number until the least piece is
 * reached.
 */
final class FileAverage implements AutoCloseable {
    /** Memory of all slots together unless told otherwise. */
    static final long BUFFER_BYTES = 48L << 20;

    private static final long LEAST_PIECE = 4L << 10;

    private final List<SafetensorsFile> files;
    private final long[] a;
    private final AverageKernel.Factory kernels;
    private final ExecutorService workers;
    private final List<Slot> slots = new ArrayList<>();
    private final int pieceBytes;
    private final LongConsumer written;
    private final Arena arena = Arena.ofShared();

    FileAverage(
            List<SafetensorsFile> files,
            long[] a,
            AverageKernel.Factory kernels,
            ExecutorService workers,
            int slotCount,
            long bufferBytes,
            LongConsumer written) {
        this.files = files;
        this.a = a;
        this.kernels = kernels;
        this.workers = workers;
        this.written = written;
        long piece = Math.max(LEAST_PIECE, bufferBytes / slotCount / (files.size() + 1));
        this.pieceBytes = (int) (piece / 64 * 64);
        for (int i = 0; i < slotCount; i++) {
            slots.add(new Slot());
        }
    }

    /** All tensors, to be written by {@link SafetensorsWriter}. */
    List<TensorEntry> entries() {
        List<TensorEntry> entries = new ArrayList<>();
        for (TensorInfo t : files.getFirst().tensors().values()) {
            entries.add(
                    new TensorEntry(t.name(), t.dtype(), t.shape(), out -> stream(t.name(), out)));
        }
        return entries;
    }

    private void stream(String name, WritableByteChannel out) throws IOException {
        long bytes = files.getFirst().tensor(name).byteSize();
        long pieces = Math.ceilDiv(bytes, pieceBytes);
        List<Future<?>> running = new ArrayList<>();
        try {
            for (int i = 0; i < Math.min(slots.size(), pieces); i++) {
                running.add(submit(slots.get(i), name, i, bytes));
            }
            for (long p = 0; p < pieces; p++) {
                int s = (int) (p % slots.size());
                Slot slot = slots.get(s);
                await(running.get(s), name);
                out.write(slot.out.asSlice(0, slot.bytes).asByteBuffer());
                written.accept(slot.bytes);
                if (p + slots.size() < pieces) {
                    running.set(s, submit(slot, name, p + slots.size(), bytes));
                }
            }
        } finally {
            // Slots must be idle before their memory is used again or freed.
            for (Future<?> f : running) {
                quiesce(f);
            }
        }
    }

    private Future<?> submit(Slot slot, String name, long piece, long bytes) {
        long from = piece * pieceBytes;
        int n = (int) Math.min(pieceBytes, bytes - from);
        return workers.submit(() -> slot.fill(name, from, n));
    }

    private void await(Future<?> work, String name) throws IOException {
        try {
            work.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while averaging '" + name + "'.", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof NonFinite) {
                throw nonFinite(name);
            }
            if (e.getCause() instanceof SoupException s) {
                throw s;
            }
            throw new IOException("averaging '" + name + "' failed: " + e.getCause(), e.getCause());
        }
    }

    private static void quiesce(Future<?> f) {
        boolean interrupted = false;
        while (true) {
            try {
                f.get();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            } catch (ExecutionException e) {
                break; // Already reported, or about to be replaced by an earlier failure.
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Names the first ingredient with NaN or infinities in a tensor, and counts them. */
    private SoupException nonFinite(String name) {
        for (SafetensorsFile f : files) {
            TensorInfo t = f.tensor(name);
            MemorySegment data = f.data(name);
            FloatFormat format = FloatFormat.of(t.dtype());
            long nan = 0;
            long infinite = 0;
            for (long i = 0; i < t.elements(); i++) {
                double v = format.get(data, i);
                nan += Double.isNaN(v) ? 1 : 0;
                infinite += Double.isInfinite(v) ? 1 : 0;
            }
            if (nan + infinite > 0) {
                return new SoupException(
                        "Tensor '%s' of %s holds %d NaN and %d infinite values out of %d; leave this ingredient out or train it again."
                                .formatted(name, f.path(), nan, infinite, t.elements()));
            }
        }
        return new SoupException("Tensor '" + name + "' changed while it was being averaged.");
    }

    @Override
    public void close() {
        arena.close();
    }

    /** Tells {@link #await} to look for the culprit; carries nothing. */
    private static final class NonFinite extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Buffers and kernels for one piece in work; used by one worker at a time. */
    private final class Slot {
        private final MemorySegment[] in = new MemorySegment[files.size()];
        private final MemorySegment out = arena.allocate(pieceBytes, 64);
        private final Map<DType, AverageKernel> byDType = new EnumMap<>(DType.class);
        private int bytes;

        Slot() {
            Arrays.setAll(in, i -> arena.allocate(pieceBytes, 64));
        }

        void fill(String name, long from, int n) {
            TensorInfo info = files.getFirst().tensor(name);
            DType dtype = info.dtype();
            bytes = n;
            for (int i = 0; i < in.length; i++) {
                SafetensorsFile f = files.get(i);
                f.read(f.tensor(name).offset() + from, in[i].asSlice(0, n).asByteBuffer());
            }
            if (FloatFormat.covers(dtype)) {
                AverageKernel kernel = byDType.computeIfAbsent(dtype, d -> kernels.create(d, a));
                if (!kernel.average(in, out, n / dtype.bytes())) {
                    throw new NonFinite();
                }
            } else {
                copyIfEqual(info, n);
            }
        }

        private void copyIfEqual(TensorInfo info, int n) {
            for (int i = 1; i < in.length; i++) {
                if (in[0].asSlice(0, n).mismatch(in[i].asSlice(0, n)) >= 0) {
                    Path a0 = files.getFirst().path();
                    throw new SoupException(
                            "Tensor '%s' is %s and differs between %s and %s; such tensors are copied when equal and cannot be averaged."
                                    .formatted(info.name(), info.dtype(), a0, files.get(i).path()));
                }
            }
            MemorySegment.copy(in[0], 0, out, 0, n);
        }
    }
}
