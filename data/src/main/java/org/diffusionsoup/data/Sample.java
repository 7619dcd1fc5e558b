package org.diffusionsoup.data;

/**
 * One captioned picture.
 *
 * @param info caption, provider, licence, split and the rest
 * @param png the image file's bytes as stored (PNG in shards written here)
 */
public record Sample(SampleInfo info, byte[] png) {

    /** The decoded picture; transparency is flattened onto white. */
    public RgbImage image() {
        return PngCodec.decode(png, "the image of row " + info.key());
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
