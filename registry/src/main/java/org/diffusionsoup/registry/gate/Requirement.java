package org.diffusionsoup.registry.gate;

import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.diffusionsoup.registry.ledger.RegistryException;

/**
 * What must have been measured of a soup's very version before it is handed out: an evaluation of a
 * name, whose last outcome counts, or memorization audits, of which the requirement states how many
 * near copies it allows, how many pictures it takes to believe that, and of which shards.
 */
public sealed interface Requirement {
    /** How {@link #parse} reads it. */
    String text();

    /**
     * An evaluation other than an audit.
     *
     * @param what its name
     */
    record Named(String what) implements Requirement {
        @Override
        public String text() {
            return what;
        }
    }

    /**
     * A memorization audit of every shard that counts.
     *
     * @param bound largest rate of near copies, above 0 and below 1; the upper end of the rate's 95
     *     % interval has to be within
     * @param pictures fewest drawn pictures that an audit must rest on
     * @param shards names of the shards; empty for all that the soup's ingredients were trained on
     */
    record Audit(double bound, long pictures, List<String> shards) implements Requirement {
        /** Name that audits have in the ledger. */
        public static final String WHAT = "audit";

        /** In its result: hash of the rows whose prompts were drawn, as recipes name data. */
        public static final String ROWS = "shard_sha256";

        /** In its result: what the threshold was measured with, an object. */
        public static final String REFERENCE = "reference";

        /** In that: the median distance of those pictures to the closest protected one. */
        public static final String TYPICAL = "typical_distance";

        /**
         * In its result: whether the threshold leaves room for copies, so that passing means
         * something. Audits of earlier versions do not state it.
         */
        public static final String MEANINGFUL = "meaningful";

        /**
         * @throws RegistryException if no audit could show that the bound is kept
         */
        public Audit {
            shards = List.copyOf(shards);
            if (!(bound > 0 && bound < 1)) {
                throw new RegistryException(
                        "An audit's bound lies between 0 and 1, not at " + bound + ".");
            }
            if (pictures < 1 || upper(0, pictures) > bound) {
                throw new RegistryException(
                        "%d pictures cannot show a rate of at most %s, not even without a near copy; that takes %d."
                                .formatted(pictures, bound, fewest(bound, 0)));
            }
        }

        @Override
        public String text() {
            return "audit(bound="
                    + bound
                    + ", pictures>="
                    + pictures
                    + (shards.isEmpty() ? "" : ", shards=" + String.join(" ", shards))
                    + ")";
        }

        /** Upper end of Wilson's 95 % interval of a rate. */
        static double upper(long hits, long total) {
            double z = 1.959963984540054;
            double p = (double) hits / total;
            double root = Math.sqrt(p * (1 - p) / total + z * z / (4.0 * total * total));
            return Math.min(1, (p + z * z / (2.0 * total) + z * root) / (1 + z * z / total));
        }

        /**
         * The fewest pictures that show a rate to be within a bound when so many in a hundred of
         * them are near copies.
         *
         * @param percent near copies in a hundred pictures
         * @throws RegistryException if no number does, since the rate itself is not below the bound
         */
        public static long fewest(double bound, int percent) {
            if (percent / 100.0 >= bound) {
                throw new RegistryException(
                        "A rate of %d %% is never within %s.".formatted(percent, bound));
            }
            long n = 1;
            while (upper(Math.ceilDiv(n * percent, 100), n) > bound) {
                n++;
            }
            return n;
        }
    }

    /**
     * Reads {@code NAME}, or {@code audit(bound=0.05, pictures>=200)} with {@code shards=A B} as a
     * last term where not all shards of the soup count.
     *
     * @throws RegistryException if it is neither, or states no bound or number of pictures
     */
    static Requirement parse(String text) {
        String t = text.strip();
        Matcher audit = Syntax.AUDIT.matcher(t);
        if (audit.matches()) {
            String shards = Objects.requireNonNullElse(audit.group(3), "").strip();
            return new Audit(
                    Double.parseDouble(audit.group(1)),
                    Long.parseLong(audit.group(2)),
                    shards.isEmpty() ? List.of() : List.of(shards.split("\\s+")));
        }
        if (!t.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}") || t.equals(Audit.WHAT)) {
            throw new RegistryException(
                    "'"
                            + text
                            + "' does not say what is required; write the name of an evaluation, or"
                            + " an audit with its bound and the pictures it must rest on, such as"
                            + " 'audit(bound=0.05, pictures>=200)'.");
        }
        return new Named(t);
    }

    /** How an audit is written. */
    final class Syntax {
        private static final Pattern AUDIT =
                Pattern.compile(
                        "audit\\s*\\(\\s*bound\\s*=\\s*(\\d{0,3}\\.?\\d{1,12})\\s*,"
                                + "\\s*pictures\\s*>=\\s*(\\d{1,9})\\s*(?:,\\s*shards\\s*=([^)]+))?\\)");

        private Syntax() {}
    }

    /**
     * That an evaluation was below what is required, and a person lets the soup go all the same.
     *
     * @param by who
     * @param reason why
     */
    record Overruling(String by, String reason) {
        /**
         * @throws RegistryException if one of the two is empty
         */
        public Overruling {
            if (by.isBlank() || reason.isBlank()) {
                throw new RegistryException(
                        "Whoever overrules an evaluation gives a name and a reason.");
            }
        }

        /**
         * Reads {@code WHO: REASON}.
         *
         * @throws RegistryException if there is no colon between two texts
         */
        public static Overruling parse(String text) {
            List<String> parts = Stream.of(text.split(":", 2)).map(String::strip).toList();
            if (parts.size() != 2) {
                throw new RegistryException("'" + text + "' names no one; write WHO: REASON.");
            }
            return new Overruling(parts.get(0), parts.get(1));
        }
    }

    /**
     * Why a requirement is not met.
     *
     * @param problem a sentence without its end
     * @param measured whether it was measured and found wanting, which may be overruled; what was
     *     never measured may not
     */
    record Shortfall(String problem, boolean measured) {}
}
