package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptTableTest {
    @TempDir private Path folder;

    private List<String> read(String name, String text) throws IOException {
        Path file = Files.writeString(folder.resolve(name), text);
        assertThat(PromptTable.isOne(file)).isTrue();
        return PromptTable.read(file);
    }

    private void refused(String name, String text, String why) {
        assertThatThrownBy(() -> read(name, text))
                .isInstanceOf(SoupException.class)
                .hasMessage(folder.resolve(name) + " " + why);
    }

    @Test
    void partiPromptsAreAColumnBetweenTabs() throws IOException {
        assertThat(
                        read(
                                "parti.tsv",
                                "Prompt\tCategory\tChallenge\tNote\r\n"
                                        + "a red apple, on a plate\tFood\tSimple\t\r\n"
                                        + "\"the word \"\"soup\"\"\"\tText\tSimple\tx\r\n"
                                        + "a sign that says \"no\"\tText\tSimple\r\n"))
                .containsExactly(
                        "a red apple, on a plate", "the word \"soup\"", "a sign that says \"no\"");
    }

    @Test
    void drawBenchIsAColumnBetweenCommas() throws IOException {
        assertThat(read("draw.CSV", "\ufeffPrompts,Category\n\"A cat, red\",Colors\n# 7,x\n"))
                .containsExactly("A cat, red", "# 7");
        assertThat(read("both.csv", "caption,prompt\nlong,short\n")).containsExactly("short");
        assertThat(read("none.csv", "prompt\n")).isEmpty();
    }

    @Test
    void captionsOfCocoAreAllOfItsAnnotations() throws IOException {
        assertThat(
                        read(
                                "captions_val2014.json",
                                """
                                {"info": {"description": "COCO"}, "images": [{"id": 9}], "licenses": [],
                                 "annotations": [
                                   {"image_id": 9, "id": 1, "caption": "A bicycle  by a door.\\n"},
                                   {"image_id": 9, "id": 2, "caption": "A bicycle\\nby a door."}]}
                                """))
                .containsExactly("A bicycle  by a door.", "A bicycle by a door.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "list.json | [\"a\", \"b\"]",
                "objects.json | [{\"id\": 1, \"caption\": \"a\"}, {\"text\": \"b\"}]",
                "field.json | {\"seed\": 1, \"prompts\": [\"a\", {\"prompt\": \"b\"}]}",
                "names.json | {\"x1\": {\"category\": \"c\", \"prompt\": \"a\"}, \"x2\": {\"prompt\": \"b\"}}",
                "nested.json | [{\"captions\": [\"a\", \"b\"]}]"
            })
    void jsonIsTakenByItsFields(String name, String json) throws IOException {
        assertThat(read(name, json)).containsExactly("a", "b");
    }

    @Test
    void jsonOfALineEach() throws IOException {
        assertThat(read("p.jsonl", "{\"prompt\": \"a\", \"seed\": 3}\r\n\n\"b\"\n"))
                .containsExactly("a", "b");
        assertThat(read("p.ndjson", "{\"text\": \"a\"}")).containsExactly("a");
    }

    @Test
    void whatNamesNoPromptsIsRefusedByItsPlace() {
        refused(
                "p.csv",
                "a red apple, on a plate\na pear\n",
                "names no column prompt, caption or text in its first line, which has"
                        + " 'a red apple', ' on a plate'; name the column of prompts so, or write one"
                        + " prompt a line into a .txt file");
        refused(
                "q.csv",
                "id,prompt\n1,a\n2\n",
                "line 3 ends before the column of prompts; add what is missing");
        refused(
                "r.csv",
                "id,prompt\n1,\" \"\n",
                "line 2 has an empty prompt; fill it in or take it out");
        refused("s.csv", "prompt\n\"a\n", "line 2 opens a quote that is never closed");
        String none =
                " has no prompt, caption or text; name the prompts so, or write one a line into a .txt file";
        refused("a.json", "[{\"prompt\": \"a\"}, {\"category_id\": 3}]", "entry 2" + none);
        refused("b.json", "{\"annotations\": [{\"bbox\": 1}]}", "annotations entry 1" + none);
        refused("c.json", "[7]", "entry 1" + none);
        refused("e.json", "{\"x\": \"a\"}", none.strip());
        refused("f.json", "[\"a\"", "is not valid JSON");
        refused("g.jsonl", "\"a\"\n{\"prompt\": null}\n", "line 2" + none);
    }

    @Test
    void whatJacksonWritesIsReadBack() throws IOException {
        for (long seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            List<String> texts =
                    IntStream.range(0, 1 + random.nextInt(5))
                            .mapToObj(i -> "x" + letters(random) + "y")
                            .toList();
            String json = JsonMappers.PLAIN.writeValueAsString(texts);
            assertThat(read("t.json", json)).as("seed %d", seed).isEqualTo(texts);
            Csv csv = Csv.table("id,prompt");
            texts.forEach(t -> csv.row(1, t));
            assertThat(read("t.csv", csv.text())).as("seed %d", seed).isEqualTo(texts);
        }
    }

    private static String letters(Random random) {
        String some = "ab ,\"\t#{}[]:é漢😀;\\'";
        int[] points = some.codePoints().toArray();
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(12); i > 0; i--) {
            text.appendCodePoint(points[random.nextInt(points.length)]);
        }
        return text.toString();
    }
}
