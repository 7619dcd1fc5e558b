package org.diffusionsoup.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;

/**
 * A picture file with its caption.
 *
 * @param image the file, inside the imported folder
 * @param caption not blank
 * @param split which side the metadata puts it on, if it says so
 * @param stated what the metadata says of where it comes from
 * @param where what to name in an error: the caption file, or the metadata file and its row
 */
record FolderRow(Path image, String caption, Optional<Split> split, Stated stated, String where) {

    /** A row's own word on provider and licence; empty where it has none. */
    record Stated(String provider, String licence) {
        static final Stated NOTHING = new Stated("", "");

        /**
         * The licence in a row's fields, {@code licence} or {@code license} in any case; empty
         * where it has none, or LAION's {@code ?} for one that is not known.
         *
         * @throws SoupException if two fields name different ones
         */
        static String licence(Map<String, String> fields, String where) {
            List<String> stated =
                    fields.entrySet().stream()
                            .filter(e -> e.getKey().strip().matches("(?i)licen[cs]e"))
                            .map(e -> e.getValue().strip())
                            .filter(v -> !v.isEmpty() && !v.equals("?"))
                            .distinct()
                            .sorted()
                            .toList();
            if (stated.size() > 1) {
                throw new SoupException(
                        where
                                + " states two licences, %s and %s; keep one"
                                        .formatted(stated.getFirst(), stated.get(1)));
            }
            return stated.isEmpty() ? "" : stated.getFirst();
        }

        /** Refuses what the importer was told otherwise: one of the two would vanish unseen. */
        void check(ImportOptions told, String where) {
            check("provider", provider, told.provider(), where);
            check("licence", licence, told.licence(), where);
        }

        private static void check(String what, String stated, String told, String where) {
            if (!stated.isBlank() && !stated.strip().equalsIgnoreCase(told.strip())) {
                throw new SoupException(
                        "%s states the %s %s, not %s; import its rows apart with `%s` '%s'"
                                .formatted(where, what, stated, told, what, stated));
            }
        }
    }
}
