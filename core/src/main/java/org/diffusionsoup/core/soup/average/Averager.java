package org.diffusionsoup.core.soup.average;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.function.LongConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Workers;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Executes a plan: computes the tensors of state dicts while they are written. Workers take the
 * pieces of a file in its order; each reads a piece of all ingredients, averages it and writes it
 * to its place. Their memory does not grow with the tensors' size, nor with the number of
 * ingredients until the least piece is reached.
 */
public final class Averager implements AutoCloseable {
    /** Memory of all workers together unless told otherwise. */
    public static final long BUFFER_BYTES = 24L << 20;

    private static final long LEAST_PIECE = 4L << 10;

    /** Larger pieces fall out of the processor's caches between reading and averaging. */
    private static final long LARGEST_PIECE = 512L << 10;

    private final MergeTask task;
    private final ExecutorService threads;
    private final LongConsumer written;
    private final Map<TensorSource, TurnDigest> digests;
    private final int pieceBytes;
    private final Arena arena = Arena.ofShared();
    private final List<PieceWorker> workers = new ArrayList<>();

    /**
     * @param task what is computed
     * @param threads in which the workers run
     * @param workerCount pieces in work at once: one for each of the threads
     * @param written told the size of every piece written
     */
    public Averager(
            MergeTask task,
            ExecutorService threads,
            int workerCount,
            long bufferBytes,
            LongConsumer written) {
        this(task, threads, workerCount, bufferBytes, written, Map.of());
    }

    /**
     * The same, hashing sources while they are read.
     *
     * @param digests which take what is read of a source, piece by piece from number 1 on; all
     *     tensors must be those of the source in its order, and be written together
     */
    public Averager(
            MergeTask task,
            ExecutorService threads,
            int workerCount,
            long bufferBytes,
            LongConsumer written,
            Map<TensorSource, TurnDigest> digests) {
        this.task = task;
        this.threads = threads;
        this.written = written;
        this.digests = digests;
        long share = bufferBytes / workerCount / (task.inputs() + PieceWorker.OUTPUTS);
        this.pieceBytes = (int) (Math.clamp(share, LEAST_PIECE, LARGEST_PIECE) / 64 * 64);
        for (int i = 0; i < workerCount; i++) {
            workers.add(new PieceWorker(task, pieceBytes, arena));
        }
    }

    /**
     * A state dict whose tensors are computed when it is written, before this is closed.
     *
     * @param metadata of its header
     * @param sources that supply it, such as one part of every ingredient
     * @param plan its tensors, whose inputs are indexes of sources
     */
    public StateDict stateDict(
            Map<String, String> metadata, List<TensorSource> sources, List<TensorPlan> plan) {
        List<TensorInfo> tensors = new ArrayList<>();
        Map<String, TensorJob> jobs = new HashMap<>();
        for (TensorPlan t : plan) {
            tensors.add(t.info());
            jobs.put(t.name(), new TensorJob(t, sources, digests, task, pieceBytes));
        }
        return new StateDict(
                metadata,
                tensors,
                (target, places, file) -> {
                    if (!places.isEmpty()) {
                        write(jobs, places, file);
                        sources.forEach(TensorSource::checkUnchanged);
                    }
                });
    }

    private void write(Map<String, TensorJob> jobs, List<TensorInfo> places, FileChannel file)
            throws IOException {
        List<TensorJob> ordered =
                places.stream().map(p -> Objects.requireNonNull(jobs.get(p.name()))).toList();
        PieceQueue queue = new PieceQueue(ordered, places, digests.values());
        try (PieceOutput output = new PieceOutput(file, written)) {
            task.begin();
            Workers.together(
                    threads, workers.size(), i -> workers.get(i).run(queue, output), queue::stop);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while averaging.", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error; // no memory for the buffers
            }
            throw new IOException("averaging failed: " + e.getCause(), e.getCause());
        }
        if (queue.failure().isPresent()) {
            queue.failure().get().raise(task);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
