package org.diffusionsoup.workbench.generate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.diffusion.pipeline.SourcePicture;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/** A picture that pictures begin as, and perhaps a mask of the part that is painted anew. */
public final class Source {
    /** Of image to image unless said otherwise. */
    public static final double STRENGTH = 0.8;

    private final Loaded image;
    private final Optional<Loaded> mask;
    private final double strength;

    private record Loaded(RgbImage picture, String sha256) {
        static Loaded of(Path file, BiFunction<byte[], String, RgbImage> decoder) {
            try {
                byte[] bytes = Files.readAllBytes(file);
                return new Loaded(decoder.apply(bytes, file.toString()), Hashes.sha256Hex(bytes));
            } catch (IOException e) {
                throw new SoupIoException("read", file, e);
            }
        }

        Picture rgb() {
            return Picture.rgb(picture.width(), picture.height(), picture.pixels());
        }
    }

    private Source(Loaded image, Optional<Loaded> mask, double strength) {
        this.image = image;
        this.mask = mask;
        this.strength = strength;
    }

    /**
     * Reads the files.
     *
     * @param image PNG, JPEG, GIF, BMP or TIFF; transparent parts become white
     * @param mask of the image's size, white where is painted, its transparency dropped; empty to
     *     draw the whole picture anew
     * @param strength over 0 to 1: how much of the run is done, and so how little of the picture is
     *     kept
     * @throws SoupException if a file is missing or no picture, or their sizes differ
     */
    public static Source read(Path image, Optional<Path> mask, double strength) {
        Loaded picture = Loaded.of(image, PngCodec::decode);
        Optional<Loaded> painted = mask.map(m -> Loaded.of(m, PngCodec::decodeColours));
        if (painted.isPresent()) {
            RgbImage m = painted.get().picture();
            RgbImage p = picture.picture();
            if (m.width() != p.width() || m.height() != p.height()) {
                throw new SoupException(
                        "The mask %s has %dx%d pixels and the picture %s has %dx%d; make the mask as large as the picture."
                                .formatted(
                                        mask.get(),
                                        m.width(),
                                        m.height(),
                                        image,
                                        p.width(),
                                        p.height()));
            }
        }
        return new Source(picture, painted, strength);
    }

    /** The picture, without transparency. */
    Picture image() {
        return image.rgb();
    }

    /** Bright where is painted. */
    Optional<Picture> mask() {
        return mask.map(Loaded::rgb);
    }

    /** Whether there is a mask in which nothing is bright enough to be painted. */
    boolean paintsNothing() {
        return mask().filter(m -> !SourcePicture.isPainted(m)).isPresent();
    }

    double strength() {
        return strength;
    }

    /** The same with nothing left out of the run. */
    Source whole() {
        return new Source(image, mask, 1);
    }

    /** What the files of drawn pictures say of it: hashes of the files, and the strength. */
    Map<String, String> toText() {
        Map<String, String> text = new LinkedHashMap<>();
        text.put("image_sha256", image.sha256());
        mask.ifPresent(m -> text.put("mask_sha256", m.sha256()));
        text.put("strength", Double.toString(strength));
        return text;
    }
}
