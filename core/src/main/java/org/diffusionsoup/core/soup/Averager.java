package org.diffusionsoup.core.soup;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.io.EarlyFlush;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.AverageKernel.NarrowingOverflow;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.diffusionsoup.core.tensor.TensorBatch;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.jspecify.annotations.Nullable;

/**
 * Averages the parts of n ingredients in pieces: each worker has a slot with one buffer per
 * ingredient, reads a piece of all of them, averages it and writes it to its place in the file. The
 * slots' memory does not grow with the tensors' size, nor with the number of ingredients until the
 * least piece is reached.
 */
final class Averager implements TensorBatch, AutoCloseable {
    /** Memory of all slots together unless told otherwise. */
    static final long BUFFER_BYTES = 24L << 20;

    private static final long LEAST_PIECE = 4L << 10;

    /** Larger pieces fall out of the processor's caches between reading and averaging. */
    private static final long LARGEST_PIECE = 512L << 10;

    /** Averaged pieces that a worker may have waiting while another writes. */
    private static final int OUTPUTS = 3;

    private final Task task;
    private final ExecutorService workers;
    private final List<Slot> slots = new ArrayList<>();
    private final int pieceBytes;
    private final LongConsumer written;
    private final Map<TensorSource, TurnDigest> digests;
    private final Arena arena = Arena.ofShared();

    /** What is computed of the pieces. */
    interface Task {
        /** Called before the first piece of a batch is read. */
        default void begin() {}

        /** Largest number of sources that supply one tensor. */
        int inputs();

        /**
         * How a floating-point tensor is computed.
         *
         * @param dtypes of what supplies it, in the order of {@link TensorPlace#inputs}
         */
        Spec spec(TensorPlace tensor, List<DType> dtypes);

        /** A kernel for pieces of a tensor, to be used by one thread. */
        AverageKernel kernel(Spec spec, String tensor);

        /** Whether a kernel may be used for any tensor of the same spec. */
        boolean sharesKernels();

        /** Corrects a piece that the kernel has written. */
        default void patch(
                TensorPlace tensor,
                Spec spec,
                MemorySegment[] in,
                MemorySegment out,
                int n,
                long from) {}

        /**
         * Computes a piece with a kernel of this task, and corrects it.
         *
         * @return false if an input holds NaN or an infinity and that is not allowed
         * @throws NarrowingOverflow if a mean is too large for the output's dtype
         */
        default boolean compute(
                AverageKernel kernel,
                TensorPlace tensor,
                Spec spec,
                MemorySegment[] in,
                MemorySegment out,
                int n,
                long from) {
            if (!kernel.average(in, out, n, from)) {
                return false;
            }
            patch(tensor, spec, in, out, n, from);
            return true;
        }

        /** What to do about means that are too large for the output's dtype. */
        default String overflowAdvice() {
            return "choose another output dtype";
        }
    }

    /** The weighted mean. */
    static final class Mean implements Task {
        private final List<Long> a;
        private final boolean allowNonFinite;
        private final AverageKernel.Factory kernels;
        private final Runnable whenReady;

        // Of the tensor before: nearly all tensors are alike in this.
        private List<Integer> inputs = List.of();
        private List<DType> in = List.of();
        private Optional<Spec> spec = Optional.empty();

        /**
         * @param a coefficients of all sources
         * @param whenReady called when averaging begins
         */
        Mean(
                List<Long> a,
                boolean allowNonFinite,
                AverageKernel.Factory kernels,
                Runnable whenReady) {
            this.a = a;
            this.allowNonFinite = allowNonFinite;
            this.kernels = kernels;
            this.whenReady = whenReady;
        }

        @Override
        public void begin() {
            whenReady.run();
        }

        @Override
        public int inputs() {
            return a.size();
        }

        @Override
        public Spec spec(TensorPlace tensor, List<DType> dtypes) {
            FloatFormat out = FloatFormat.of(tensor.dtype());
            boolean any = allowNonFinite || TensorNames.isMask(tensor.name());
            if (spec.isPresent()
                    && spec.get().out() == out
                    && spec.get().allowNonFinite() == any
                    && in.equals(dtypes)
                    && inputs.equals(tensor.inputs())) {
                return spec.get();
            }
            List<Long> own = tensor.inputs().stream().map(a::get).toList();
            Spec made = Spec.mean(dtypes, tensor.dtype(), own, any);
            inputs = tensor.inputs();
            in = dtypes;
            spec = Optional.of(made);
            return made;
        }

