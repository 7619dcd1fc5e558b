package org.diffusionsoup.data;

import java.util.OptionalInt;
import org.diffusionsoup.core.SoupException;

/**
 * What the importer cannot read from a folder.
 *
 * @param provider who gives the pictures; becomes the start of every key
 * @param licence SPDX identifier or short name, for example {@code CC0-1.0}
 * @param domain one of {@link Domains}; {@code other} if none fits
 * @param size side in pixels of the square pictures to store; empty to keep each as it is
 * @param holdOut which rows are kept from training, where the metadata does not say
 * @param fit how a picture that is not square becomes square, where a size is given
 */
public record ImportOptions(
        String provider,
        String licence,
        String domain,
        HoldOut holdOut,
        OptionalInt size,
        Fit fit) {

    /** How a picture becomes square. */
    public enum Fit {
        /** Keep the largest centred square. */
        CROP,
        /** Keep everything and fill up with white. */
        PAD
    }

    /** Checks that provider and licence are named and the size is possible. */
    public ImportOptions {
        if (provider.isBlank()) {
            throw new SoupException("`provider` is empty; name who made the pictures to import.");
        }
        if (licence.isBlank()) {
            throw new SoupException(
                    "`licence` is empty; name that of the pictures to import, such as CC0-1.0.");
        }
        if (!domain.equals(Domains.OTHER) && !Domains.PAPER.contains(domain)) {
            throw new SoupException(
                    "`domain` '%s' is unknown; use one of %s or %s."
                            .formatted(domain, Domains.PAPER, Domains.OTHER));
        }
        if (size.isPresent() && (size.getAsInt() < 8 || size.getAsInt() > 4096)) {
            throw new SoupException(
                    "`size` must be 8 to 4096 pixels, not %d.".formatted(size.getAsInt()));
        }
    }

    /** Pictures as they are, domain {@code other}, all for training. */
    public static ImportOptions of(String provider, String licence) {
        return new ImportOptions(
                provider, licence, Domains.OTHER, HoldOut.NONE, OptionalInt.empty(), Fit.CROP);
    }
}
