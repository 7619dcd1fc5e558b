package org.diffusionsoup.data.emoji;

import java.text.Normalizer;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Which emoji become subjects: one of each family of near-identical drawings. */
final class SubjectRules {
    private static final Set<String> DROPPED_SUBGROUPS =
            Set.of(
                    "alphanum",
                    "keycap",
                    "country-flag",
                    "subdivision-flag",
                    "skin-tone",
                    "hair-style",
                    "zodiac",
                    "arrow",
                    "av-symbol",
                    "family");

    /** Kept although their subgroup is dropped. */
    private static final Set<String> KEPT =
            Set.of(
                    "up arrow",
                    "right arrow",
                    "down arrow",
                    "left arrow",
                    "play button",
                    "people holding hands",
                    "couple with heart");

    private static final Set<String> DROPPED =
            Set.of(
                    "waxing crescent moon",
                    "waxing gibbous moon",
                    "waning gibbous moon",
                    "waning crescent moon",
                    "last quarter moon",
                    "last quarter moon face",
                    "closed mailbox with lowered flag",
                    "open mailbox with lowered flag",
                    "magnifying glass tilted right",
                    "black medium square",
                    "white medium square",
                    "black medium-small square",
                    "white medium-small square",
                    "black small square",
                    "white small square",
                    "small orange diamond",
                    "small blue diamond",
                    "white square button",
                    "black square button",
                    "radio button",
                    "heavy equals sign",
                    "hollow red circle",
                    "middle finger",
                    "transgender flag",
                    "black flag");

    private static final Pattern GENDERED = Pattern.compile(".*-200d-264[02](-.*)?");
    private static final Pattern GENDERED_ROLE = Pattern.compile("1f46[89]-200d-.*");
    private static final Pattern FACING = Pattern.compile(".*-200d-27a1");
    private static final Pattern CLOCK = Pattern.compile("1f5[56][0-9a-f]");
    private static final Set<String> KEPT_CLOCKS = Set.of("1f552", "1f565");
    private static final Pattern FAMILY = Pattern.compile("family with .*");

    /** Two that Unicode made before the neutral ones. */
    private static final Set<String> GENDERED_TWINS =
            Set.of("pregnant man", "pregnant woman", "man dancing");

    private static final Pattern NAMED_BY_COLOUR =
            Pattern.compile(
                    "(red|pink|orange|yellow|green|light blue|blue|purple|brown|grey|black)"
                            + " (heart|circle|square|large square|book)"
                            + "|large (orange|blue) diamond");

    private SubjectRules() {}

    /** Whether only its colour tells this subject from others, so that a line drawing cannot. */
    static boolean namedByColour(String name) {
        return NAMED_BY_COLOUR.matcher(name).matches();
    }

    static boolean keep(String hex, String name, String subgroup) {
        if (DROPPED.contains(name) || GENDERED_TWINS.contains(name)) {
            return false;
        }
        if (DROPPED_SUBGROUPS.contains(subgroup) && !KEPT.contains(name)) {
            return false;
        }
        boolean clock = CLOCK.matcher(hex).matches() && subgroup.equals("time");
        return !(clock && !KEPT_CLOCKS.contains(hex))
                && !GENDERED.matcher(hex).matches()
                && !GENDERED_ROLE.matcher(hex).matches()
                && !FACING.matcher(hex).matches()
                && !FAMILY.matcher(name).matches();
    }

    /** Lower case, ASCII, plain signs: "person: blond hair" becomes "person with blond hair". */
    static String plainName(String label) {
        String ascii =
                Normalizer.normalize(label, Normalizer.Form.NFD)
                        .replaceAll("\\p{M}", "")
                        .replace('’', '\'')
                        .replaceAll("[“”\"!]", "")
                        .toLowerCase(Locale.ROOT);
        return ascii.replace(": bald", " with bald head")
                .replace(": ", " with ")
                .replaceAll("[^a-z0-9'., -]", " ")
                .replaceAll(" +", " ")
                .strip();
    }
}