        @Override
        public AverageKernel kernel(Spec spec, String tensor) {
            return kernels.create(spec);
        }

        @Override
        public boolean sharesKernels() {
            return true;
        }
    }

    /**
     * @param slotCount pieces in work at once: one for each of the workers' threads
     * @param written told the size of every piece written
     */
    Averager(
            Task task,
            ExecutorService workers,
            int slotCount,
            long bufferBytes,
            LongConsumer written) {
        this(task, workers, slotCount, bufferBytes, written, Map.of());
    }

    /**
     * The same, hashing sources while they are read.
     *
     * @param digests which take what is read of a source, piece by piece from number 1 on; all
     *     tensors must be those of the source in its order, and be written together
     */
    Averager(
            Task task,
            ExecutorService workers,
            int slotCount,
            long bufferBytes,
            LongConsumer written,
            Map<TensorSource, TurnDigest> digests) {
        this.task = task;
        this.workers = workers;
        this.written = written;
        this.digests = digests;
        long share = bufferBytes / slotCount / (task.inputs() + OUTPUTS);
        this.pieceBytes = (int) (Math.clamp(share, LEAST_PIECE, LARGEST_PIECE) / 64 * 64);
        for (int i = 0; i < slotCount; i++) {
            slots.add(new Slot());
        }
    }

    /**
     * The tensors of the plan, to be written as a {@link TensorBatch}.
     *
     * @param sources one part of every ingredient
     */
    List<TensorEntry> entries(List<TensorSource> sources, List<TensorPlace> plan) {
        List<TensorEntry> entries = new ArrayList<>();
        for (TensorPlace t : plan) {
            entries.add(
                    new TensorEntry(
                            t.name(), t.dtype(), t.shape(), new Streamed(new Job(sources, t))));
        }
        return entries;
    }

    @Override
    public void write(List<Place> places, FileChannel file) throws IOException {
        List<Streamed> tensors = new ArrayList<>();
        for (Place p : places) {
            tensors.add((Streamed) p.bytes());
        }
        Pieces pieces;
        try (EarlyFlush flush = new EarlyFlush(file)) {
            pieces = new Pieces(places, tensors, file, flush);
            task.begin();
            run(pieces);
        }
        pieces.throwFailure();
        for (TensorSource source : tensors.getFirst().job().sources) {
            source.checkUnchanged();
        }
    }

