package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup make} from the command line to the file's numbers. */
class MakeCommandTest {
    @TempDir private Path folder;
    private Path a;
    private Path b;

    @BeforeEach
    void ingredients() {
        a = Checkpoints.of(folder.resolve("a.safetensors"), 1, 5);
        b = Checkpoints.of(folder.resolve("b.safetensors"), 4, 5);
    }

    private Path soup() {
        return folder.resolve("soup.safetensors");
    }

    private Set<String> names() throws IOException {
        try (Stream<Path> list = Files.list(folder)) {
            return list.map(p -> p.getFileName().toString())
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static float[] w(Path file) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            return open.floats("w");
        }
    }

    @Test
    void withoutWeightsAllCountTheSame() {
        assertThat(Run.of("make", a, b, "-o", soup()).ok().out())
                .contains("soup.safetensors: 4 weights");
        assertThat(w(soup())).containsOnly(2.5f);
    }

    /** By what they hold, wherever it lies. */
    @Test
    void theSameWeightsTwiceAreTold() throws IOException {
        assertThat(Run.of("make", a, a, b, "-o", soup()).ok().err())
                .contains(a + " is given twice, and counts twice.");
        Path copy = Files.copy(a, folder.resolve("copy.safetensors"));
        assertThat(Run.of("make", a, b, copy, "-o", soup(), "--force").ok().err())
                .contains(a + " and " + copy + " are the same weights, and count twice.");
        assertThat(Run.of("make", a, b, "-o", soup(), "--force").ok().err())
                .doesNotContain("same weights");
        Path link = Files.createSymbolicLink(folder.resolve("link"), TinyModels.sd15());
        Run folders = Run.of("make", TinyModels.sd15(), link, "-o", folder.resolve("f")).ok();
        assertThat(folders.err())
                .contains(" and " + link + " are one and the same, and count twice");
        Run merged = Run.of("merge", a, b, copy, "-o", soup(), "--force", "--no-hash-cache").ok();
        assertThat(merged.err()).contains(a + " and " + copy + " are the same weights");
    }

