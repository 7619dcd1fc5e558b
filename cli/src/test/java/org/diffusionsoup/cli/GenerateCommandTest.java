package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureMetadata;
import org.diffusionsoup.image.png.PngFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code soup generate} from the command line to the files' bytes, on tiny models. */
class GenerateCommandTest {
    private static final Path MODEL = TinyModels.sd15();

    @TempDir Path folder;

    /** Tiny tensors: a second thread only waits. */
    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private Path out(String name) {
        return folder.resolve(name);
    }

    private static RgbImage read(Path file) throws IOException {
        return PngCodec.decode(Files.readAllBytes(file), file.toString());
    }

    private static int difference(RgbImage a, RgbImage b) {
        assertThat(b.pixels()).hasSameSizeAs(a.pixels());
        int most = 0;
        for (int i = 0; i < a.pixels().length; i++) {
            most = Math.max(most, Math.abs((a.pixels()[i] & 255) - (b.pixels()[i] & 255)));
        }
        return most;
    }

    @Test
    void onePictureIsWrittenAsItIsWithItsSettings() throws IOException {
        Run.of(
                        "generate",
                        "--model",
                        MODEL,
                        "--prompt",
                        "noto red apple – ünïcode",
                        "--seed",
                        7,
                        "--steps",
                        2,
                        "--guidance",
                        2.5,
                        "--negative",
                        "blurry",
                        "--scheduler",
                        "ddim",
                        "-o",
                        out("a.png"))
                .ok();
        RgbImage picture = read(out("a.png"));
        assertThat(picture.width()).isEqualTo(64);
        assertThat(picture.height()).isEqualTo(64);
        Map<String, String> text = PngFiles.readText(out("a.png"));
        String hash = WeightsHash.of(MODEL.resolve("unet/diffusion_pytorch_model.safetensors"));
        assertThat(PictureMetadata.fromText(text))
                .contains(
                        new PictureMetadata(
                                "noto red apple – ünïcode",
                                "blurry",
                                7,
                                hash,
                                2.5,
                                "DDIMScheduler",
                                2));
        assertThat(text)
                .containsEntry("soup_version", SoupVersion.current())
                .containsEntry("model", "tiny-sd15");
    }

    /** As in {@code --model "$(a command that failed)"}. */
    @Test
    void anEmptyModelIsRefusedByItsFlag() {
        Run.of("generate", "--model", "", "--prompt", "cat", "-o", folder.resolve("x.png"))
                .fails(2, "--model", "it is empty");
        Run.of("inspect", "").fails(2, "MODEL", "it is empty");
        Run.of("audit", "--model", "", "--shard", "s.tar", "--judge", folder)
                .fails(2, "--model is empty");
    }

    @Test
    void weightsInHalfTheMemoryAreSaidAndOthersRefused() throws IOException {
        Object[] command = {"generate", "--model", MODEL, "--prompt", "cat", "--steps", 2, "-o"};
        Run.of(with(command, out("wide.png"))).ok();
        assertThat(PngFiles.readText(out("wide.png"))).doesNotContainKey("weights_dtype");
        Run half = Run.of(with(command, out("half.png"), "--dtype", "bf16", "--json")).ok();
        JsonNode json = new ObjectMapper().readTree(half.out());
        assertThat(json.path("dtype").asText()).isEqualTo("BF16");
        assertThat(json.path("notes").get(0).asText())
                .isEqualTo(
                        "The weights are rounded from F32, as files have them, to BF16; pictures differ from those of --dtype F32.");
        assertThat(PngFiles.readText(out("half.png"))).containsEntry("weights_dtype", "BF16");
        assertThat(read(out("half.png"))).isNotEqualTo(read(out("wide.png")));
        for (String wrong : new String[] {"quarter", "F64"}) {
            Run.of(with(command, out("none.png"), "--dtype", wrong))
                    .fails(2, "--dtype", "F32, F16, BF16", "'" + wrong + "'");
        }
        assertThat(out("none.png")).doesNotExist();
    }

