package org.diffusionsoup.diffusion.text;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The tokens that are cut out of a text before it is taken apart into words. */
final class SpecialTokens {
    private final Map<String, Integer> ids;
    private final Map<String, SplitRule> rules;
    private final Pattern pattern;

    /**
     * @param ids token to id
     * @param rules of those that are not cut out everywhere
     */
    SpecialTokens(Map<String, Integer> ids, Map<String, SplitRule> rules) {
        this.ids = Map.copyOf(ids);
        this.rules = Map.copyOf(rules);
        // Longest first, so that a special token beats another that is its beginning.
        pattern =
                Pattern.compile(
                        ids.keySet().stream()
                                .sorted(
                                        Comparator.comparingInt(String::length)
                                                .reversed()
                                                .thenComparing(Comparator.naturalOrder()))
                                .map(Pattern::quote)
                                .collect(Collectors.joining("|")));
    }

    /** Token to id. */
    Map<String, Integer> ids() {
        return ids;
    }

    /**
     * Cuts a text as {@code PreTrainedTokenizer.tokenize} does ({@code tokenization_utils.py} of
     * transformers 4.34 and later): a token that may only stand alone goes back to the text that
     * touches it, which then is text as a whole.
     *
     * @return what lies between the tokens, and these; none is empty
     */
    List<String> split(String text) {
        List<String> parts = cut(text);
        for (int i = 0; i < parts.size(); i++) {
            String token = parts.get(i);
            SplitRule rule = rules.get(token);
            if (rule == null) {
                continue;
            }
            String left = i > 0 ? parts.get(i - 1) : "";
            String right = i + 1 < parts.size() ? parts.get(i + 1) : "";
            if (rule.stripsRight() && !right.isEmpty()) {
                parts.set(i + 1, right.stripLeading());
            }
            if (rule.stripsLeft() && !left.isEmpty()) {
                parts.set(i - 1, left.stripTrailing());
            }
            // The neighbours as they were, before blanks were taken from them.
            if (rule.singleWord() && !left.isEmpty() && !left.endsWith(" ")) {
                parts.set(i - 1, parts.get(i - 1) + token);
                parts.set(i, "");
            } else if (rule.singleWord() && !right.isEmpty() && !right.startsWith(" ")) {
                parts.set(i + 1, token + parts.get(i + 1));
                parts.set(i, "");
            }
        }
        parts.removeIf(String::isEmpty);
        return parts;
    }

    private List<String> cut(String text) {
        List<String> parts = new ArrayList<>();
        Matcher matcher = pattern.matcher(text);
        int from = 0;
        while (matcher.find()) {
            if (matcher.start() > from) {
                parts.add(text.substring(from, matcher.start()));
            }
            parts.add(matcher.group());
            from = matcher.end();
        }
        if (from < text.length()) {
            parts.add(text.substring(from));
        }
        return parts;
    }
}
