package org.diffusionsoup.data.scene;

import java.nio.charset.StandardCharsets;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.image.PngCodec;

/**
 * The rows of a shard as a crawl would have brought them: pictures damaged, all else as it is. What
 * becomes of a row depends on its key and the seed alone.
 *
 * @param tier how bad
 * @param grounds share of the rows whose white surroundings become a ground of another colour, 0 to
 *     1
 * @param seed of all damages
 */
public record DamagedRows(Tier tier, double grounds, long seed) implements UnaryOperator<Sample> {
    /**
     * @throws SoupException if the share is not one
     */
    public DamagedRows {
        if (!(grounds >= 0 && grounds <= 1)) {
            throw new SoupException(
                    "the share of pictures on other grounds is from 0 to 1, not " + grounds);
        }
    }

    /**
     * @throws SoupException naming the row, if its picture is not square
     */
    @Override
    public Sample apply(Sample row) {
        CRC32C crc = new CRC32C();
        crc.update(row.key().getBytes(StandardCharsets.UTF_8));
        long own = Seeds.mix(seed ^ Seeds.mix(crc.getValue()));
        boolean ground = Seeds.random(own, 5).nextDouble() < grounds;
        byte[] png;
        try {
            png = PngCodec.encode(tier.damage(row.image(), ground, own));
        } catch (SoupException e) {
            throw new SoupException("row %s: %s".formatted(row.key(), e.getMessage()), e);
        }
        return new Sample(row.info().withSha256(Hashes.sha256Hex(png)), png);
    }
}
