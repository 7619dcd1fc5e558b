package org.diffusionsoup.data;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;

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
            throw new SoupException("`split` must hold 0% to 100% out, not " + percent + "%.");
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
                            "`split` '%s' is unknown; use train, heldout or a share to hold out"
                                            .formatted(text)
                                    + " such as 10%.");
        };
    }

    /**
     * A row to be put on a side.
     *
     * @param caption compared without regard to case
     * @param picture the same for equal pictures, and for these only; empty where nobody asked
     * @param stated which side something else puts it on
     */
    record Row(String caption, String picture, Optional<Split> stated) {
        private String words() {
            return caption.toLowerCase(Locale.ROOT);
        }
    }

    /** Whether rows may come to lie on both sides, so that their pictures have to be compared. */
    boolean needsPictures(boolean anyStated) {
        return percent > 0 && percent < 100 || anyStated;
    }

    /**
     * The sides of rows. What is stated counts; a picture equal to one of those is on the same side
     * (held out, where both are stated). Of the others this share of the different captions,
     * rounded, is held out, those with the lowest hashes. Rows with the same caption or the same
     * picture stay together, and few sides change when other pictures come or go.
     *
     * @return in the rows' order
     */
    List<Split> sides(List<Row> rows) {
        Map<String, Split> byPicture = new HashMap<>();
        for (Row row : rows) {
            if (!row.picture().isEmpty()) {
                row.stated()
                        .ifPresent(s ->
                                byPicture.merge(
                                        row.picture(), s, (a, b) -> a == Split.HELDOUT ? a : b));
            }
        }
        List<Row> free =
                rows.stream()
                        .filter(r -> r.stated().isEmpty() && !byPicture.containsKey(r.picture()))
                        .toList();
        Set<String> heldOut = heldOut(free);
        return rows.stream()
                .map(r ->
                        r.stated()
                                .or(() -> Optional.ofNullable(byPicture.get(r.picture())))
                                .orElse(heldOut.contains(r.words()) ? Split.HELDOUT : Split.TRAIN))
                .toList();
    }

    /** The captions held out, in lower case. */
    private Set<String> heldOut(List<Row> rows) {
        Map<String, String> byHash = new TreeMap<>();
        Map<String, Set<String>> captionsOfPicture = new HashMap<>();
        Map<String, Set<String>> picturesOfCaption = new HashMap<>();
        for (Row row : rows) {
            String words = row.words();
            byte[] bytes = ("import-split-1:" + words).getBytes(StandardCharsets.UTF_8);
            byHash.put(Hashes.sha256Hex(bytes), words);
            if (!row.picture().isEmpty()) {
                captionsOfPicture.computeIfAbsent(row.picture(), p -> new TreeSet<>()).add(words);
                picturesOfCaption.computeIfAbsent(words, w -> new TreeSet<>()).add(row.picture());
            }
        }
        long count = Math.round(byHash.size() * percent / 100.0);
        Set<String> heldOut = new HashSet<>();
        Set<String> seen = new HashSet<>();
        List<Set<String>> tooMany = new ArrayList<>();
        for (String words : byHash.values()) {
            if (heldOut.size() == count || seen.contains(words)) {
                continue;
            }
            Set<String> group = together(words, captionsOfPicture, picturesOfCaption);
            seen.addAll(group);
            if (heldOut.size() + group.size() <= count) {
                heldOut.addAll(group);
            } else {
                tooMany.add(group);
            }
        }
        if (heldOut.isEmpty() && count > 0) { // the smallest that leaves something
            tooMany.stream()
                    .filter(group -> group.size() < byHash.size())
                    .min(Comparator.comparingInt(Set::size))
                    .ifPresent(heldOut::addAll);
        }
        return heldOut;
    }

    /** A caption and those that share pictures with it, directly or through others. */
    private static Set<String> together(
            String first,
            Map<String, Set<String>> captionsOfPicture,
            Map<String, Set<String>> picturesOfCaption) {
        Set<String> group = new HashSet<>(Set.of(first));
        Deque<String> left = new ArrayDeque<>(group);
        while (!left.isEmpty()) {
            for (String picture : picturesOfCaption.getOrDefault(left.pop(), Set.of())) {
                for (String other : captionsOfPicture.getOrDefault(picture, Set.of())) {
                    if (group.add(other)) {
                        left.push(other);
                    }
                }
            }
        }
        return group;
    }
}
