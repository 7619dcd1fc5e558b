package org.diffusionsoup.core.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The type of recipes, and recipes of all methods as headers had them before there was one. */
class SoupRecipeTest {
    private static final Path GOLDENS = Path.of("src/test/resources/recipes");

    /**
     * What the CLI wrote (see cli's RecipeGoldensTest), and headers of the models in this folder.
     */
    static Stream<Path> goldens() throws IOException {
        try (Stream<Path> files = Files.list(GOLDENS)) {
            List<Path> all = files.sorted().toList();
            assertThat(all).hasSizeGreaterThan(20);
            return all.stream();
        }
    }

    @ParameterizedTest
    @MethodSource("goldens")
    void goldensStayReadable(Path file) throws IOException {
        SoupRecipe recipe = new SoupRecipe(Files.readString(file));
        assertThat(recipe.isJson()).isTrue();
        SoupRecipe.Parsed parsed = recipe.parse(file);
        assertThat(parsed.keys().iterator().next()).isEqualTo(SoupRecipe.METHOD);
        assertThat(parsed.method()).isNotEmpty();
        assertThat(recipe.isOf(parsed.method())).isTrue();
        assertThat(recipe.isOf(parsed.method() + "s")).isFalse();
        Map<String, String> header = Provenance.of(recipe).writeTo(Map.of("format", "pt"));
        assertThat(header).containsEntry("soup.recipe", Files.readString(file));
        assertThat(Provenance.readFrom(header).map(Provenance::recipe)).contains(recipe);
        boolean average = parsed.method().equals(SoupRecipe.AVERAGE);
        assertThat(parsed.has(SoupRecipe.INGREDIENTS)).isEqualTo(average);
        assertThat(parsed.ingredients().isEmpty()).isNotEqualTo(average);
        for (SoupRecipe.Ingredient i : parsed.ingredients()) {
            assertThat(i.name()).isPresent();
            assertThat(i.sha256().orElseThrow()).matches("[0-9a-f]{64}");
            assertThat(Coefficient.parse(i.coefficient().orElseThrow()).numerator()).isPositive();
        }
    }

    @Test
    void wordsOfAGoldenOfUnlikeIngredients() throws IOException {
        SoupRecipe.Parsed unlike =
                new SoupRecipe(Files.readString(GOLDENS.resolve("unlike.json"))).parse("x");
        assertThat(unlike.word(SoupRecipe.FIRST_NAME)).isEqualTo("é \"three\".safetensors");
        assertThat(unlike.word("on_extra")).isEqualTo("keep");
        assertThat(unlike.has(SoupRecipe.COPIED)).isTrue();
        assertThat(unlike.ingredients())
                .extracting(i -> i.name().orElseThrow())
                .contains("one.safetensors");
    }

    /** Whatever the texts are, they are read as they were written, and written without spaces. */
    @Test
    void whatIsWrittenIsRead() {
        Random random = new Random(20261130);
        for (int run = 0; run < 300; run++) {
            Map<String, String> fields = new LinkedHashMap<>();
            for (int i = random.nextInt(5); i > 0; i--) {
                fields.put("k" + i + text(random), text(random));
            }
            List<SoupRecipe.Ingredient> in = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                in.add(
                        new SoupRecipe.Ingredient(
                                Optional.of(text(random)),
                                Optional.of("0".repeat(64)),
                                Optional.of("1/" + (i + 1))));
            }
            String method = text(random);
            SoupRecipe recipe =
                    SoupRecipe.write(
                            method,
                            g -> {
                                for (var e : fields.entrySet()) {
                                    g.writeStringField(e.getKey(), e.getValue());
                                }
                                g.writeArrayFieldStart(SoupRecipe.INGREDIENTS);
                                for (SoupRecipe.Ingredient i : in) {
                                    g.writeStartObject();
                                    g.writeStringField(SoupRecipe.NAME, i.name().orElseThrow());
                                    g.writeStringField(SoupRecipe.SHA256, i.sha256().orElseThrow());
                                    g.writeStringField(
                                            SoupRecipe.COEFFICIENT, i.coefficient().orElseThrow());
                                    g.writeEndObject();
                                }
                                g.writeEndArray();
                            });
            SoupRecipe.Parsed read = new SoupRecipe(recipe.text()).parse("x");
            assertThat(read.method()).isEqualTo(method);
            fields.forEach((k, v) -> assertThat(read.word(k)).isEqualTo(v));
            assertThat(read.ingredients()).isEqualTo(in);
        }
    }

    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(8); i > 0; i--) {
            text.appendCodePoint(
                    "a1 \"\\/\n\u0001é\u2028,{}😀".codePoints().toArray()[random.nextInt(14)]);
        }
        return text.toString();
    }

    @Test
    void laterVersionsAreRefusedAndTheirTextIsKept() {
        for (String version : List.of("2", "1.5", "\"1\"", "null")) {
            String text = "{\"method\":\"weighted average\",\"recipe_version\":" + version + "}";
            SoupRecipe later = new SoupRecipe(text);
            assertThatThrownBy(() -> later.parse("m.safetensors"))
                    .as(version)
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("The recipe in m.safetensors is of version")
                    .hasMessageContaining("reads version 1; take a later one");
            assertThat(later.isJson()).isTrue();
            assertThat(later.isOf(SoupRecipe.AVERAGE)).isFalse();
            assertThat(later.text()).isEqualTo(text);
        }
        assertThat(new SoupRecipe("{\"method\":\"x\",\"recipe_version\":1}").isOf("x")).isTrue();
    }

    @Test
    void whatIsNoRecipe() {
        for (String text : List.of("", "{", "[]", "\"fine-tune\"", "{\"a\":1,\"a\":2}")) {
            SoupRecipe none = new SoupRecipe(text);
            assertThat(none.isJson()).as(text).isFalse();
            assertThat(none.isOf("")).isFalse();
            assertThatThrownBy(() -> none.parse("m.safetensors"))
                    .as(text)
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("The recipe in m.safetensors");
        }
        SoupRecipe.Parsed odd =
                new SoupRecipe("{\"ingredients\":[7],\"n\":7,\"b\":true}").parse("m");
        assertThat(odd.method()).isEmpty();
        assertThat(odd.word("n")).isEqualTo("7");
        assertThat(odd.word("b")).isEqualTo("true");
        assertThat(odd.word(SoupRecipe.INGREDIENTS)).isEmpty();
        assertThatThrownBy(odd::ingredients).hasMessageContaining("no object");
        assertThat(new SoupRecipe("{\"ingredients\":{}}").parse("m").ingredients()).isEmpty();
    }
}
