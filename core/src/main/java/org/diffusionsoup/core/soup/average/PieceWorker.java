package org.diffusionsoup.core.soup.average;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;

/**
 * Reads, computes and writes one piece after another, with buffers and kernels of its own; for one
 * thread at a time.
 */
final class PieceWorker {
    /** Computed pieces that may wait while another worker writes. */
    static final int OUTPUTS = 3;

    private final MergeTask task;
    private final int pieceBytes;
    private final Arena arena;
    private final MemorySegment[] in;
    private final MemorySegment[] outs = new MemorySegment[OUTPUTS];
    private final Piece[] pieces = new Piece[OUTPUTS];
    private final Map<Spec, AverageKernel> shared = new HashMap<>();
    private boolean hasBuffers;
    private int waiting;

    /**
     * @param pieceBytes size of each buffer
     * @param arena that the buffers are taken from
     */
    PieceWorker(MergeTask task, int pieceBytes, Arena arena) {
        this.task = task;
        this.pieceBytes = pieceBytes;
        this.arena = arena;
        this.in = new MemorySegment[task.inputs()];
    }

    /**
     * Works until there are no more pieces. A worker that finds the file taken computes on, and
     * writes several pieces when its turn comes.
     */
    void run(PieceQueue queue, PieceOutput output) {
        allocate();
        waiting = 0;
        for (Piece p = queue.next(); p != null; p = queue.next()) {
            try {
                compute(p, outs[waiting]);
            } catch (RuntimeException | Error e) {
                queue.failed(p, e);
                return;
            }
            pieces[waiting++] = p;
            if (waiting == OUTPUTS) {
                output.take();
            } else if (!output.tryTake()) {
                continue;
            }
            writeAll(queue, output);
        }
        output.take();
        writeAll(queue, output);
    }

    /** Makes the buffers, in the worker's thread: pages are given, and zeroed, in parallel. */
    private void allocate() {
        if (!hasBuffers) {
            Arrays.setAll(outs, i -> arena.allocate(pieceBytes, 64));
            Arrays.setAll(in, i -> arena.allocate(pieceBytes, 64));
            hasBuffers = true;
        }
    }

    private void compute(Piece p, MemorySegment out) {
        TensorJob t = p.tensor();
        MemorySegment[] read = read(p);
        if (t.spec.isEmpty()) {
            copyIfEqual(t, read, out);
            return;
        }
        Spec spec = t.spec.get();
        AverageKernel kernel =
                task.sharesKernels()
                        ? shared.computeIfAbsent(spec, s -> task.kernel(s, ""))
                        : task.kernel(spec, t.name);
        if (!task.compute(kernel, t.plan, spec, read, out, p.count(), p.from())) {
            throw new FailedTensor.NonFinite();
        }
    }

    /** The piece of all who supply it. */
    private MemorySegment[] read(Piece p) {
        TensorJob t = p.tensor();
        MemorySegment[] read = new MemorySegment[t.sources.length];
        for (int i = 0; i < read.length; i++) {
            int bytes = t.elementBytes[i];
            read[i] = in[i].asSlice(0, (long) p.count() * bytes);
            t.sources[i].read(t.name, p.from() * bytes, read[i]);
            TurnDigest digest = t.digests[i];
            if (digest != null) {
                digest.update(turn(p), read[i]);
            }
        }
        return read;
    }

    /** When a piece's turn comes to be hashed: what stands in front of all tensors comes first. */
    static long turn(Piece p) {
        return p.number() + 1;
    }

    private static void copyIfEqual(TensorJob t, MemorySegment[] read, MemorySegment out) {
        for (int i = 1; i < read.length; i++) {
            if (read[0].mismatch(read[i]) >= 0) {
                throw new SoupException(
                        "Tensor '%s' is %s and differs between %s and %s; such tensors are copied when equal and cannot be averaged; soup merge `onIntegers` from-first takes the first's."
                                .formatted(
                                        t.name, t.dtype, t.sources[0].path(), t.sources[i].path()));
            }
        }
        MemorySegment.copy(read[0], 0, out, 0, read[0].byteSize());
    }

    /** Writes the pieces that wait, and gives the file back. */
    private void writeAll(PieceQueue queue, PieceOutput output) {
        try {
            for (int i = 0; i < waiting; i++) {
                try {
                    output.write(pieces[i], outs[i]);
                } catch (IOException | RuntimeException e) {
                    queue.failed(pieces[i], e);
                    return;
                }
                output.report(pieces[i]);
            }
        } finally {
            waiting = 0;
            output.give();
        }
    }
}