    private void run(Pieces pieces) throws IOException {
        List<Future<?>> running = new ArrayList<>();
        try {
            for (Slot slot : slots) {
                running.add(workers.submit(() -> pieces.work(slot)));
            }
            for (Future<?> f : running) {
                f.get();
            }
        } catch (InterruptedException e) {
            pieces.stop();
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while averaging.", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error; // no memory for the buffers
            }
            throw new IOException("averaging failed: " + e.getCause(), e.getCause());
        } finally {
            pieces.stop();
            // Slots must be idle before their memory is used again or freed.
            running.forEach(Averager::quiesce);
        }
    }

    /**
     * The pieces of some tensors, handed out to workers in the file's order. When one fails no more
     * are handed out; the failure reported is that of the first piece in the file that fails, since
     * all before it were handed out too: the same whatever the threads do.
     */
    private final class Pieces {
        private final List<Place> places;
        private final List<Streamed> tensors;
        private final FileChannel file;
        private final EarlyFlush flush;
        private int tensor;
        private long from;
        private boolean stopped;
        private long handedOut;
        private long failedAt = Long.MAX_VALUE;
        private final ReentrantLock writing = new ReentrantLock();
        private @Nullable Throwable failure;
        private @Nullable Job failedJob;

        Pieces(List<Place> places, List<Streamed> tensors, FileChannel file, EarlyFlush flush) {
            this.flush = flush;
            this.places = places;
            this.tensors = tensors;
            this.file = file;
        }

        synchronized void stop() {
            stopped = true;
        }

        private synchronized @Nullable Piece next() {
            while (!stopped && tensor < tensors.size()) {
                Job job = tensors.get(tensor).job();
                long left = job.tensor.elements() - from;
                if (left <= 0) {
                    tensor++;
                    from = 0;
                    continue;
                }
                int n = (int) Math.min(job.pieceElements, left);
                long at = places.get(tensor).position() + from * job.tensor.dtype().bytes();
                Piece piece = new Piece(handedOut++, job, from, n, at);
                from += n;
                return piece;
            }
            return null;
        }

        /**
         * Averages pieces until there are no more. The kernel lets one thread at a time write to a
         * file, and others spin; so a worker that finds the file taken averages on, and writes
         * several pieces when its turn comes.
         */
        void work(Slot slot) {
            slot.allocate();
            for (Piece p = next(); p != null; p = next()) {
                try {
                    slot.fill(p);
                } catch (RuntimeException | Error e) {
                    failed(p, e);
                    return;
                }
                if (slot.isFull()) {
                    writing.lock();
                } else if (!writing.tryLock()) {
                    continue;
                }
                writeAll(slot);
            }
            writing.lock();
            writeAll(slot);
        }

        /** Writes what a slot has waiting, and unlocks. */
        private void writeAll(Slot slot) {
            try {
                for (int i = 0; i < slot.waiting; i++) {
                    Piece p = slot.pieces[i];
                    ByteBuffer bytes = slot.outs[i].asSlice(0, p.bytes()).asByteBuffer();
                    long at = p.position();
                    try {
                        while (bytes.hasRemaining()) {
                            at += file.write(bytes, at);
                        }
                    } catch (IOException | RuntimeException e) {
                        failed(p, e);
                        return;
                    }
                    report(p.bytes());
                }
            } finally {
                slot.waiting = 0;
                writing.unlock();
            }
        }

        private synchronized void report(long bytes) {
            written.accept(bytes);
            flush.wrote(bytes);
        }

        private synchronized void failed(Piece p, Throwable e) {
            stopped = true;
            digests.values().forEach(d -> d.failed(p.number() + 1));
            if (p.number() < failedAt) {
                failedAt = p.number();
                failure = e;
                failedJob = p.job();
            }
        }

        synchronized void throwFailure() throws IOException {
            if (failure != null && failedJob != null) {
                explain(failure, failedJob);
            }
        }
    }

    /**
     * @param number counted in the order of the file
     * @param from index of its first element in the tensor
     * @param count of elements
     * @param position of its first byte in the file
     */
    private record Piece(long number, Job job, long from, int count, long position) {
        int bytes() {
            return count * job.tensor.dtype().bytes();
        }
    }

    private void explain(Throwable failure, Job job) throws IOException {
        String name = job.tensor.name();
        switch (failure) {
            case NonFinite n -> throw nonFinite(job);
            case NarrowingOverflow o ->
                    throw new SoupException(
                            "Tensor '%s' has means too large for %s; %s."
                                    .formatted(name, job.tensor.dtype(), task.overflowAdvice()));
            case SoupException s -> throw s;
            case IOException e -> throw e;
            default ->
                    throw new IOException("averaging '" + name + "' failed: " + failure, failure);
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
                break; // Already reported.
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Names the first ingredient with NaN or infinities in a tensor, and counts them. */
    private SoupException nonFinite(Job job) {
        for (TensorSource source : job.sources) {
            TensorInfo t = source.tensor(job.tensor.name());
            if (!t.dtype().isFloat()) {
                continue;
            }
            FloatFormat format = FloatFormat.of(t.dtype());
            long nan = 0;
            long infinite = 0;
            try (Arena own = Arena.ofConfined()) {
                MemorySegment buffer = own.allocate(LARGEST_PIECE);
                for (long at = 0; at < t.byteSize(); at += LARGEST_PIECE) {
                    long bytes = Math.min(LARGEST_PIECE, t.byteSize() - at);
                    source.read(t.name(), at, buffer.asSlice(0, bytes));
                    for (long i = 0; i < bytes / t.dtype().bytes(); i++) {
                        double v = format.get(buffer, i);
                        nan += Double.isNaN(v) ? 1 : 0;
                        infinite += Double.isInfinite(v) ? 1 : 0;
                    }
                }
            }
            if (nan + infinite > 0) {
                return new NonFiniteWeightsException(
                        "Tensor '%s' of %s holds %d NaN and %d infinite values out of %d; leave this ingredient out or train it again (soup merge `allowNan` averages them as IEEE 754 adds them)."
                                .formatted(t.name(), source.path(), nan, infinite, t.elements()));
            }
        }
        return new SoupException(
                "Tensor '" + job.tensor.name() + "' changed while it was being averaged.");
    }

    @Override
    public void close() {
        arena.close();
    }

    /** Tells {@link #await} to look for the culprit; carries nothing. */
    private static final class NonFinite extends SoupException {
        private static final long serialVersionUID = 1L;

        NonFinite() {
            super("an ingredient is not finite", false);
        }
    }

    /** A tensor's bytes, made when they are written. */
    private final class Streamed implements TensorBatch.Member {
        private final Job job;

        Streamed(Job job) {
            this.job = job;
        }

        Job job() {
            return job;
        }

        @Override
        public TensorBatch batch() {
            return Averager.this;
        }

        @Override
        public void writeTo(WritableByteChannel channel) throws IOException {
            throw new IOException("'" + job.tensor.name() + "' is written with its batch");
        }
    }

    /** A tensor with who supplies it, and how. */
    private final class Job {
        final TensorPlace tensor;
        final TensorSource[] sources;
        final @Nullable TurnDigest[] digests;
        final int[] elementBytes;
        final Optional<Spec> spec;
        final int pieceElements;

        Job(List<TensorSource> all, TensorPlace tensor) {
            this.tensor = tensor;
            int n = tensor.inputs().size();
            this.sources = new TensorSource[n];
            this.digests = new TurnDigest[n];
            this.elementBytes = new int[n];
            List<DType> dtypes = new ArrayList<>();
            int largest = tensor.dtype().bytes();
            for (int i = 0; i < n; i++) {
                sources[i] = all.get(tensor.inputs().get(i));
                digests[i] = Averager.this.digests.get(sources[i]);
                DType d = sources[i].tensor(tensor.name()).dtype();
                dtypes.add(d);
                elementBytes[i] = d.bytes();
                largest = Math.max(largest, d.bytes());
            }
            this.spec =
                    tensor.computed() ? Optional.of(task.spec(tensor, dtypes)) : Optional.empty();
            this.pieceElements = pieceBytes / largest;
        }
    }

    /** Buffers and kernels for one piece in work and some that wait; for one worker at a time. */
    private final class Slot {
        private final MemorySegment[] in = new MemorySegment[task.inputs()];
        private final MemorySegment[] outs = new MemorySegment[OUTPUTS];
        private final Piece[] pieces = new Piece[OUTPUTS];
        private int waiting;
        private final Map<Spec, AverageKernel> shared = new HashMap<>();

        private boolean hasBuffers;

        /** Makes the buffers, which a worker does: pages are given, and zeroed, in parallel. */
        void allocate() {
            if (!hasBuffers) {
                Arrays.setAll(outs, i -> arena.allocate(pieceBytes, 64));
                Arrays.setAll(in, i -> arena.allocate(pieceBytes, 64));
                hasBuffers = true;
            }
        }

        boolean isFull() {
            return waiting == OUTPUTS;
        }

        /** Averages a piece, which then waits to be written. */
        void fill(Piece p) {
            MemorySegment out = outs[waiting];
            average(p, out);
            pieces[waiting++] = p;
        }

        private void average(Piece p, MemorySegment out) {
            Job job = p.job();
            long from = p.from();
            int n = p.count();
            int count = job.sources.length;
            MemorySegment[] used = new MemorySegment[count];
            for (int i = 0; i < count; i++) {
                int bytes = job.elementBytes[i];
                used[i] = in[i].asSlice(0, (long) n * bytes);
                job.sources[i].read(job.tensor.name(), from * bytes, used[i]);
                TurnDigest digest = job.digests[i];
                if (digest != null) {
                    digest.update(p.number() + 1, used[i]);
                }
            }
            if (job.spec.isEmpty()) {
                copyIfEqual(job, used, out);
                return;
            }
            Spec spec = job.spec.get();
            AverageKernel kernel =
                    task.sharesKernels()
                            ? shared.computeIfAbsent(spec, s -> task.kernel(s, ""))
                            : task.kernel(spec, job.tensor.name());
            if (!task.compute(kernel, job.tensor, spec, used, out, n, from)) {
                throw new NonFinite();
            }
        }

        private void copyIfEqual(Job job, MemorySegment[] used, MemorySegment out) {
            for (int i = 1; i < used.length; i++) {
                if (used[0].mismatch(used[i]) >= 0) {
                    throw new SoupException(
                            "Tensor '%s' is %s and differs between %s and %s; such tensors are copied when equal and cannot be averaged; soup merge `onIntegers` from-first takes the first's."
                                    .formatted(
                                            job.tensor.name(),
                                            job.tensor.dtype(),
                                            job.sources[0].path(),
                                            job.sources[i].path()));
                }
            }
            MemorySegment.copy(used[0], 0, out, 0, used[0].byteSize());
        }
    }
}
