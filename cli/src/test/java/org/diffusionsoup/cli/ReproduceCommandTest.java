package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup reproduce}: soups and merges made again from their headers. */
class ReproduceCommandTest {
    @TempDir private Path folder;
    private Path work;
    private Path elsewhere;

    @BeforeEach
    void folders() throws IOException {
        work = Files.createDirectory(folder.resolve("work"));
        elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    }

    private Path soupOfFiles(Object... more) {
        Path a = MergeModels.file(work.resolve("a.safetensors"), 1);
        Path b = MergeModels.file(work.resolve("b.safetensors"), 2);
        Path soup = work.resolve("soup.safetensors");
        Run.of(
                        Stream.concat(
                                        Stream.of("make", a, b, "-o", soup, "--weights", "2,1"),
                                        Stream.of(more))
                                .toArray())
                .ok();
        return soup;
    }

    private Path soupOfFolders() throws IOException {
        Path a = MergeModels.folder(work.resolve("a"), 1);
        Path b = MergeModels.folder(work.resolve("b"), 2);
        Path soup = work.resolve("soup");
        Run.of("make", a, b, "-o", soup, "--weights", "1,3").ok();
        return soup;
    }

    /** What the recipe names is no more written into than what the line names. */
    @Test
    void nothingIsMadeInsideAnInput() throws IOException {
        Path soup = soupOfFolders();
        for (Path in : List.of(soup, work.resolve("a"))) {
            Run.of("reproduce", soup, "--inputs", work, "-o", in.resolve("unet/r"))
                    .fails(1, "Cannot write to", "lies inside", "name another --out");
            assertThat(in.resolve("unet/r")).doesNotExist();
        }
        Run.of("reproduce", soup, "--inputs", work, "-o", work.resolve("again")).ok();
    }

    @Test
    void aSoupOfFilesThatWereRenamedAndMoved() throws IOException {
        Path soup = soupOfFiles();
        Files.createDirectories(elsewhere.resolve("deep/er"));
        Files.move(work.resolve("a.safetensors"), elsewhere.resolve("deep/er/x.safetensors"));
        Files.move(work.resolve("b.safetensors"), elsewhere.resolve("y.safetensors"));
        MergeModels.file(elsewhere.resolve("unrelated.safetensors"), 9);
        Files.writeString(elsewhere.resolve("broken.safetensors"), "no such thing");
        Run run = Run.of("reproduce", soup, "--inputs", elsewhere).ok();
        assertThat(run.out())
                .contains("a.safetensors  " + elsewhere.resolve("deep/er/x.safetensors"))
                .contains("b.safetensors  " + elsewhere.resolve("y.safetensors"))
                .contains("soup.safetensors: identical");
        try (Stream<Path> left = Files.list(work)) {
            assertThat(left.map(Path::getFileName).map(Path::toString))
                    .as("nothing is left behind")
                    .containsExactly("soup.safetensors");
        }
    }

    @Test
    void theFolderThatTheSoupLiesInIsSearchedByItself() {
        assertThat(Run.of("reproduce", soupOfFiles(), "-q").ok().out()).contains(": identical");
    }

