package org.diffusionsoup.diffusion.schedule;

import java.util.ArrayDeque;
import org.diffusionsoup.diffusion.torch.Tensor;

/** The last few tensors of a run, kept alive past the scopes they were made in. */
final class History implements AutoCloseable {
    private final int capacity;
    private final ArrayDeque<Tensor> kept = new ArrayDeque<>();

    History(int capacity) {
        this.capacity = capacity;
    }

    /** Adds a tensor and forgets the oldest one beyond the capacity. */
    void push(Tensor t) {
        // An own handle on the same memory: the caller's may be freed independently of it.
        kept.addFirst(t.detach().keep());
        while (kept.size() > capacity) {
            kept.removeLast().release();
        }
    }

    int size() {
        return kept.size();
    }

    /** The tensor pushed {@code back} pushes before the latest one (0 is the latest). */
    Tensor get(int back) {
        int i = 0;
        for (Tensor t : kept) {
            if (i++ == back) {
                return t;
            }
        }
        throw new ScheduleException("only " + kept.size() + " predictions are remembered");
    }

    @Override
    public void close() {
        kept.forEach(Tensor::release);
        kept.clear();
    }
}
