package org.diffusionsoup.workbench.generate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.data.PromptTable;
import org.diffusionsoup.data.Utf8Text;

/** Reads what is drawn: files of prompts, lists of seeds. */
public final class Prompts {
    private static final int MOST_SEEDS = 100_000;
    private static final Pattern RANGE = Pattern.compile("(\\d{1,18})-(\\d{1,18})");

    private Prompts() {}

    /**
     * Prompts of a UTF-8 text file, one a line; blank lines and lines that start with # are left
     * out. Of a file that its ending calls a table or JSON, what {@link PromptTable} reads.
     *
     * @return at least one
     * @throws SoupException if the file is missing, no UTF-8 text, or holds no prompt, or as {@link
     *     PromptTable#read} does
     */
    public static List<String> read(Path file) {
        if (!Files.exists(file)) {
            throw new SoupException(
                    "There is no prompts file "
                            + file
                            + "; it is a text file with one prompt a line.");
        }
        if (Files.isDirectory(file)) {
            throw new SoupException(
                    file + " is a folder; give a file with one prompt a line, or a pipe.");
        }
        List<String> prompts = PromptTable.isOne(file) ? PromptTable.read(file) : lines(file);
        if (prompts.isEmpty()) {
            throw new SoupException(
                    "The prompts file " + file + " holds no prompt; write one a line.");
        }
        return prompts;
    }

    private static List<String> lines(Path file) {
        try {
            return Utf8Text.decode(Files.readAllBytes(file), file.toString())
                    .lines()
                    .map(line -> line.replace("\ufeff", "").strip())
                    .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                    .toList();
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /**
     * Seeds in the form {@code 0,1,2}, {@code 0-3} or mixed, {@code 7,10-12}.
     *
     * @return at least one, in the order given
     * @throws SoupException if a part is neither a whole number nor a range, or one comes twice
     */
    public static List<Long> seeds(String text) {
        List<Long> seeds = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            Matcher range = RANGE.matcher(part.strip());
            try {
                if (range.matches()) {
                    long from = Long.parseLong(range.group(1));
                    long to = Long.parseLong(range.group(2));
                    if (to < from) {
                        throw new SoupException(
                                "`seed` '%s' ends before it begins; write it as %d-%d."
                                        .formatted(text, to, from));
                    }
                    if (to - from >= MOST_SEEDS) {
                        throw new SoupException(
                                String.format(
                                        Locale.ROOT,
                                        "`seed` '%s' is more than the %,d seeds that one run takes; give fewer.",
                                        text,
                                        MOST_SEEDS));
                    }
                    for (long seed = from; seed <= to; seed++) {
                        seeds.add(seed);
                    }
                } else {
                    seeds.add(Long.parseLong(part.strip()));
                }
            } catch (NumberFormatException e) {
                throw new SoupException(
                        "`seed` '%s' is no list of seeds; write numbers and ranges as 0,1,2 or 0-3."
                                .formatted(text),
                        e);
            }
        }
        if (seeds.stream().distinct().count() < seeds.size()) {
            throw new SoupException("`seed` '%s' names a seed twice.".formatted(text));
        }
        return seeds;
    }

    /**
     * Refuses a prompt that comes twice, where every prompt counts once.
     *
     * @throws SoupException naming the prompt and its places
     */
    public static void requireDistinct(List<String> prompts) {
        Map<String, Integer> places = new HashMap<>();
        for (int i = 0; i < prompts.size(); i++) {
            Integer first = places.putIfAbsent(prompts.get(i), i + 1);
            if (first != null) {
                throw new SoupException(
                        "Prompts %d and %d are the same, '%s'; every prompt counts once, so leave one out."
                                .formatted(first, i + 1, Visible.shortened(prompts.get(i))));
            }
        }
    }
}
