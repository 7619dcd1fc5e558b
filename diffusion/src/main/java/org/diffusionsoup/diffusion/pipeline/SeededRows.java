package org.diffusionsoup.diffusion.pipeline;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.schedule.NoiseSource;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Noise whose row i comes from seed i alone. */
final class SeededRows implements NoiseSource, AutoCloseable {
    private final List<Rng> rows = new ArrayList<>();

    SeededRows(long[] seeds) {
        for (long seed : seeds) {
            rows.add(new Rng(seed));
        }
    }

    @Override
    public Tensor draw(int step, long... shape) {
        long[] one = shape.clone();
        one[0] = 1;
        return Tensor.cat(rows.stream().map(rng -> rng.normal(one)).toList(), 0);
    }

    @Override
    public void close() {
        rows.forEach(Rng::close);
    }
}
