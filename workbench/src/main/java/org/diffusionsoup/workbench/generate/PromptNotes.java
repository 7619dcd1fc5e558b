package org.diffusionsoup.workbench.generate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.diffusion.text.TextReading;

/** Says in sentences what of texts a text encoder does not read, for pictures and for scores. */
public final class PromptNotes {
    /**
     * Weights, extra networks, embeddings, choices, changes between steps and breaks, as web
     * interfaces write them: A1111 and ComfyUI {@code (red:1.3)}, {@code ((red))}, {@code
     * embedding:name}, InvokeAI {@code (red)1.5} and {@code apple++}, NovelAI {@code {{red}}},
     * dynamic prompts {@code {red|green}}. What people write without any of them is left alone: one
     * pair of brackets, brackets in brackets, C++ and Notepad++, (c)2024.
     */
    private static final Pattern ELSEWHERE =
            Pattern.compile(
                    "\\({2,}[^()]+\\){2,}"
                            + "|\\[{2,}[^\\[\\]]+\\]{2,}"
                            + "|\\{{2,}[^{}]+\\}{2,}"
                            + "|\\{[^{}|]*\\|[^{}]*\\}"
                            + "|(?<!\\w)\\([^()]+\\)(?:\\d*\\.\\d+|\\+{2,})"
                            + "|(?i:\\b(?!notepad|libstdc)[a-z]{3,}\\+{2,}(?![\\w+]))"
                            + "|(?i:\\bembedding:[\\w./-]+)"
                            + "|\\([^()]+:\\s*-?\\d*\\.?\\d+\\s*\\)"
                            + "|<(?:lora|lyco|hypernet):[^<>]*>"
                            + "|\\[[^\\[\\]]+(?:\\|[^\\[\\]]+|:[^\\[\\]]*:\\s*\\d*\\.?\\d+)\\]"
                            + "|\\bBREAK\\b"
                            + "|(?<=[a-z,] )AND(?= [a-z])");

    private PromptNotes() {}

    /**
     * At most one sentence per text, for those that are cut, hold words the tokenizer does not
     * know, or syntax of other programs.
     *
     * @param what what the texts are called, such as {@code prompt}; numbered where there are many
     * @param reading how much of a text is read
     */
    public static List<String> of(
            String what, List<String> texts, Function<String, TextReading> reading) {
        List<String> notes = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            TextReading r = reading.apply(texts.get(i));
            List<String> parts = new ArrayList<>();
            if (r.isCut()) {
                parts.add(
                        "has %d tokens, of which %d are read%s"
                                .formatted(
                                        r.tokens(),
                                        r.fits(),
                                        r.lost().isEmpty()
                                                ? ""
                                                : "; lost are the words \""
                                                        + Visible.shortened(r.lost())
                                                        + "\""));
            }
            if (!r.unknown().isEmpty()) {
                parts.add(
                        "has words that the tokenizer does not know and only spells out: "
                                + Visible.shortened(String.join(", ", r.unknown())));
            }
            Matcher foreign = ELSEWHERE.matcher(texts.get(i));
            if (foreign.find()) {
                parts.add(
                        "holds "
                                + Visible.shortened(foreign.group())
                                + ", which has a meaning in other programs and is read as words here");
            }
            if (!parts.isEmpty()) {
                String name = texts.size() == 1 ? "The " + what : capital(what) + " " + (i + 1);
                notes.add(name + " " + String.join("; it ", parts) + ".");
            }
        }
        return notes;
    }

    private static String capital(String word) {
        return word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1);
    }
}
