package org.diffusionsoup.data;

import org.diffusionsoup.image.PictureSize;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/**
 * One captioned picture.
 *
 * @param info caption, provider, licence, split and the rest
 * @param png the image file's bytes as stored (PNG in shards written here)
 * @param from where it was read, such as a tar's path, for messages; empty where it was made
 */
public record Sample(SampleInfo info, byte[] png, String from) {
    /** A picture that was read from nowhere. */
    public Sample(SampleInfo info, byte[] png) {
        this(info, png, "");
    }

    /** The decoded picture; transparency is flattened onto white. */
    public RgbImage image() {
        return PngCodec.decode(png, what());
    }

    /** Width and height of {@link #image}, without decoding it. */
    public PictureSize size() {
        return PictureSize.of(png, what());
    }

    private String what() {
        return "the image of row " + info.key() + (from.isEmpty() ? "" : " of " + from);
    }

    /** The whole caption. */
    public String caption() {
        return info.caption();
    }

    /** Name of the row in its shard. */
    public String key() {
        return info.key();
    }
}
