package org.diffusionsoup.core.soup.average;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.jspecify.annotations.Nullable;

/**
 * The pieces of a file's tensors, handed out to workers in the file's order. When one fails no more
 * are handed out; the failure reported is that of the first piece in the file that fails, since all
 * before it were handed out too: the same whatever the threads do.
 */
final class PieceQueue {
    private final List<TensorJob> jobs;
    private final List<TensorInfo> places;
    private final Collection<TurnDigest> digests;
    private int next;
    private long from;
    private long handedOut;
    private boolean stopped;
    private long failedAt = Long.MAX_VALUE;
    private Optional<FailedTensor> failure = Optional.empty();

    /**
     * @param places where in the file the tensor of each job belongs
     * @param digests that wait for every piece in turn
     */
    PieceQueue(List<TensorJob> jobs, List<TensorInfo> places, Collection<TurnDigest> digests) {
        this.jobs = jobs;
        this.places = places;
        this.digests = digests;
    }

    /** The next piece; null when there are no more. */
    synchronized @Nullable Piece next() {
        while (!stopped && next < jobs.size()) {
            TensorJob job = jobs.get(next);
            long left = job.elements - from;
            if (left <= 0) {
                next++;
                from = 0;
                continue;
            }
            int n = (int) Math.min(job.pieceElements, left);
            long at = places.get(next).offset() + from * job.dtype.bytes();
            Piece piece = new Piece(handedOut++, job, from, n, at);
            from += n;
            return piece;
        }
        return null;
    }

    /** Hands out no more. */
    synchronized void stop() {
        stopped = true;
    }

    /** Notes that a piece could not be computed or written, and stops. */
    synchronized void failed(Piece p, Throwable cause) {
        stopped = true;
        digests.forEach(d -> d.failed(PieceWorker.turn(p)));
        if (p.number() < failedAt) {
            failedAt = p.number();
            failure = Optional.of(new FailedTensor(p.tensor(), cause));
        }
    }

    /** The first tensor in the file that failed, if any did. */
    synchronized Optional<FailedTensor> failure() {
        return failure;
    }
}