    @Test
    void widthAndHeightMayDiffer() throws IOException {
        Object[] command = {
            "generate", "--model", MODEL, "--prompt", "cat", "--steps", 2, "--size", "96x48", "-o"
        };
        Run.of(with(command, out("a.png"))).ok();
        assertThat(read(out("a.png")).width()).isEqualTo(96);
        assertThat(read(out("a.png")).height()).isEqualTo(48);
        Run.of(with(command, out("b.png"), "--seeds", "0,1", "--each", out("each"))).ok();
        List<Path> singles;
        try (Stream<Path> files = Files.list(out("each"))) {
            singles = files.sorted().toList();
        }
        assertThat(singles).hasSize(2);
        // the same noise as alone: only the last bits before rounding may differ in a batch
        assertThat(difference(read(singles.getFirst()), read(out("a.png")))).isLessThan(3);
    }

    private static Object[] with(Object[] command, Object... more) {
        return Stream.concat(Stream.of(command), Stream.of(more)).toArray();
    }

    @Test
    void theSameCommandGivesTheSameBytesAndAnotherSeedOthers() throws IOException {
        for (String name : List.of("a.png", "b.png")) {
            Run.of(
                            "generate",
                            "--model",
                            MODEL,
                            "--prompt",
                            "cat",
                            "--seed",
                            1,
                            "--steps",
                            2,
                            "--scheduler",
                            "euler-a",
                            "-o",
                            out(name))
                    .ok();
        }
        Run.of(
                        "generate",
                        "--model",
                        MODEL,
                        "--prompt",
                        "cat",
                        "--seed",
                        2,
                        "--steps",
                        2,
                        "--scheduler",
                        "euler-a",
                        "-o",
                        out("c.png"))
                .ok();
        assertThat(out("b.png")).hasSameBinaryContentAs(out("a.png"));
        assertThat(difference(read(out("a.png")), read(out("c.png")))).isGreaterThan(10);
    }

    @ParameterizedTest
    @CsvSource({"pndm", "ddpm"})
    void aPictureDoesNotDependOnItsBatch(String scheduler) throws IOException {
        for (int batch : new int[] {1, 4}) {
            Run.of(
                            "generate",
                            "--model",
                            MODEL,
                            "--prompt",
                            "cat",
                            "--prompt",
                            "dog",
                            "--seeds",
                            "3-4",
                            "--steps",
                            3,
                            "--scheduler",
                            scheduler,
                            "--batch",
                            batch,
                            "--each",
                            out("batch" + batch))
                    .ok();
        }
        for (String file :
                List.of(
                        "p001-cat-seed3.png",
                        "p001-cat-seed4.png",
                        "p002-dog-seed3.png",
                        "p002-dog-seed4.png")) {
            RgbImage alone = read(out("batch1").resolve(file));
            assertThat(difference(alone, read(out("batch4").resolve(file))))
                    .as(file)
                    .isLessThanOrEqualTo(1);
        }
        assertThat(
                        difference(
                                read(out("batch4").resolve("p001-cat-seed3.png")),
                                read(out("batch4").resolve("p001-cat-seed4.png"))))
                .isGreaterThan(10);
    }

