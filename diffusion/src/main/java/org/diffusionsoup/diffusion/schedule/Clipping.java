package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/** Limits a predicted clean sample to [-range, range], where the config asks for it. */
record Clipping(boolean wanted, double range) {
    static Clipping of(SchedulerConfig c, boolean fallback) {
        return new Clipping(
                c.json().flag("clip_sample", fallback), c.json().number("clip_sample_range", 1.0));
    }

    Tensor apply(Tensor clean) {
        return wanted ? clean.clamp(-range, range) : clean;
    }
}