    @Test
    void weightsAreScaledToOne() throws IOException {
        Run run = Run.of("make", a, b, "-o", soup(), "--weights", "2,1", "--json").ok();
        assertThat(w(soup())).containsOnly(2f);
        assertThat(run.err()).isEmpty();
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.path("tensors").asInt()).isEqualTo(2);
        assertThat(
                        Stream.of(0, 1)
                                .map(i -> json.path("ingredients").path(i))
                                .map(i ->
                                        i.path("name").asText()
                                                + " "
                                                + i.path("coefficient").asText()))
                .containsExactlyInAnyOrder("a.safetensors 2/3", "b.safetensors 1/3");
    }

    @Test
    void neitherOrderNorThreadsChangeAByte() {
        Path other = folder.resolve("other.safetensors");
        Run.of("make", a, b, "-o", soup(), "--weights", "2,1").ok();
        Run.of("make", b, a, "-o", other, "--weights", "0.5,1", "--threads", 1, "-q").ok();
        assertThat(other).hasSameBinaryContentAs(soup());
    }

    @Test
    void anExistingOutputIsReplacedOnlyByForce() throws IOException {
        Files.copy(a, soup());
        Run.of("make", a, b, "-o", soup()).fails(1, "soup.safetensors", "exists", "--force");
        assertThat(soup()).hasSameBinaryContentAs(a);
        Run.of("make", a, b, "-o", soup(), "--force").ok();
        assertThat(w(soup())).containsOnly(2.5f);
    }

    @Test
    void ingredientsAreListedAsTheyWereGiven() {
        Path c = Checkpoints.of(folder.resolve("c.safetensors"), 9, 5);
        List<List<Path>> orders = List.of(List.of(a, b, c), List.of(c, b, a), List.of(b, c, a));
        for (List<Path> order : orders) {
            String out =
                    Run.of(
                                    "make",
                                    order.get(0),
                                    order.get(1),
                                    order.get(2),
                                    "-o",
                                    soup(),
                                    "--force")
                            .ok()
                            .out();
            assertThat(out.lines().skip(1).map(l -> l.replaceAll(".* ", "")))
                    .containsExactlyElementsOf(
                            order.stream().map(p -> p.getFileName().toString()).toList());
        }
    }

    @Test
    void aFailureIsOneSentenceAndLeavesNothing() throws IOException {
        Path other = Checkpoints.other(folder.resolve("other.safetensors"));
        Path later = Checkpoints.of(folder.resolve("later.safetensors"), 1, 6);
        byte[] whole = Files.readAllBytes(a);
        Path cut = folder.resolve("cut.safetensors");
        Files.write(cut, java.util.Arrays.copyOf(whole, whole.length - 3));
        Path nan = Checkpoints.of(folder.resolve("nan.safetensors"), Float.NaN, 5);
        Set<String> before = names();

        Run.of("make", a, folder.resolve("none.safetensors"), "-o", soup())
                .fails(1, "none.safetensors");
        Run.of("make", a, cut, "-o", soup()).fails(1, "cut.safetensors");
        Run.of("make", a, other, "-o", soup()).refuses("other.safetensors: no w", "missing keys");
        Run.of("make", a, later, "-o", soup()).fails(1, "steps");
        Run.of("make", a, nan, "-o", soup()).fails(1, "'w'");
        Run.of("make", a, b, "-o", a, "--force").fails(1, "a.safetensors", "ingredient");
        Run.of("make", a, TinyModels.sd15(), "-o", soup())
                .refuses("another layout", "soup convert");
        Run.of("make", a, b, "-o", soup(), "--weights", "1,0").fails(2, "above 0");
        Run.of("make", a, b, "-o", soup(), "--weights", "1,x").fails(2, "'x'");
        Run.of("make", a, b, "-o", soup(), "--weights", "1,2,3")
                .fails(2, "3 weights for 2 ingredients");
        Run.of("make", a, b, "-o", soup(), "--threads", "-1").fails(2, "--threads");
        Run.of("make", a, b, "-o", soup(), "--threads", "two").fails(2, "--threads", "two");

        assertThat(names()).isEqualTo(before);
    }

    @Test
    void foldersGiveAFolderThatInspectReads() throws IOException {
        Path out = folder.resolve("folder-soup");
        Run.of("make", TinyModels.sd15(), TinyModels.sd15(), "-o", out).ok();
        JsonNode soup = inspect(out);
        JsonNode model = inspect(TinyModels.sd15());
        assertThat(soup.path("pipeline").asText()).isEqualTo("StableDiffusionPipeline");
        assertThat(soup.path("parameters")).isEqualTo(model.path("parameters"));
        // the mean of a model and itself is the model, so only the header may differ
        assertThat(soup.findValuesAsText("weights_sha256"))
                .isNotEmpty()
                .isEqualTo(model.findValuesAsText("weights_sha256"));
        assertThat(soup.findValues("provenance")).hasSize(3);
        assertThat(model.findValues("provenance")).isEmpty();

        Run.of("make", TinyModels.sd15(), TinyModels.sd21(), "-o", folder.resolve("x"))
                .refuses("tiny-sd21", "other shapes");
        assertThat(folder.resolve("x")).doesNotExist();
    }

    private static JsonNode inspect(Path model) throws IOException {
        return new ObjectMapper().readTree(Run.of("inspect", model, "--json").ok().out());
    }

    @Test
    void byteCountsBecomeWholeMegabytesWithoutLoss() {
        List<String> told = new ArrayList<>();
        MegabyteSteps steps =
                new MegabyteSteps(
                        new Progress() {
                            @Override
                            public void start(String task, long total, String unit) {
                                told.add(task + " " + total + " " + unit);
                            }

                            @Override
                            public void advance(long units) {
                                told.add("+" + units);
                            }

                            @Override
                            public void message(String note) {}

                            @Override
                            public void close() {}
                        });
        steps.update("hashing", 900_000, 2_500_000);
        steps.update("hashing", 1_100_000, 2_500_000);
        steps.update("hashing", 2_500_000, 2_500_000);
        steps.update("averaging", 5, 5);
        assertThat(told).containsExactly("hashing 3 MB", "+0", "+1", "+2", "averaging 1 MB", "+1");
    }
}