    @Test
    void aSoupOfFolders() throws IOException {
        Path soup = soupOfFolders();
        Path out = folder.resolve("again");
        Run run = Run.of("reproduce", soup, "-o", out, "--json").ok();
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.path("identical").asBoolean()).isTrue();
        assertThat(json.path("files").size()).isEqualTo(5);
        assertThat(json.path("files").path("vae/diffusion_pytorch_model.safetensors").asText())
                .isEqualTo("identical");
        assertThat(
                        Files.mismatch(
                                out.resolve("unet/diffusion_pytorch_model.safetensors"),
                                soup.resolve("unet/diffusion_pytorch_model.safetensors")))
                .isEqualTo(-1);
        Run.of("reproduce", soup, "-o", out).fails(1, "again exists already");
    }

    @Test
    void whatAnIngredientLeftByTheSumIsASoupOfTheRest() {
        Path a = MergeModels.file(work.resolve("a.safetensors"), 1);
        Path b = MergeModels.file(work.resolve("b.safetensors"), 2);
        Path c = MergeModels.file(work.resolve("c.safetensors"), 3);
        Path soup = work.resolve("soup.safetensors");
        Run.of("merge", a, b, c, "-o", soup, "--keep-sum", "--no-hash-cache").ok();
        Path less = work.resolve("less.safetensors");
        Run.of("adjust", soup, "--remove", b, "-o", less, "--no-hash-cache").ok();
        Run run = Run.of("reproduce", less, "-q").ok();
        assertThat(run.out())
                .contains("less.safetensors: identical")
                .contains("a.safetensors", "c.safetensors")
                .doesNotContain("b.safetensors");
        Path guess = work.resolve("guess.safetensors");
        Run.of("adjust", soup, "--remove", b, "--approximate", "-o", guess, "--no-hash-cache").ok();
        Run.of("reproduce", guess, "-q").fails(1, "was not averaged or merged");
    }

    @Test
    void aMergeOfFolders() throws IOException {
        MergeModels.folder(work.resolve("base"), 1);
        MergeModels.folder(work.resolve("tuned"), 2);
        Path recipe =
                Files.writeString(
                        work.resolve("r.yaml"),
                        """
                        inputs: {base: base, tuned: tuned}
                        merge:
                          add:
                            to: base
                            scale: {blocks: [{match: unet.*, value: 1/2}], default: 0}
                            delta:
                              dare: {drop: 0.5, seed: 3, delta: {difference: {of: tuned, from: base}}}
                        """);
        Path merged = work.resolve("merged");
        Run.of("cook", "--no-hash-cache", recipe, "-o", merged).ok();
        Files.move(work.resolve("tuned"), elsewhere.resolve("renamed"));
        Run.of("reproduce", merged, "--inputs", work, elsewhere)
                .ok()
                .out()
                .lines()
                .forEach(line -> assertThat(line).doesNotContain("differs"));
        assertThat(
                        MergeModels.values(
                                merged.resolve("vae/diffusion_pytorch_model.safetensors"),
                                "up_blocks.0.w"))
                .isEqualTo(
                        MergeModels.values(
                                work.resolve("base/vae/diffusion_pytorch_model.safetensors"),
                                "up_blocks.0.w"));
    }

    @Test
    void missingInputsAreNamedWithTheirHashes() throws IOException {
        Path soup = soupOfFiles();
        String hash = Hashes.sha256(work.resolve("b.safetensors"));
        Files.delete(work.resolve("b.safetensors"));
        Run.of("reproduce", soup, "-q")
                .fails(
                        1,
                        "1 of 2 inputs not found",
                        "b.safetensors (sha256 " + hash + ")",
                        "--inputs");
        Run.of("reproduce", soup, "-q", "--inputs", folder.resolve("none")).fails(1, "no", "none");
    }

    @Test
    void aChangedWeightDiffers() {
        Path soup = soupOfFiles();
        rewrite(soup, 1, Map.of());
        Run run = Run.of("reproduce", soup, "-q");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).contains("soup.safetensors: differs").doesNotContain("header");
    }

    @Test
    void aChangedHeaderIsToldFromChangedWeights() {
        Path soup = soupOfFiles();
        rewrite(soup, 0, Map.of("soup.version", "0.0.1"));
        Run run = Run.of("reproduce", soup, "-q");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out())
                .contains("differs in the header only, the weights are identical")
                .contains("made by version 0.0.1");
    }

    @Test
    void aChangedConfigurationDiffers() throws IOException {
        Path soup = soupOfFolders();
        Files.writeString(soup.resolve("unet/config.json"), "{\"changed\": true}");
        Run run = Run.of("reproduce", soup, "-q");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out())
                .contains("unet/config.json: differs")
                .contains("unet/diffusion_pytorch_model.safetensors: identical");
    }

    @Test
    void whatHasNoRecipeToFollowIsRefused() {
        Path plain = MergeModels.file(work.resolve("plain.safetensors"), 1);
        Run.of("reproduce", plain).fails(1, "no recipe in its header");
        Path soup = soupOfFiles();
        rewrite(soup, 0, Map.of("soup.recipe", "{\"method\":\"fine-tuning\"}"));
        Run.of("reproduce", soup).fails(1, "was not averaged or merged", "'fine-tuning'");
        rewrite(
                soup,
                0,
                Map.of(
                        "soup.recipe",
                        "{\"method\":\"weighted average\",\"spice\":\"1\",\"ingredients\":[]}"));
        Run.of("reproduce", soup).fails(1, "'spice'", "cannot make again");
        rewrite(soup, 0, Map.of("soup.recipe", "{"));
        Run.of("reproduce", soup).fails(1, "not valid JSON");
    }

    /** Its text encoder is the base's, of whose recipe nobody asked. */
    @Test
    void anIngredientIsMadeAgainByItsTraining() throws IOException {
        Path ingredient = work.resolve("ingredient");
        Path shard = TinyTraining.shard(work.resolve("a.tar"), 3, 16, "train");
        Object[] train = {
            "train",
            "--base",
            TinyTraining.BASE,
            "--shard",
            shard,
            "--out",
            ingredient,
            "--steps",
            1
        };
        Run.of(train).ok();
        Path encoder = ingredient.resolve("text_encoder/model.safetensors");
        try (SafetensorsFile open = SafetensorsFile.open(encoder)) {
            SafetensorsWriter.write(
                    encoder,
                    Map.of("soup.version", "1", "soup.recipe", "{\"method\":\"pretrain\"}"),
                    open.tensors().keySet().stream().map(name -> copy(open, name)).toList());
        }
        Run run = Run.of("reproduce", ingredient);
        run.fails(1, "is an ingredient: its unet was trained by 'soup train'", "'fine-tune'");
        assertThat(run.err()).contains("The same 'soup train'").doesNotContain("pretrain");
    }

    /** Writes a file anew with a number added to its weights and other metadata. */
    private static void rewrite(Path file, float add, Map<String, String> metadata) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            Map<String, String> all = new TreeMap<>(open.metadata());
            all.putAll(metadata);
            float[] up = open.floats("up_blocks.0.w");
            up[7] += add;
            List<TensorEntry> tensors =
                    List.of(
                            TensorEntry.ofFloats("up_blocks.0.w", new long[] {up.length}, up),
                            copy(open, "down_blocks.0.w"),
                            copy(open, "steps"));
            SafetensorsWriter.write(file, all, tensors);
        }
    }

    private static TensorEntry copy(SafetensorsFile file, String name) {
        return new TensorEntry(
                name,
                file.tensor(name).dtype(),
                file.tensor(name).shape(),
                TensorBytes.of(file.data(name)));
    }
}
