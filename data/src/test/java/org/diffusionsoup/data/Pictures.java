package org.diffusionsoup.data;

import java.util.SplittableRandom;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/** Pictures and rows for tests. */
public final class Pictures {
    private Pictures() {}

    public static RgbImage noise(int width, int height, long seed) {
        byte[] pixels = new byte[3 * width * height];
        new SplittableRandom(seed).nextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    public static RgbImage plain(int width, int height, int red, int green, int blue) {
        byte[] pixels = new byte[3 * width * height];
        for (int i = 0; i < pixels.length; i += 3) {
            pixels[i] = (byte) red;
            pixels[i + 1] = (byte) green;
            pixels[i + 2] = (byte) blue;
        }
        return new RgbImage(width, height, pixels);
    }

    static Sample sample(String key, String provider, String domain, Split split) {
        byte[] png = PngCodec.encode(noise(8, 8, key.hashCode()));
        return new Sample(
                new SampleInfo(
                        key,
                        provider + " thing " + key,
                        "thing " + key,
                        provider,
                        "thing " + key,
                        provider,
                        "CC0-1.0",
                        "",
                        "",
                        domain,
                        split.word(),
                        Hashes.sha256Hex(png)),
                png);
    }
}
