package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.diffusionsoup.diffusion.text.TextReading;
import org.junit.jupiter.api.Test;

class PromptNotesTest {
    private static final TextReading WHOLE = new TextReading(3, 75, "", List.of());
    private static final TextReading CUT = new TextReading(80, 75, "on the hill", List.of());
    private static final TextReading STRANGE = new TextReading(9, 75, "", List.of("qzx", "żółw"));

    private static List<String> notes(TextReading... readings) {
        List<String> texts =
                java.util.stream.IntStream.range(0, readings.length)
                        .mapToObj(i -> "t" + i)
                        .toList();
        return PromptNotes.of("prompt", texts, t -> readings[texts.indexOf(t)]);
    }

    @Test
    void whatIsReadWholeNeedsNoNote() {
        assertThat(notes(WHOLE, WHOLE)).isEmpty();
        assertThat(notes(new TextReading(75, 75, "", List.of()))).as("just fits").isEmpty();
        assertThat(notes()).isEmpty();
    }

    @Test
    void whatIsLostIsQuoted() {
        assertThat(notes(CUT))
                .containsExactly(
                        "The prompt has 80 tokens, of which 75 are read; lost are the words \"on the hill\".");
        assertThat(notes(new TextReading(76, 75, "", List.of())))
                .containsExactly("The prompt has 76 tokens, of which 75 are read.");
    }

    @Test
    void unknownWordsAreListed() {
        assertThat(notes(STRANGE))
                .containsExactly(
                        "The prompt has words that the tokenizer does not know and only spells out: qzx, żółw.");
    }

    @Test
    void syntaxOfOtherProgramsIsNamed() {
        for (String foreign :
                List.of(
                        "(cat:1.3)",
                        "((red))",
                        "(((red, round)))",
                        "((red:1.2))",
                        "[[red]]",
                        "{{red}}",
                        "{red|green}",
                        "{red|green|blue}",
                        "(red)1.5",
                        "(red).5",
                        "(red apple)++",
                        "apple++",
                        "apple+++",
                        "embedding:easynegative",
                        "embedding:styles/ink.pt",
                        "<lora:foo:0.8>",
                        "[cat|dog]",
                        "[cat:dog:0.5]",
                        "BREAK",
                        "AND")) {
            assertThat(PromptNotes.of("prompt", List.of("a " + foreign + " here"), t -> WHOLE))
                    .containsExactly(
                            "The prompt holds "
                                    + foreign
                                    + ", which has a meaning in other programs and is read as words here.");
        }
        for (String plain :
                List.of(
                        "a cat (small)",
                        "CAT AND DOG",
                        "a red (and round) apple",
                        "a house (with a door (of wood))",
                        "a {red} apple",
                        "a sign that says C++",
                        "the logo of Notepad++, flat",
                        "a mark of A++",
                        "a label, (c)2024",
                        "f(x)1.5",
                        "an embedding: a vector",
                        "a smile :)) and a frown :((",
                        "this | that",
                        "12:30 (at noon: 12)",
                        "[cat]",
                        "a <3 cat")) {
            List<String> notes = PromptNotes.of("prompt", List.of(plain), t -> WHOLE);
            assertThat(notes).as(plain).hasSize(plain.contains("noon") ? 1 : 0);
        }
    }

    @Test
    void ofSeveralTextsEachIsNumberedAndHasOneSentence() {
        TextReading both = new TextReading(90, 75, "end", List.of("qzx"));
        assertThat(notes(WHOLE, both, WHOLE, CUT))
                .hasSize(2)
                .satisfies(n ->
                        assertThat(n.get(0))
                                .isEqualTo(
                                        "Prompt 2 has 90 tokens, of which 75 are read; lost are the words \"end\"; it has words that the tokenizer does not know and only spells out: qzx."))
                .satisfies(n -> assertThat(n.get(1)).startsWith("Prompt 4 has 80 tokens"));
    }

    @Test
    void namesAreTheCallers() {
        assertThat(
                        PromptNotes.of(
                                "negative prompt",
                                List.of("a", "b"),
                                Map.of("a", WHOLE, "b", CUT)::get))
                .singleElement()
                .asString()
                .startsWith("Negative prompt 2 has");
    }
}