    @Test
    void aGridNamesEverythingThatIsInIt() throws IOException {
        Files.writeString(out("prompts.txt"), "# animals\ncat\n\n  dog  \n");
        Run run =
                Run.of(
                                "generate",
                                "--model",
                                MODEL,
                                "--model",
                                TinyModels.sd21(),
                                "--prompts",
                                out("prompts.txt"),
                                "--prompt",
                                "red apple",
                                "--seed",
                                "0,5",
                                "--steps",
                                1,
                                "--json",
                                "-o",
                                out("grid.png"))
                        .ok();
        assertThat(run.err()).isEmpty();
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.path("pictures").asInt()).isEqualTo(12);
        assertThat(json.path("models").get(1).path("name").asText()).isEqualTo("tiny-sd21");
        assertThat(json.path("models").get(0).path("unet_sha256").asText()).hasSize(64);
        assertThat(json.path("steps").asInt()).isEqualTo(1);
        assertThat(PngFiles.readText(out("grid.png")))
                .containsEntry("prompts", "red apple\ncat\ndog")
                .containsEntry("seeds", "0\n5")
                .containsEntry("models", "tiny-sd15\ntiny-sd21")
                .containsEntry("steps", "1");
        // Six rows (3 prompts × 2 models) and two columns of 64-pixel pictures, enlarged.
        RgbImage grid = read(out("grid.png"));
        assertThat(grid.height()).isGreaterThan(6 * 96);
        assertThat(grid.width()).isGreaterThan(2 * 96);
    }

    @Test
    void whatThePicturesDoNotHearOfIsSaid() throws IOException {
        String tooLong = "in ".repeat(75) + "the end";
        Object[] words = {
            "generate",
            "--model",
            MODEL,
            "--model",
            TinyModels.sd21(),
            "--prompt",
            "in the",
            "--prompt",
            tooLong,
            "--prompt",
            "the \u732b in \u732b",
            "--size",
            96,
            "--steps",
            1,
            "--guidance",
            1,
            "-o",
            out("o.png")
        };
        List<String> notes = Run.of(words).ok().err().lines().toList();
        assertThat(notes)
                .anySatisfy(n ->
                        assertThat(n)
                                .startsWith("Prompt 2 has ")
                                .contains("tokens, of which 75 are read", "words \"the end\""))
                .anySatisfy(n ->
                        assertThat(n)
                                .startsWith("Prompt 3 has words that the tokenizer does not know")
                                .endsWith(": \u732b."))
                .noneMatch(n -> n.startsWith("Prompt 1"));
        assertThat(notes)
                .filteredOn(n -> n.contains("96x96 pixels, the model was trained on 64x64"))
                .hasSize(1);

        Object[] asJson = Stream.concat(Stream.of(words), Stream.of("--json")).toArray();
        JsonNode json = new ObjectMapper().readTree(Run.of(asJson).ok().out());
        assertThat(json.path("notes")).hasSize(3);
        // At the model's own size, with words that it knows, there is nothing to say.
        Run plain =
                Run.of(
                                "generate",
                                "--model",
                                MODEL,
                                "--prompt",
                                "in the",
                                "--steps",
                                1,
                                "--json",
                                "-o",
                                out("o.png"))
                        .ok();
        assertThat(new ObjectMapper().readTree(plain.out()).path("notes")).isEmpty();
    }

    /**
     * Ended by a signal, it says that nothing is there; a start takes seconds on a busy machine.
     */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void stoppedItSaysWhatThereIs() throws Exception {
        Path out = folder.resolve("many.png");
        Path err = folder.resolve("many.err");
        for (int seconds = 2; ; seconds *= 2) {
            ProcessBuilder builder =
                    new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-XX:TieredStopAtLevel=1",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Main.class.getName(),
                            "generate",
                            "--yes",
                            "--model",
                            TinyModels.sd15().toString(),
                            "--prompt",
                            "x",
                            "--seeds",
                            "0-400",
                            "--steps",
                            "900",
                            "-o",
                            out.toString());
            builder.environment().remove("JAVA_TOOL_OPTIONS");
            builder.environment().put("OMP_NUM_THREADS", "1");
            Process process = builder.redirectError(err.toFile()).start();
            assertThat(process.waitFor(seconds, TimeUnit.SECONDS)).isFalse();
            process.destroy();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isNotZero();
            assertThat(out).doesNotExist();
            List<String> said = Files.readAllLines(err);
            if (!said.isEmpty() || seconds > 30) { // it had come to the point of drawing
                assertThat(said.getLast())
                        .startsWith("Stopped. Nothing was written")
                        .contains("same command");
                return;
            }
        }
    }

    @Test
    void anEnsembleOfAModelAndItselfIsTheModel() throws IOException {
        Path copy = copy(MODEL, out("copy"));
        Run.of("generate", "--model", MODEL, "--prompt", "cat", "--steps", 2, "-o", out("one.png"))
                .ok();
        Run run =
                Run.of(
                                "generate",
                                "--model",
                                MODEL,
                                "--model",
                                copy,
                                "--ensemble",
                                "--prompt",
                                "cat",
                                "--steps",
                                2,
                                "-o",
                                out("both.png"))
                        .ok();
        assertThat(run.out()).contains("1 picture in", "ensemble of 2");
        assertThat(difference(read(out("one.png")), read(out("both.png")))).isLessThanOrEqualTo(1);
        assertThat(PngFiles.readText(out("both.png")).get("model_sha256"))
                .isNotEqualTo(PngFiles.readText(out("one.png")).get("model_sha256"));
    }

    /** Whatever the coefficients are, models that are the same draw what one of them does. */
    @Test
    void aClassifierWeighsAnEnsembleAndASoup() throws IOException {
        Path copy = copy(MODEL, out("copy"));
        TinyTraining.shard(out("a.tar"), 8, 16, "train");
        TinyTraining.shard(out("b.tar"), 6, 16, "train");
        Object[] train = {
            "judge",
            "classifier",
            "--base",
            MODEL,
            "--shard",
            out("a.tar"),
            "--shard",
            out("b.tar"),
            "--work",
            out("work"),
            "-o",
            out("which"),
            "--steps",
            3,
            "--json"
        };
        JsonNode trained = new ObjectMapper().readTree(Run.of(train).ok().out());
        assertThat(trained.path("held_out_accuracy")).hasSize(5);
        String hash = WeightsHash.of(out("which/model.safetensors"));
        Run.of(train).ok();
        assertThat(WeightsHash.of(out("which/model.safetensors"))).isEqualTo(hash);

        Run.of("generate", "--model", MODEL, "--prompt", "cat", "--steps", 2, "-o", out("one.png"))
                .ok();
        List<Object> both =
                List.of(
                        "generate",
                        "--model",
                        MODEL,
                        "--model",
                        copy,
                        "--prompt",
                        "cat",
                        "--steps",
                        2);
        List<Object> weighed = new java.util.ArrayList<>(both);
        weighed.addAll(List.of("--ensemble", "--classifier", out("which"), "-o", out("k.png")));
        Run.of(weighed.toArray()).ok();
        assertThat(difference(read(out("one.png")), read(out("k.png")))).isLessThanOrEqualTo(1);
        weighed.set(weighed.size() - 1, out("anew.png"));
        weighed.add("--resoup");
        Run.of(weighed.toArray()).ok();
        assertThat(difference(read(out("one.png")), read(out("anew.png")))).isLessThanOrEqualTo(1);
        assertThat(PngFiles.readText(out("k.png")).get("model_sha256"))
                .isNotEqualTo(PngFiles.readText(out("anew.png")).get("model_sha256"));

        List<Object> alone = new java.util.ArrayList<>(both);
        alone.addAll(List.of("--classifier", out("which"), "-o", out("x.png")));
        Run.of(alone.toArray()).fails(2, "add --ensemble");
        List<Object> none = new java.util.ArrayList<>(both);
        none.addAll(List.of("--ensemble", "--classifier", out("nothing"), "-o", out("x.png")));
        Run.of(none.toArray()).fails(1, "nothing holds no classifier", "soup judge classifier");
    }

    /** The k-th probability of a classifier is the coefficient of its k-th shard's model. */
    @Test
    void modelsAreMatchedToTheClassifiersShardsByWhatTheyRecord() throws IOException {
        TinyTraining.shard(out("a.tar"), 8, 16, "train");
        TinyTraining.shard(out("b.tar"), 6, 16, "train");
        TinyTraining.shard(out("c.tar"), 5, 16, "train");
        train("a", "a");
        train("b", "b");
        train("c", "c");
        train("again", "a");
        train("ab", "a", "b");
        train("ac", "a", "c");
        List<Object> classify = new java.util.ArrayList<>(List.of("judge", "classifier"));
        classify.addAll(List.of("--base", MODEL, "--steps", 1, "--work", out("work")));
        List<Object> twice = new java.util.ArrayList<>(classify);
        twice.set(twice.size() - 1, out("another"));
        classify.addAll(
                List.of("-o", out("which"), "--shard", out("a.tar"), "--shard", out("b.tar")));
        Run.of(classify.toArray()).ok();
        Run again = Run.of(classify.toArray()).ok();
        assertThat(again.err())
                .contains("The classifier was trained before, to step 1; none is done");
        classify.add("--json");
        assertThat(Run.of(classify.toArray()).ok().out()).contains("\"resumedFrom\" : 1");
        Files.copy(out("a.tar"), out("copy.tar"));
        twice.addAll(List.of("-o", out("x"), "--shard", out("a.tar"), "--shard", out("copy.tar")));
        Run.of(twice.toArray()).fails(1, "copy.tar has the rows of another");

        Run right = Run.of(weighed(out("a"), out("b"), out("k.png"))).ok();
        assertThat(right.err()).doesNotContain("order", "matched");
        Run other = Run.of(weighed(out("b"), out("a"), out("l.png"))).ok();
        assertThat(other.err())
                .contains(
                        "The order of --model is not that of the classifier's shards",
                        out("a") + " for " + out("a.tar") + ", " + out("b") + " for ");
        assertThat(out("l.png")).hasSameBinaryContentAs(out("k.png"));
        assertThat(PngFiles.readText(out("k.png")).get("ensemble"))
                .isEqualTo(hash(out("a")) + " a\n" + hash(out("b")) + " b");

        Run.of(weighed(out("a"), out("c"), out("x.png")))
                .fails(1, "c was trained on c, whose rows are none of", "b.tar");
        Run.of(weighed(out("a"), out("again"), out("x.png")))
                .fails(1, "again were both trained on shard " + out("a.tar"));
        Run.of(weighed(out("a"), out("ab"), out("x.png")))
                .fails(1, "ab was trained on 2 shards", "one shard each");
        assertThat(Run.of(weighed(out("ac"), out("b"), out("y.png"))).ok().err())
                .contains("ac was trained on c, too, which the classifier does not know");
        assertThat(out("x.png")).doesNotExist();

        // what does not say on which shard it was trained takes the place that is left
        Path base = Path.of(MODEL.toString());
        Run left = Run.of(weighed(base, out("a"), out("y.png"))).ok();
        assertThat(left.err())
                .contains(
                        base + " does not record which shards, so it gets the shard that is left",
                        base + " for " + out("b.tar"));
        Run silent = Run.of(weighed(copy(MODEL, out("copy")), base, out("z.png"))).ok();
        assertThat(silent.err())
                .contains(
                        out("copy") + " for " + out("a.tar") + ", " + base + " for ",
                        "do not record which shards");
        assertThat(silent.err()).doesNotContain("is not that of");
    }

    private void train(String model, String... shards) {
        List<Object> line = new java.util.ArrayList<>(List.of("train", "--base", MODEL));
        for (String shard : shards) {
            line.addAll(List.of("--shard", out(shard + ".tar")));
        }
        line.addAll(List.of("--out", out(model), "--steps", 1, "--batch", 1));
        Run.of(line.toArray()).ok();
    }

    private Object[] weighed(Path first, Path second, Path picture) {
        return new Object[] {
            "generate",
            "--model",
            first,
            "--model",
            second,
            "--ensemble",
            "--classifier",
            out("which"),
            "--prompt",
            "cat",
            "--steps",
            1,
            "-o",
            picture
        };
    }

    /** Equal, listed and a classifier's weights: members in turn draw the same bytes. */
    @Test
    void membersInTurnDrawTheSameAndPicturesNameThem() throws IOException {
        Path one = TinyModels.ingredient(out("one"), 1);
        Path two = TinyModels.ingredient(out("two"), 2);
        TinyTraining.shard(out("a.tar"), 8, 16, "train");
        TinyTraining.shard(out("b.tar"), 6, 16, "train");
        Run.of(
                        "judge",
                        "classifier",
                        "--base",
                        MODEL,
                        "--shard",
                        out("a.tar"),
                        "--shard",
                        out("b.tar"),
                        "--work",
                        out("work"),
                        "-o",
                        out("which"),
                        "--steps",
                        3)
                .ok();
        List<Object> draw =
                List.of(
                        "generate",
                        "--model",
                        one,
                        "--model",
                        two,
                        "--ensemble",
                        "--prompt",
                        "cat",
                        "--seeds",
                        "0-2",
                        "--batch",
                        2,
                        "--steps",
                        3);
        List<List<Object>> ways =
                List.of(
                        List.of(),
                        List.of("--weights", "3,1"),
                        List.of("--classifier", out("which")));
        for (int i = 0; i < ways.size(); i++) {
            drawn(draw, ways.get(i), "beside" + i);
            List<Object> turns = new java.util.ArrayList<>(ways.get(i));
            turns.add("--sequential");
            drawn(draw, turns, "turns" + i);
            assertThat(TinyTraining.contents(out("turns" + i)))
                    .isEqualTo(TinyTraining.contents(out("beside" + i)));
        }
        assertThat(TinyTraining.contents(out("beside1")))
                .isNotEqualTo(TinyTraining.contents(out("beside0")));

        // what a picture says is enough to draw it again
        Map<String, String> text = text("beside1");
        List<String[]> members = text.get("ensemble").lines().map(l -> l.split(" ", 3)).toList();
        assertThat(members).extracting(m -> m[2]).containsExactly("one", "two");
        assertThat(members).extracting(m -> m[1]).containsExactly(hash(one), hash(two));
        String weights = String.join(",", members.stream().map(m -> m[0]).toList());
        assertThat(weights).isEqualTo("3/4,1/4");
        drawn(draw, List.of("--weights", weights), "again");
        assertThat(TinyTraining.contents(out("again")))
                .isEqualTo(TinyTraining.contents(out("beside1")));
        assertThat(text("beside0").get("ensemble")).startsWith("1/2 ").contains("\n1/2 ");
        assertThat(text("beside2"))
                .containsEntry("ensemble", hash(one) + " one\n" + hash(two) + " two")
                .containsEntry(
                        "ensemble_classifier",
                        WeightsHash.of(out("which/model.safetensors")) + " which");

        refused(
                draw,
                2,
                "cannot take turns",
                "--classifier",
                out("which"),
                "--resoup",
                "--sequential");
        refused(draw, 2, "--weights has 3 numbers for 2 models", "--weights", "1,2,3");
        refused(draw, 2, "--weights 0: A coefficient must be above 0", "--weights", "1,0");
        refused(draw, 2, "'x' is no coefficient", "--weights", "1,x");
        refused(draw, 1, "leave --weights out", "--weights", "1,2", "--classifier", out("which"));
        Run.of("generate", "--model", one, "--prompt", "cat", "--sequential", "-o", out("x.png"))
                .fails(2, "add --ensemble");
    }

    private void drawn(List<Object> draw, List<Object> more, String each) {
        List<Object> all = new java.util.ArrayList<>(draw);
        all.addAll(more);
        all.addAll(List.of("--each", out(each)));
        Run.of(all.toArray()).ok();
    }

    private static void refused(List<Object> draw, int code, String said, Object... more) {
        List<Object> all = new java.util.ArrayList<>(draw);
        all.addAll(List.of(more));
        all.addAll(List.of("-o", "x.png"));
        Run.of(all.toArray()).fails(code, said);
        assertThat(Path.of("x.png")).doesNotExist();
    }

    private Map<String, String> text(String each) throws IOException {
        try (Stream<Path> all = Files.list(out(each))) {
            return PngFiles.readText(all.sorted().findFirst().orElseThrow());
        }
    }

    private static String hash(Path model) {
        return WeightsHash.of(model.resolve("unet/diffusion_pytorch_model.safetensors"));
    }

    @Test
    void anEnsembleOfDifferentBasesIsRefused() {
        Run.of(
                        "generate",
                        "--model",
                        MODEL,
                        "--model",
                        TinyModels.sd21(),
                        "--ensemble",
                        "--prompt",
                        "cat",
                        "-o",
                        out("x.png"))
                .fails(1, "differ in text_encoder", "models of one base");
        assertThat(out("x.png")).doesNotExist();
    }

    @Test
    void sdxlDraws() throws IOException {
        Run.of(
                        "generate",
                        "--model",
                        TinyModels.sdxl(),
                        "--prompt",
                        "cat",
                        "--steps",
                        1,
                        "-o",
                        out("xl.png"))
                .ok();
        assertThat(read(out("xl.png")).width()).isGreaterThanOrEqualTo(32);
    }

    @Test
    void setsOfPromptsAreDrawnAsTheyArePublished() throws IOException {
        Files.writeString(
                out("captions_val2014.json"),
                """
                {"images": [{"id": 1}],
                 "annotations": [{"image_id": 1, "caption": "red apple"}, {"image_id": 1, "caption": "cat"}]}
                """);
        Files.writeString(out("parti.tsv"), "Prompt\tCategory\nred apple\tFood\ncat\tAnimals\n");
        List<byte[]> grids = new ArrayList<>();
        for (String set : List.of("captions_val2014.json", "parti.tsv")) {
            Path grid = out(set + ".png");
            Run.of("generate", "--model", MODEL, "--prompts", out(set), "--steps", 1, "-o", grid)
                    .ok();
            grids.add(Files.readAllBytes(grid));
        }
        Path grid = out("words.png");
        Run.of(
                        "generate",
                        "--model",
                        MODEL,
                        "--prompt",
                        "red apple",
                        "--prompt",
                        "cat",
                        "--steps",
                        1,
                        "-o",
                        grid)
                .ok();
        assertThat(grids).containsOnly(Files.readAllBytes(grid));
    }

    @Test
    void whatIsMissingIsNamedInOneSentence() throws IOException {
        Path none = out("nothing-here");
        Files.writeString(out("empty.txt"), "\n# no prompt\n");
        Files.write(out("latin.txt"), new byte[] {'c', (byte) 0xe9, '\n'});
        Files.createDirectories(out("full"));
        Files.writeString(out("full/file"), "x");
        Path o = out("o.png");
        Run.of("generate", "--model", none, "--prompt", "cat", "-o", o)
                .fails(1, "no model", "nothing-here; name a folder", "single file");
        Run.of("generate", "--model", folder, "--prompt", "cat", "-o", o)
                .fails(1, "model_index.json");
        Run.of("generate", "--model", MODEL, "--prompts", none, "-o", o)
                .fails(1, "no prompts file");
        Run.of("generate", "--model", MODEL, "--prompts", out("empty.txt"), "-o", o)
                .fails(1, "empty.txt holds no prompt");
        Run.of("generate", "--model", MODEL, "--prompts", out("latin.txt"), "-o", o)
                .fails(1, "UTF-8");
        Run.of("generate", "--model", MODEL, "-o", o).fails(2, "no prompt");
        Run.of("generate", "--model", MODEL, "--prompt", "cat").fails(2, "--out");
        Run.of("generate", "--model", MODEL, "--prompt", "cat", "--each", out("full"))
                .fails(1, "full", "not an empty folder");
        Run.of("generate", "--model", MODEL, "--prompt", "cat", "-o", folder)
                .fails(1, "is a folder");
        Run.of("generate", "--model", MODEL, "--model", MODEL, "--prompt", "cat", "-o", o)
                .fails(1, "twice");
        assertThat(o).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({
        "--steps, 0, --steps must be at least 1",
        "--steps, 5000, more than the 1000 timesteps",
        "--guidance, -1, --guidance must be",
        "--batch, 0, --batch",
        "--size, 50, give a multiple of 16",
        "--size, 64x50, '--size 64x50 does not suit tiny-sd15; give multiples of 16'",
        "--size, 64*96, 'a width and a height as 768x512, not'",
        "--scheduler, magic, use ddim",
        "--seed, 3-1, ends before it begins",
        "--seed, one, no list of seeds",
        "--seed, '1,1', twice"
    })
    void aSettingOutOfRangeIsNamed(String flag, String value, String part) {
        Run.of("generate", "--model", MODEL, "--prompt", "cat", flag, value, "-o", out("o.png"))
                .fails(2, part);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aSchedulerThatTheModelsNoiseRulesOutIsNamed() throws IOException {
        Path model = copy(MODEL, out("zero-snr"));
        Path index = model.resolve("model_index.json");
        Files.writeString(index, Files.readString(index).replace("PNDMScheduler", "DDIMScheduler"));
        Path config = model.resolve("scheduler/scheduler_config.json");
        Files.writeString(
                config,
                Files.readString(config)
                        .replace(
                                "\"steps_offset\"",
                                "\"rescale_betas_zero_snr\": true, \"steps_offset\""));
        Path o = out("o.png");
        Run.of("generate", "--model", model, "--prompt", "cat", "--scheduler", "heun", "-o", o)
                .fails(2, "--scheduler heun does not suit", "rescale_betas_zero_snr", "try ddim");
        assertThat(o).doesNotExist();
    }

    private static Path copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : (Iterable<Path>) all::iterator) {
                Files.copy(p, to.resolve(from.relativize(p).toString()));
            }
        }
        return to;
    }
}
