package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that are run from whatever file they lie in. */
@ResourceLock("soup.cache")
class AnyFileModelsTest {
    @TempDir Path folder;

    private Path cache;

    @BeforeEach
    void ownCache() {
        Torch.setThreads(1);
        cache = folder.resolve("cache");
        System.setProperty("soup.cache", cache.toString());
    }

    @AfterEach
    void noOwnCache() {
        System.clearProperty("soup.cache");
    }

    private static Path model(String name) {
        return switch (name) {
            case "sd15" -> TinyModels.sd15();
            case "sd21" -> TinyModels.sd21();
            default -> TinyModels.sdxl();
        };
    }

    private byte[] picture(Path model) throws IOException {
        Path png = Files.createTempFile(folder, "p", ".png");
        Files.delete(png);
        Run.of("generate", "--model", model, "--prompt", "a cat", "--steps", 2, "-q", "-o", png)
                .ok();
        return PngCodec.decode(Files.readAllBytes(png), png.toString()).pixels();
    }

    private List<Path> copies() throws IOException {
        try (Stream<Path> all = Files.list(cache.resolve("models"))) {
            return all.toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"sd15", "sd21", "sdxl"})
    void aSingleFileDrawsWhatItsFolderDraws(String name) throws IOException {
        Path single = folder.resolve("my model.v1.safetensors");
        Run.of("convert", model(name), "-o", single).ok();
        byte[] wanted = picture(model(name));
        assertThat(picture(single)).isEqualTo(wanted);
        assertThat(copies()).hasSize(1);
        assertThat(picture(single)).isEqualTo(wanted);
        assertThat(copies()).as("the copy is found again").hasSize(1);
        Run named =
                Run.of(
                                "generate",
                                "--model",
                                single,
                                "--prompt",
                                "a cat",
                                "--steps",
                                1,
                                "-o",
                                folder.resolve("named.png"))
                        .ok();
        assertThat(named.out()).contains("my model.v1: ");
    }

    @Test
    void anEvaluationScoresASingleFileAsItsFolder() throws IOException {
        Path single = folder.resolve("one.safetensors");
        Run.of("convert", TinyModels.sd15(), "-o", single).ok();
        Path recipe = folder.resolve("r.yaml");
        Files.writeString(
                recipe,
                """
                models:
                  file: %s
                  folder: %s
                prompts: {list: [a cat, a red apple]}
                sampler: {steps: 1}
                judges:
                  CLIP: {clip: %s}
                """
                        .formatted(single, TinyModels.sd15(), TinyModels.clip()));
        Path out = folder.resolve("out");
        Run.of("evaluate", recipe, "-o", out).ok();
        JsonNode rows =
                new ObjectMapper()
                        .readTree(out.resolve("results.json").toFile())
                        .at("/judges/0/models");
        assertThat(rows.get(0).path("values")).isEqualTo(rows.get(1).path("values"));
    }

    @Test
    void aFileThatHasChangedIsCopiedAnew() throws IOException {
        Path single = folder.resolve("m.safetensors");
        Run.of("convert", TinyModels.sd15(), "-o", single).ok();
        Object[] draw = {"generate", "--model", single, "--prompt", "cat", "--steps", 1, "-o"};
        List<Object> words = new ArrayList<>(Arrays.asList(draw));
        words.add(folder.resolve("first.png"));
        assertThat(Run.of(words.toArray()).ok().err())
                .containsPattern("so a copy of [\\d.]+ [kM]B was made in .*; later runs use it");
        assertThat(Run.of(words.toArray()).ok().err()).doesNotContain("a copy of");
        byte[] before = picture(single);
        Run.of("convert", TinyModels.sd21(), "-o", single, "--force").ok();
        assertThat(picture(single)).isNotEqualTo(before).isEqualTo(picture(TinyModels.sd21()));
    }

    @Test
    void weightsOfAVariantAloneAreRun() throws IOException {
        Path whole = TinyModels.sd15();
        Path variant = folder.resolve("variant");
        copy(whole, variant);
        try (Stream<Path> files = Files.walk(variant)) {
            for (Path f : files.filter(f -> f.toString().endsWith(".safetensors")).toList()) {
                String name = f.getFileName().toString();
                Files.move(f, f.resolveSibling(name.replace(".safetensors", ".fp16.safetensors")));
            }
        }
        assertThat(picture(variant)).isEqualTo(picture(whole));
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path f : files.filter(Files::isRegularFile).toList()) {
                Path target = to.resolve(from.relativize(f).toString());
                Files.createDirectories(target.getParent());
                Files.copy(f, target);
            }
        }
    }

    private static String part(String stem, int n) {
        return "%s-0000%d-of-00002.safetensors".formatted(stem, n + 1);
    }

    @Test
    void weightsInSeveralFilesAreRun() throws IOException {
        Path whole = TinyModels.sd15();
        Path sharded = folder.resolve("sharded");
        copy(whole, sharded);
        String stem = "diffusion_pytorch_model";
        Path file = sharded.resolve("unet").resolve(stem + ".safetensors");
        StringBuilder map = new StringBuilder();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            List<List<TensorEntry>> parts = List.of(new ArrayList<>(), new ArrayList<>());
            for (TensorInfo t : f.tensors().values()) {
                int n = parts.get(0).size() < 20 ? 0 : 1;
                parts.get(n)
                        .add(
                                new TensorEntry(
                                        t.name(),
                                        t.dtype(),
                                        t.shape(),
                                        TensorBytes.of(f.data(t.name()))));
                map.append(map.isEmpty() ? "" : ",")
                        .append("\"%s\":\"%s\"".formatted(t.name(), part(stem, n)));
            }
            for (int n = 0; n < 2; n++) {
                Path to = file.resolveSibling(part(stem, n));
                SafetensorsWriter.write(to, Map.of("format", "pt"), parts.get(n));
            }
        }
        Files.delete(file);
        Files.writeString(
                file.resolveSibling(stem + ".safetensors.index.json"),
                "{\"metadata\":{},\"weight_map\":{" + map + "}}");
        assertThat(picture(sharded)).isEqualTo(picture(whole));
    }

    @Test
    void aSingleFileIsFineTunedAndScored() throws IOException {
        Path base = Path.of("..", "models", "emoji-base");
        Path single = folder.resolve("base.safetensors");
        Run.of("convert", base, "-o", single).ok();
        Path out = folder.resolve("trained");
        Path same = folder.resolve("same");
        String shard = Path.of("..", "shards", "emoji") + "#subject=cat";
        for (Object[] from : new Object[][] {{single, out}, {base, same}}) {
            Run.of(
                            "train", "--base", from[0], "--shard", shard, "--steps", 1, "--batch",
                            2, "-q", "--out", from[1])
                    .ok();
        }
        assertThat(WeightsHash.of(out)).isEqualTo(WeightsHash.of(same));
        Run.of(
                        "score", "--loss", "--model", single, "--model", out, "--shard", shard,
                        "--split", "train", "-q")
                .ok();
    }

    @Test
    void aFileThatIsNoWholeModelIsRefusedAndLeavesNothing() throws IOException {
        Path unet =
                TinyModels.sd15().resolve("unet").resolve("diffusion_pytorch_model.safetensors");
        Run.of("generate", "--model", unet, "--prompt", "x", "-q", "-o", folder.resolve("x.png"))
                .fails(1, unet.toString());
        assertThat(Files.exists(cache.resolve("models")) ? copies() : List.of()).isEmpty();
    }
}
