package org.diffusionsoup.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.soup.SoupPlan;

/** Small things to fill a registry with. */
final class Small {
    private Small() {}

    /** A checkpoint whose first tensor and counter are the same for all seeds. */
    static Path checkpoint(Path file, long seed) {
        Random r = new Random(seed);
        List<TensorEntry> tensors = new ArrayList<>();
        float[] shared = new float[64];
        java.util.Arrays.fill(shared, 0.25f);
        tensors.add(TensorEntry.ofFloats("vae.shared", new long[] {64}, shared));
        for (int t = 0; t < 3; t++) {
            float[] values = new float[40 + t];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) r.nextGaussian();
            }
            tensors.add(TensorEntry.ofFloats("unet.t" + t, new long[] {values.length}, values));
        }
        tensors.add(new TensorEntry("steps", DType.I64, new long[] {}, TensorBytes.of(7)));
        SafetensorsWriter.write(file, Map.of("format", "pt"), tensors);
        return file;
    }

    static List<NewShard.Sample> samples(String shard, int n) {
        List<NewShard.Sample> samples = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            samples.add(
                    new NewShard.Sample(
                            Hashes.sha256Hex(
                                    (shard + i).getBytes(java.nio.charset.StandardCharsets.UTF_8)),
                            ""));
        }
        return samples;
    }

    static NewShard shard(String name) {
        return new NewShard(
                name,
                "provider-of-" + name,
                "CC0-1.0",
                "",
                Optional.empty(),
                name,
                samples(name, 5));
    }

    /** Records a shard and the ingredient of the same name. */
    static void add(Registry r, Path folder, String name, long seed) {
        r.addShard(shard(name));
        ingredient(r, folder, name, seed);
    }

    static void ingredient(Registry r, Path folder, String name, long seed) {
        r.addIngredient(
                new NewIngredient(
                        name,
                        "base",
                        List.of(name),
                        checkpoint(folder.resolve(name + "-" + seed + ".safetensors"), seed),
                        Json.object().put("method", "fine-tune").put("seed", seed).build(),
                        "test"));
    }

    static void base(Registry r, Path folder) {
        r.addBase("base", checkpoint(folder.resolve("base.safetensors"), 0));
    }

    static SoupPlan follow(String name) {
        return new SoupPlan(name, List.of(), true, Optional.empty(), true);
    }

    static SoupPlan of(String name, String... ingredients) {
        return new SoupPlan(
                name,
                java.util.Arrays.stream(ingredients)
                        .map(i -> new SoupPlan.Item(i, Coefficient.ONE))
                        .toList(),
                false,
                Optional.empty(),
                true);
    }
}
