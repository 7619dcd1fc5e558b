package org.diffusionsoup.diffusion.classify;

import java.util.List;
import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.train.Objective;

/**
 * Cross-entropy of a {@link ShardClassifier} on latents noised to a uniformly drawn timestep. The
 * shards take turns, whatever their size, so that what is learnt holds for equal λ.
 */
public final class ClassifierObjective implements Objective {
    private final ShardClassifier classifier;
    private final List<Tensor> latents;
    private final NoiseTable noise;

    /**
     * @param latents of every shard in the classifier's order, (rows, C, h, w), scaled; kept by the
     *     caller
     * @param noise the forward process
     */
    public ClassifierObjective(ShardClassifier classifier, List<Tensor> latents, NoiseTable noise) {
        this.classifier = classifier;
        this.latents = List.copyOf(latents);
        this.noise = noise;
    }

    @Override
    public int rows() {
        return latents.stream().mapToInt(l -> Math.toIntExact(l.size(0))).sum();
    }

    @Override
    public Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
        int n = rows.length;
        long[] classes = new long[n];
        long[] t = new long[n];
        Tensor[] some = new Tensor[n];
        for (int i = 0; i < n; i++) {
            int shard = random.nextInt(latents.size());
            Tensor own = latents.get(shard);
            classes[i] = shard;
            t[i] = random.nextInt(noise.size());
            some[i] = own.narrow(0, random.nextLong(own.size(0)), 1);
        }
        Tensor x0 = Tensor.cat(List.of(some), 0);
        Tensor xt = noise.addNoise(x0, rng.normal(x0.shape()), t);
        return Functional.crossEntropy(
                classifier.forward(xt, Tensor.of(t, n)), Tensor.of(classes, n));
    }
}
