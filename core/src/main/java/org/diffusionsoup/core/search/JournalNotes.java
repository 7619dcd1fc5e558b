package org.diffusionsoup.core.search;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What a search that ends at once, without closing its journals, leaves in them. */
public final class JournalNotes {
    private JournalNotes() {}

    /** Whether a journal notes an evaluation or a decision, and not only of what search it is. */
    public static boolean areIn(Path journal) {
        try (Stream<String> lines = Files.lines(journal)) {
            return lines.skip(1).findFirst().isPresent();
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
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
