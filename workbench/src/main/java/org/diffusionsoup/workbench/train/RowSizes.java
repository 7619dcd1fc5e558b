package org.diffusionsoup.workbench.train;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.image.PictureSize;

/**
 * Whether pictures that are trained on as they are have one size, and one that the base takes: told
 * from the pictures' headers, before anything is loaded or decoded.
 */
final class RowSizes {
    private static final String WAY_OUT =
            "`size`; 'soup train' takes them as they are with `buckets`.";

    private RowSizes() {}

    /**
     * The size of all pictures.
     *
     * @param shards one or more, of one row or more each
     * @throws SoupException naming the first picture that has another size than those before it, or
     *     that cannot be read
     */
    static PictureSize common(List<Shard> shards) {
        PictureSize all = shards.getFirst().get(0).size();
        for (Shard shard : shards) {
            for (int i = 0; i < shard.size(); i++) {
                requireSame(shard, i, shard.get(i).size(), all);
            }
        }
        return all;
    }

    /** Refuses a row of another size than all those before it, of this shard or others. */
    static void requireSame(Shard shard, int row, PictureSize size, PictureSize all) {
        if (!size.equals(all)) {
            throw row > 0
                    ? differing(shard, shard.infos().get(row), size, all)
                    : new SoupException(
                            "pictures of shard %s are %s, those before them %s; import the pictures at one %s"
                                    .formatted(shard.name(), size, all, WAY_OUT));
        }
    }

    /** What is said of a row of another size than those before it in its shard. */
    static SoupException differing(
            Shard shard, SampleInfo row, PictureSize size, PictureSize before) {
        return new SoupException(
                "row %s of shard %s is %s, the rows before it %s; import the pictures at one %s"
                        .formatted(row.key(), shard.name(), size, before, WAY_OUT));
    }

    /**
     * Refuses a size that a model does not take.
     *
     * @param row a picture of that size
     * @param divisor of both sides, see {@link #divisor}
     * @throws SoupException naming the picture
     */
    static void require(PictureSize size, Shard shard, SampleInfo row, Path model, int divisor) {
        if (size.width() % divisor != 0 || size.height() % divisor != 0) {
            throw new SoupException(
                    "picture %s of shard %s is %s; %s needs sides divisible by %d, import the pictures at another %s"
                            .formatted(row.key(), shard.name(), size, model, divisor, WAY_OUT));
        }
    }

    /**
     * Refuses buckets that a model does not take.
     *
     * @throws SoupException naming both
     */
    static void require(BucketRule rule, Path model, int divisor) {
        if (rule.step() % divisor != 0) {
            throw new SoupException(
                    "buckets in steps of %d pixels do not suit %s, which needs sides divisible by %d"
                            .formatted(rule.step(), model, divisor));
        }
    }

    /** Autoencoder and each level of the UNet but the last divide the sides. */
    static int divisor(VaeConfig vae, UNetConfig unet) {
        return vae.downFactor() << (unet.blockOutChannels().size() - 1);
    }

    /** The same of a folder in diffusers layout. */
    static int divisor(Path base) {
        return divisor(
                VaeConfig.of(JsonConfig.read(base.resolve("vae/config.json"))),
                UNetConfig.of(JsonConfig.read(base.resolve("unet/config.json"))));
    }
}
