package org.diffusionsoup.data;

import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.SoupException;

/**
 * Which rows an import keeps from training, where the metadata does not say it.
 *
 * @param percent share of captions held out, 0 (none) to 100 (all)
 */
public record HoldOut(int percent) {
    /** Every row is for training. */
    public static final HoldOut NONE = new HoldOut(0);

    /** Checks the range. */
    public HoldOut {
        if (percent < 0 || percent > 100) {
            throw new SoupException(
                    "a share of " + percent + "% cannot be held out; use 0% to 100%");
        }
    }

    /**
     * Reads {@code train}, {@code heldout} or a share such as {@code 10%} or {@code 10}.
     *
     * @throws SoupException if it is none of these
     */
    public static HoldOut parse(String text) {
        if (text.matches("[0-9]{1,3}%?")) {
            return new HoldOut(Integer.parseInt(text.replace("%", "")));
        }
        return switch (text) {
            case "train" -> NONE;
            case "heldout" -> new HoldOut(100);
            default ->
                    throw new SoupException(
                            "split \"%s\" is unknown; use train, heldout or a share to hold out"
                                            .formatted(text)
                                    + " such as 10%");
        };
    }

    /**
     * The captions held out of given ones: this share of the different captions, rounded, those
     * with the lowest hashes. Pictures with the same caption stay together, and few sides change
     * when other pictures come or go.
     *
     * @param captions compared without regard to case
     */
    Set<String> heldOut(Collection<String> captions) {
        Map<String, String> byHash = new TreeMap<>();
        for (String caption : captions) {
            String words = caption.toLowerCase(Locale.ROOT);
            byte[] bytes = ("import-split-1:" + words).getBytes(StandardCharsets.UTF_8);
            byHash.put(Hashes.sha256Hex(bytes), words);
        }
        long count = Math.round(byHash.size() * percent / 100.0);
        return byHash.values().stream().limit(count).collect(Collectors.toSet());
    }
}
