package org.diffusionsoup.core.search;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/** What a search that ends at once, without closing its journals, leaves in them. */
public final class JournalNotes {
    private static final String HASH = "_sha256";

    private JournalNotes() {}

    /** Whether a journal notes an evaluation or a decision, and not only of what search it is. */
    public static boolean areIn(Path journal) {
        try (Stream<String> lines = Files.lines(journal)) {
            return lines.skip(1).findFirst().isPresent();
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    /**
     * Whether every line but the first carries a checksum, right or wrong. Those of earlier
     * versions do not, and neither need those that somebody wrote by hand. Other damage is told
     * when the journal is opened.
     */
    public static boolean areChecked(Path journal) {
        try {
            String text = Files.readString(journal);
            // A last line without its end is what a kill leaves, and is dropped.
            return text.substring(0, text.lastIndexOf('\n') + 1)
                    .lines()
                    .skip(1)
                    .map(l ->
                            JsonValue.readObject(
                                    l.getBytes(StandardCharsets.UTF_8),
                                    "a line of the journal " + journal))
                    .allMatch(o -> o.get(JournalLine.CHECK).isPresent());
        } catch (SoupException e) {
            return true; // not even JSON
        } catch (IOException e) {
            throw new SoupIoException("read", journal, e);
        }
    }

    /**
     * In what the scorer of a journal differs from that of the search that would go on with it.
     *
     * @return a clause, such as {@code its scores were made with other settings (steps 25, now 2)}
     */
    static String difference(JsonObject its, JsonObject mine) {
        SortedSet<String> names = new TreeSet<>(its.fields().keySet());
        names.addAll(mine.fields().keySet());
        names.removeIf(n -> its.get(n).equals(mine.get(n)));
        if (names.isEmpty()) {
            return "its scorer is another";
        }
        List<String> differ = new ArrayList<>();
        for (String name : names) {
            String what =
                    name.endsWith(HASH) ? name.substring(0, name.length() - HASH.length()) : "";
            if (what.isEmpty()) {
                differ.add(
                        "%s %s, now %s"
                                .formatted(
                                        name,
                                        its.string(name).orElse("none"),
                                        mine.string(name).orElse("none")));
            } else if (!names.contains(what)) {
                differ.add("other " + what); // the hashes tell a person nothing
            }
        }
        return "its scores were made with other settings (" + String.join("; ", differ) + ")";
    }

    /** Removes a journal without notes, with which nothing is lost; any other file stays. */
    public static void removeWithout(Path journal) {
        try {
            String text = Files.readString(journal);
            if ((text.isEmpty() || text.startsWith(SearchJournal.START)) && !areIn(journal)) {
                Files.delete(journal);
            }
        } catch (IOException e) {
            // There is none, or it cannot be removed: the same search goes on with it.
        }
    }
}
