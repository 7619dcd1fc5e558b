package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every recipe of docs/recipes.md is cooked and then made again from its header. */
class RecipesDocTest {
    private static final Path DOCUMENT =
            Path.of("..").toAbsolutePath().normalize().resolve("docs/recipes.md");
    private static final Pattern YAML = Pattern.compile("(?ms)^```yaml\n(.*?)^```$");

    @TempDir private Path folder;

    @BeforeEach
    void models() throws IOException {
        MergeModels.file(folder.resolve("trial-base.safetensors"), 1);
        MergeModels.file(folder.resolve("trial-animals.safetensors"), 2);
        MergeModels.file(folder.resolve("trial-food.safetensors"), 3);
        MergeModels.file(folder.resolve("inpainting.safetensors"), 8);
        MergeModels.file(folder.resolve("custom.safetensors"), 9);
        MergeModels.fisher(folder.resolve("animals-fisher.safetensors"), 4);
        MergeModels.fisher(folder.resolve("food-fisher.safetensors"), 5);
        MergeModels.folder(folder.resolve("animals"), 6);
        MergeModels.folder(folder.resolve("food"), 7);
    }

    private static List<String> recipes() throws IOException {
        List<String> found = new ArrayList<>();
        Matcher m = YAML.matcher(Files.readString(DOCUMENT));
        while (m.find()) {
            found.add(m.group(1));
        }
        return found;
    }

    @Test
    void everyMethodHasAnExample() throws IOException {
        String all = String.join("\n", recipes());
        for (String word :
                List.of(
                        "mean",
                        "add",
                        "difference",
                        "sum",
                        "slerp",
                        "ties",
                        "dare",
                        "fisher",
                        "blocks",
                        "match",
                        "regex")) {
            assertThat(all).contains(word + ":");
        }
    }

    @TestFactory
    Stream<DynamicTest> recipesWork() throws IOException {
        List<String> recipes = recipes();
        return IntStream.range(0, recipes.size())
                .mapToObj(
                        i -> DynamicTest.dynamicTest("recipe " + i, () -> cook(i, recipes.get(i))));
    }

    private void cook(int number, String yaml) throws IOException {
        Path recipe = Files.writeString(folder.resolve("recipe" + number + ".yaml"), yaml);
        boolean folders = yaml.contains("unet");
        Path out = folder.resolve("out" + number + (folders ? "" : ".safetensors"));
        Run.of("cook", "--no-hash-cache", recipe, "-o", out).ok();
        Path weights = folders ? out.resolve("unet/diffusion_pytorch_model.safetensors") : out;
        assertThat(MergeModels.values(weights, "down_blocks.0.w"))
                .isNotEqualTo(
                        MergeModels.values(
                                folder.resolve("trial-animals.safetensors"), "down_blocks.0.w"));
        assertThat(Run.of("reproduce", out, "-q").ok().out()).contains(": identical");
    }
}
