package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup cook} from the recipe's text to the file's numbers. */
class CookCommandTest {
    private static final String ADD =
            """
            inputs: {base: base.safetensors, tuned: tuned.safetensors}
            merge:
              add:
                to: base
                scale: 1/2
                delta: {difference: {of: tuned, from: base}}
            """;

    @TempDir private Path folder;

    @BeforeEach
    void models() {
        Checkpoints.of(folder.resolve("base.safetensors"), 1, 5);
        Checkpoints.of(folder.resolve("tuned.safetensors"), 4, 5);
    }

    private Path recipe(String yaml) throws IOException {
        return Files.writeString(folder.resolve("recipe.yaml"), yaml);
    }

    @Test
    void theSameWeightsTwiceInAMeanAreTold() throws IOException {
        Path recipe =
                recipe(
                        """
                        inputs: {p: base.safetensors, q: tuned.safetensors}
                        merge: {mean: [p, p, q]}
                        """);
        Run twice = Run.of("cook", recipe, "-o", out()).ok();
        assertThat(twice.err()).contains("p is given twice, and counts twice.");
        Path other =
                recipe(
                        """
                        inputs: {p: base.safetensors, q: tuned.safetensors}
                        merge: {mean: [p, q]}
                        """);
        assertThat(Run.of("cook", other, "-o", out(), "--force").ok().err())
                .doesNotContain("the same weights", "twice");
        // With the mark that some editors put in front.
        Files.writeString(other, "\ufeff" + Files.readString(other));
        Run.of("cook", other, "-o", out(), "--force").ok();
    }

    private Path out() {
        return folder.resolve("out.safetensors");
    }

    @Test
    void followsTheRecipe() throws IOException {
        assertThat(Run.of("cook", "--no-hash-cache", recipe(ADD), "-o", out()).ok().out())
                .contains("out.safetensors: 4 weights in 2 tensors", "  tuned  ");
        assertThat(MergeModels.values(out(), "w")).containsOnly(2.5f);
    }

    @Test
    void tellsAsJson() throws IOException {
        Run run = Run.of("cook", "--no-hash-cache", recipe(ADD), "-o", out(), "--json").ok();
        assertThat(run.err()).isEmpty();
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.path("tensors").asInt()).isEqualTo(2);
        assertThat(json.path("recipe_sha256").asText()).hasSize(64);
        assertThat(json.path("inputs").path("tuned").asText()).endsWith("tuned.safetensors");
    }

    @Test
    void threadsChangeNoByte() throws IOException {
        Path other = folder.resolve("other.safetensors");
        Run.of("cook", "--no-hash-cache", recipe(ADD), "-o", out(), "--threads", 1).ok();
        Run.of("cook", "--no-hash-cache", recipe(ADD), "-o", other, "--threads", 7).ok();
        assertThat(Files.mismatch(out(), other)).isEqualTo(-1);
    }

    @Test
    void aMeanIsWhatMakeGives() throws IOException {
        Path made = folder.resolve("made.safetensors");
        Run.of(
                        "make",
                        folder.resolve("base.safetensors"),
                        folder.resolve("tuned.safetensors"),
                        "--weights",
                        "1,2",
                        "-o",
                        made)
                .ok();
        Run.of(
                        "cook",
                        "--no-hash-cache",
                        recipe(
                                """
                                inputs: {base: base.safetensors, tuned: tuned.safetensors}
                                merge: {mean: [base, {of: tuned, weight: 2}]}
                                """),
                        "-o",
                        out())
                .ok();
        assertThat(MergeModels.values(out(), "w")).isEqualTo(MergeModels.values(made, "w"));
    }

    @Test
    void mistakesAreToldWithTheirLine() throws IOException {
        Run.of("cook", "--no-hash-cache", recipe(ADD.replace("scale:", "scael:")), "-o", out())
                .fails(1, "recipe.yaml, line 5: unknown key 'scael' in add; it has delta, scale");
        Run.of(
                        "cook",
                        "--no-hash-cache",
                        recipe(ADD.replace("    scale: 1/2", "    to: base")),
                        "-o",
                        out())
                .fails(1, "recipe.yaml, line 5: the key 'to' stands there twice");
        Run.of(
                        "cook",
                        "--no-hash-cache",
                        recipe(ADD.replace("{difference: {of: tuned, from: base}}", "tuned")),
                        "-o",
                        out())
                .fails(1, "line 6: 'tuned' are weights, and a delta is due here");
        Run.of("cook", "--no-hash-cache", recipe("inputs:\n\t- b\n"), "-o", out())
                .fails(1, "this is no YAML: while scanning", "found character '\\t(TAB)'");
        Run.of("cook", "--no-hash-cache", recipe("? [a]\n: b\n"), "-o", out())
                .fails(1, "recipe.yaml, line 1: a key has to be a plain word");
        Run.of("cook", "--no-hash-cache", recipe(ADD.replace("1/2", "[1, 2")), "-o", out())
                .fails(1, "recipe.yaml, line ");
        Run.of(
                        "cook",
                        "--no-hash-cache",
                        recipe(
                                ADD.replace("to: base", "to: &b base")
                                        .replace("from: base", "from: *b")),
                        "-o",
                        out())
                .fails(1, "line 6", "no aliases");
        Run.of("cook", "--no-hash-cache", recipe(ADD + "---\n" + ADD), "-o", out())
                .fails(1, "one recipe to a file");
        Run.of("cook", "--no-hash-cache", recipe(""), "-o", out()).fails(1, "recipe.yaml, line 1");
        assertThat(out()).doesNotExist();
    }

    @Test
    void filesAreChecked() throws IOException {
        Run.of("cook", "--no-hash-cache", folder.resolve("none.yaml"), "-o", out())
                .fails(1, "none.yaml", "no such file");
        Run.of("cook", "--no-hash-cache", recipe(ADD.replace("tuned.s", "gone.s")), "-o", out())
                .fails(1, "gone.safetensors");
        Path old = Files.copy(folder.resolve("tuned.safetensors"), out());
        byte[] before = Files.readAllBytes(old);
        Run.of("cook", "--no-hash-cache", recipe(ADD), "-o", out())
                .fails(1, "exists already", "--force");
        assertThat(out()).hasBinaryContent(before);
        Run.of("cook", "--no-hash-cache", recipe(ADD), "-o", out(), "--force").ok();
        assertThat(MergeModels.values(out(), "w")).containsOnly(2.5f);
        Checkpoints.of(folder.resolve("tuned.safetensors"), Float.NaN, 5);
        Run.of("cook", "--no-hash-cache", recipe(ADD), "-o", out(), "--force")
                .fails(1, "'w'", "tuned.safetensors holds 4 NaN and 0 infinite values out of 4");
        Checkpoints.of(folder.resolve("tuned.safetensors"), 4, 6);
        Run.of("cook", "--no-hash-cache", recipe(ADD), "-o", out(), "--force")
                .fails(1, "'steps' is I64 and differs");
        assertThat(MergeModels.values(out(), "w")).containsOnly(2.5f);
    }
}
