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
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code soup reproduce} of soups whose ingredients were not required to be alike. */
class ReproducePolicyTest {
    /** As {@link #model} words them; the first and the others differ in one respect each. */
    private static final String ONE = "w F32 40, only-one F32 3";

    private static final String TWO = "w F32 40, only-two F32 5";
    private static final String WIDE = "w F32 40, d F32 7, s F32 6";
    private static final String NARROW = "w F32 40, d F16 7, s F32 6";
    private static final String LONG = "w F32 40, d F32 7, s F32 9";
    private static final String ALL =
            "--on-missing average-present --on-extra keep"
                    + " --on-dtype convert --on-shape from-first --on-files from-first";

    @TempDir private Path folder;

    /** Tensors told as "name dtype elements, …". */
    private static Path model(Path path, String tensors, long seed) {
        Random random = new Random(seed);
        List<TensorEntry> entries = new ArrayList<>();
        for (String t : tensors.split(", ", -1)) {
            String[] words = t.split(" ", -1);
            int n = Integer.parseInt(words[2]);
            float[] v = new float[n];
            short[] half = new short[n];
            for (int i = 0; i < n; i++) {
                v[i] = (float) random.nextGaussian();
                half[i] = Float.floatToFloat16(v[i]);
            }
            entries.add(
                    words[1].equals("F32")
                            ? TensorEntry.ofFloats(words[0], new long[] {n}, v)
                            : new TensorEntry(
                                    words[0],
                                    DType.F16,
                                    new long[] {n},
                                    TensorBytes.of(java.lang.foreign.MemorySegment.ofArray(half))));
        }
        SafetensorsWriter.write(path, Map.of("format", "pt"), entries);
        return path;
    }

    /** A pipeline with such a unet, and with a vae where its tensors are told. */
    private static Path pipeline(Path path, String unet, String vae, String config, long seed)
            throws IOException {
        List<String> components =
                new ArrayList<>(List.of("\"unet\": [\"diffusers\", \"UNet2DConditionModel\"]"));
        part(path.resolve("unet"), unet, config, seed);
        if (!vae.isEmpty()) {
            components.add("\"vae\": [\"diffusers\", \"AutoencoderKL\"]");
            part(path.resolve("vae"), vae, config, seed + 100);
        }
        Files.writeString(
                path.resolve("model_index.json"),
                "{\"_class_name\": \"X\", " + String.join(", ", components) + "}");
        return path;
    }

    private static void part(Path path, String tensors, String config, long seed)
            throws IOException {
        Files.createDirectories(path);
        Files.writeString(path.resolve("config.json"), config);
        model(path.resolve("diffusion_pytorch_model.safetensors"), tensors, seed);
    }

    private Path merge(String name, String flags, List<Path> inputs) {
        Path out = folder.resolve(name);
        List<Object> words = new ArrayList<>(List.of("merge"));
        words.addAll(inputs);
        words.addAll(List.of("-o", out, "--no-hash-cache", "-q"));
        words.addAll(List.of(flags.split(" ", -1)));
        Run.of(words.toArray()).ok();
        return out;
    }

    /** Made again from its header, it is the same to the last byte of the last file. */
    private void again(Path soup) throws IOException {
        again(soup, true);
    }

    /**
     * The same.
     *
     * @param whole whether the files are the same: a sharded set is made again as one
     */
    private void again(Path soup, boolean whole) throws IOException {
        Path out = folder.resolve("again-" + soup.getFileName());
        Run run = Run.of("reproduce", soup, "-o", out, "-q");
        assertThat(run.status()).as(run.out() + run.err()).isZero();
        if (!whole) {
            return;
        }
        if (Files.isRegularFile(soup)) {
            assertThat(out).hasSameBinaryContentAs(soup);
            return;
        }
        assertThat(files(out)).isEqualTo(files(soup));
        for (String f : files(soup)) {
            assertThat(out.resolve(f)).hasSameBinaryContentAs(soup.resolve(f));
        }
    }

    /** The model's files; the list of what was written is none of them. */
    private static TreeSet<String> files(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            return new TreeSet<>(
                    all.filter(Files::isRegularFile)
                            .map(f -> root.relativize(f).toString())
                            .filter(f -> !f.equals(".soup-files"))
                            .toList());
        }
    }

    private static JsonNode recipe(Path weights) throws IOException {
        try (SafetensorsFile open = SafetensorsFile.open(weights)) {
            return new ObjectMapper()
                    .readTree(Provenance.readFrom(open.metadata()).orElseThrow().recipe().text());
        }
    }

    private static String firstListed(JsonNode recipe) {
        return recipe.path("ingredients").path(0).path("name").asText();
    }

    /** Writes a weight file's recipe anew. */
    private static void edit(Path file, UnaryOperator<String> edit) {
        edit(file, "soup.recipe", edit);
    }

    private static void edit(Path file, String key, UnaryOperator<String> edit) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            Map<String, String> all = new TreeMap<>(open.metadata());
            all.computeIfPresent(key, (k, v) -> edit.apply(v));
            List<TensorEntry> tensors =
                    open.tensors().values().stream()
                            .map(t ->
                                    new TensorEntry(
                                            t.name(),
                                            t.dtype(),
                                            t.shape(),
                                            TensorBytes.of(open.data(t.name()))))
                            .toList();
            SafetensorsWriter.write(file, all, tensors);
        }
    }

    /** Flags, then the tensors of the first and of the two others. */
    private static List<String> words(String line) {
        return List.of(line.split("; ", -1));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--on-missing average-present; " + ONE + "; w F32 40",
                "--on-missing drop; " + ONE + "; w F32 40",
                "--on-extra drop; w F32 40; " + TWO,
                "--on-extra keep; w F32 40; " + TWO,
                "--on-missing drop --on-extra keep; " + ONE + "; " + TWO,
                "--on-dtype convert; " + WIDE + "; " + NARROW,
                "--on-dtype convert; " + NARROW + "; " + WIDE,
                "--on-dtype from-first; " + WIDE + "; " + NARROW,
                "--on-shape from-first; " + WIDE + "; " + LONG,
                "--on-files from-first; " + WIDE + "; " + WIDE,
                "--on-missing average-present --dtype BF16; " + ONE + "; w F32 40",
                ALL + "; " + ONE + ", d F16 7, s F32 6; " + TWO + ", d F32 7, s F32 9",
            })
    void filesAndFolders(String line) throws IOException {
        String flags = words(line).get(0);
        String first = words(line).get(1);
        String other = words(line).get(2);
        Path a = model(folder.resolve("a.safetensors"), first, 1);
        Path b = model(folder.resolve("b.safetensors"), other, 2);
        Path c = model(folder.resolve("c.safetensors"), first, 3);
        Path soup = merge("soup.safetensors", flags + " --weights 3,2,1", List.of(a, b, c));
        assertThat(recipe(soup).path("first_name").asText()).isEqualTo("a.safetensors");
        assertThat(recipe(soup).has("first_sha256")).isFalse();
        again(soup);

        boolean files = flags.contains("--on-files");
        List<Path> folders =
                List.of(
                        pipeline(folder.resolve("x"), first, WIDE, "{\"x\": 1}", 1),
                        pipeline(
                                folder.resolve("y"),
                                other,
                                WIDE,
                                files ? "{\"y\": 1}" : "{\"x\": 1}",
                                2));
        Path whole = merge("whole", flags, folders);
        assertThat(whole.resolve("unet/config.json")).content().contains("x");
        again(whole);
        again(merge("some", flags + " --component unet", folders));
    }

    @Test
    void whicheverWasFirstIsFirstAgain() throws IOException {
        Path a = model(folder.resolve("a.safetensors"), ONE + ", d F16 7, s F32 6", 1);
        Path b = model(folder.resolve("b.safetensors"), TWO + ", d F32 7, s F32 9", 2);
        Path ab = merge("ab.safetensors", ALL, List.of(a, b));
        Path ba = merge("ba.safetensors", ALL, List.of(b, a));
        assertThat(Files.mismatch(ab, ba)).isNotNegative();
        assertThat(firstListed(recipe(ab)))
                .as("the header lists them in an order of their own")
                .isEqualTo(firstListed(recipe(ba)));
        again(ab);
        again(ba);
    }

    @Test
    void theFirstOfSeveralOfOneNameIsKnownByItsHash() throws IOException {
        Files.createDirectories(folder.resolve("x"));
        Files.createDirectories(folder.resolve("y"));
        Path x = model(folder.resolve("x/m.safetensors"), ONE + ", d F16 7, s F32 6", 1);
        Path y = model(folder.resolve("y/m.safetensors"), TWO + ", d F32 7, s F32 9", 2);
        Path xy = merge("xy.safetensors", ALL, List.of(x, y));
        Path yx = merge("yx.safetensors", ALL, List.of(y, x));
        assertThat(recipe(xy).path("first_sha256").asText()).hasSize(64);
        assertThat(recipe(xy).path("first_sha256")).isNotEqualTo(recipe(yx).path("first_sha256"));
        again(xy);
        again(yx);
        again(merge("xx.safetensors", ALL, List.of(x, x)));
        again(merge("xyx.safetensors", ALL + " --weights 1,2,3", List.of(x, y, x)));

        edit(xy, r -> r.replaceAll("\"first_sha256\":\"[0-9a-f]*\",", ""));
        Run.of("reproduce", xy, "-q")
                .fails(1, "2 of its ingredients are called 'm.safetensors'", "which of them");
        edit(yx, r -> r.replaceAll("(\"first_sha256\":\")[0-9a-f]*", "$1" + "0".repeat(64)));
        Run.of("reproduce", yx, "-q").fails(1, "names no such ingredient");
    }

    @Test
    void theFirstOfSeveralFoldersOfOneName() throws IOException {
        Path x = pipeline(folder.resolve("x/m"), ONE, WIDE, "{\"x\": 1}", 1);
        Path y = pipeline(folder.resolve("y/m"), TWO, LONG, "{\"y\": 1}", 2);
        again(merge("xy", ALL, List.of(x, y)));
        again(merge("yx", ALL, List.of(y, x)));
    }

    @Test
    void componentsThatOneLacks() throws IOException {
        Path x = pipeline(folder.resolve("x"), WIDE, WIDE, "{}", 1);
        Path y = pipeline(folder.resolve("y"), WIDE, "", "{}", 2);
        String files = " --on-files from-first";
        again(merge("less", "--on-extra drop" + files, List.of(y, x)));
        // The same unet, with a vae: not what the second was.
        pipeline(folder.resolve("more"), WIDE, WIDE, "{}", 2);
        Path mean = merge("mean", "--on-missing average-present" + files, List.of(x, y));
        Run run = Run.of("reproduce", mean, "-q").ok();
        assertThat(run.out()).contains("y  " + y.toAbsolutePath());
        again(mean);
        Files.delete(y.resolve("unet/diffusion_pytorch_model.safetensors"));
        Run.of("reproduce", mean, "-q").fails(1, "1 of 2 inputs not found", "no vae");
    }

    /** As {@link #pipeline}, of Stable Diffusion, with a further component. */
    private Path stable(String name, String vae, String more, long seed) throws IOException {
        Path path = pipeline(folder.resolve(name), WIDE, vae, "{\"x\": 1}", seed);
        String entry = "[null, null]";
        if (!more.isEmpty()) {
            part(path.resolve("safety_checker"), more, "{\"x\": 1}", seed + 200);
            Files.move(
                    path.resolve("safety_checker/diffusion_pytorch_model.safetensors"),
                    path.resolve("safety_checker/model.safetensors"));
            entry = "[\"stable_diffusion\", \"StableDiffusionSafetyChecker\"]";
        }
        index(path, "\"X\",", "\"StableDiffusionPipeline\", \"safety_checker\": " + entry + ",");
        return path;
    }

    private static void index(Path pipeline, String old, String other) throws IOException {
        Path file = pipeline.resolve("model_index.json");
        assertThat(file).content().contains(old);
        Files.writeString(file, Files.readString(file).replace(old, other));
    }

    private static JsonNode index(Path pipeline) throws IOException {
        return new ObjectMapper().readTree(pipeline.resolve("model_index.json").toFile());
    }

    @Test
    void aComponentThatIsDroppedIsNoWhereInTheSoup() throws IOException {
        Path x = stable("x", WIDE, ONE, 1);
        Path y = stable("y", WIDE, "", 2);
        Path soup = folder.resolve("soup");
        Run.of("merge", x, y, "-o", soup).refuses("no component safety_checker");
        Run run = Run.of("merge", x, y, "-o", soup, "--on-missing", "drop").ok();
        assertThat(run.err()).doesNotContain("Left out");
        assertThat(files(soup))
                .containsExactly(
                        "model_index.json",
                        "unet/config.json",
                        "unet/diffusion_pytorch_model.safetensors",
                        "vae/config.json",
                        "vae/diffusion_pytorch_model.safetensors");
        assertThat(index(soup).path("safety_checker").toString()).isEqualTo("[null,null]");
        assertThat(index(soup).path("unet")).isEqualTo(index(x).path("unet"));
        try (Checkpoint open = Checkpoint.open(soup)) {
            assertThat(open.parts().keySet()).containsExactly("unet", "vae");
        }
        again(soup);

        Path z = stable("z", "", ONE, 3);
        Path less = folder.resolve("less");
        run = Run.of("merge", x, y, z, "-o", less, "--on-missing", "drop").ok();
        assertThat(run.err())
                .contains("Left out", ": vae. diffusers does not load a StableDiffusionPipeline");
        assertThat(files(less))
                .containsExactly(
                        "model_index.json",
                        "unet/config.json",
                        "unet/diffusion_pytorch_model.safetensors");
        again(less);

        // Not averaged is not dropped, and what is averaged is.
        Path some = merge("some", "--on-missing drop --component unet", List.of(x, y));
        assertThat(some.resolve("safety_checker/model.safetensors"))
                .hasSameBinaryContentAs(x.resolve("safety_checker/model.safetensors"));
        assertThat(some.resolve("model_index.json"))
                .hasSameBinaryContentAs(x.resolve("model_index.json"));
        again(some);
        Path both = merge("both", "--on-missing drop --component unet,vae", List.of(x, z));
        assertThat(files(both)).contains("safety_checker/model.safetensors");
        assertThat(both.resolve("vae")).doesNotExist();
        again(both);
        Run.of("merge", x, z, "-o", folder.resolve("no"), "--on-missing=drop", "--component=vae")
                .fails(1, "Nothing is left to average");
        assertThat(folder.resolve("no")).doesNotExist();
    }

    private static float[] values(Path weights, String tensor) {
        try (SafetensorsFile open = SafetensorsFile.open(weights)) {
            return open.floats(tensor);
        }
    }

    /** Adds a component without weights. */
    private static void featureExtractor(Path pipeline, String config) throws IOException {
        Files.createDirectories(pipeline.resolve("feature_extractor"));
        Files.writeString(pipeline.resolve("feature_extractor/preprocessor_config.json"), config);
        index(
                pipeline,
                "\"safety_checker\"",
                "\"feature_extractor\": [\"transformers\", \"CLIPImageProcessor\"], \"safety_checker\"");
    }

    @Test
    void aComponentThatTheFirstLacksIsKept() throws IOException {
        Path x = stable("x", WIDE, "", 1);
        Path y = stable("y", WIDE, "s F32 3", 2);
        Path z = stable("z", WIDE, "s F32 3", 3);
        featureExtractor(y, "{}");
        Run.of("merge", x, y, "-o", folder.resolve("no")).refuses("component safety_checker");
        Path one = merge("one", "--on-extra keep", List.of(x, y));
        assertThat(files(one)).isEqualTo(files(y));
        assertThat(values(one.resolve("safety_checker/model.safetensors"), "s"))
                .isEqualTo(values(y.resolve("safety_checker/model.safetensors"), "s"));
        assertThat(one.resolve("safety_checker/config.json"))
                .hasSameBinaryContentAs(y.resolve("safety_checker/config.json"));
        for (String component : List.of("safety_checker", "feature_extractor", "unet")) {
            assertThat(index(one).path(component)).isEqualTo(index(y).path(component));
        }
        try (Checkpoint open = Checkpoint.open(one)) {
            assertThat(open.parts().keySet()).containsExactly("safety_checker", "unet", "vae");
        }
        again(one);

        Path mean = merge("mean", "--on-extra keep --weights 1,1,3", List.of(x, y, z));
        Path checker = Path.of("safety_checker/model.safetensors");
        assertThat(recipe(mean.resolve(checker)).path("file").asText())
                .isEqualTo("safety_checker/model.safetensors");
        assertThat(recipe(mean.resolve(checker)).has("given_order")).isFalse();
        float[] a = values(y.resolve(checker), "s");
        float[] b = values(z.resolve(checker), "s");
        float[] w = values(mean.resolve(checker), "s");
        for (int i = 0; i < w.length; i++) {
            assertThat(w[i]).isEqualTo((float) (((double) a[i] + 3 * (double) b[i]) / 4));
        }
        again(mean);
        again(merge("shards", "--on-extra keep --shard-size 20B", List.of(x, y)), false);

        Path less = merge("less", "--on-extra keep --component unet", List.of(x, y));
        assertThat(files(less)).isEqualTo(files(x));
        again(less);
        Path neither = merge("neither", "--on-extra drop --on-files from-first", List.of(x, y));
        assertThat(files(neither)).isEqualTo(files(x));
        again(neither);
        Path swapped = merge("swapped", "--on-missing drop --on-extra keep", List.of(z, x));
        assertThat(swapped.resolve("safety_checker")).doesNotExist();
        again(swapped);
        Path only = merge("only", "--on-extra keep --component safety_checker", List.of(x, y));
        assertThat(only.resolve("unet/diffusion_pytorch_model.safetensors"))
                .hasSameBinaryContentAs(x.resolve("unet/diffusion_pytorch_model.safetensors"));
        assertThat(files(only)).isEqualTo(files(y));
        Run.of("reproduce", only, "-q").fails(1, "nothing of its ingredient 'x'");
    }

    @Test
    void whoHasAComponentFirstSuppliesItsOtherFiles() throws IOException {
        Path x = stable("x", WIDE, "", 1);
        Path y = stable("y", WIDE, "s F32 3", 2);
        Path z = stable("z", WIDE, "s F32 3, t F32 2", 3);
        featureExtractor(z, "{}");
        Files.writeString(z.resolve("safety_checker/config.json"), "{\"z\": 1}");
        Run.of("merge", x, y, z, "-o", folder.resolve("no"), "--on-extra", "keep")
                .refuses(
                        "z: safety_checker/config.json says x absent, z 1 instead of x 1, z absent");
        for (List<Path> order : List.of(List.of(x, y, z), List.of(x, z, y))) {
            Path supplier = order.get(1);
            String name = "x" + supplier.getFileName();
            Path soup = merge(name, "--on-extra keep --on-files from-first", order);
            assertThat(soup.resolve("safety_checker/config.json"))
                    .hasSameBinaryContentAs(supplier.resolve("safety_checker/config.json"));
            assertThat(soup.resolve("feature_extractor/preprocessor_config.json")).exists();
            JsonNode recipe = recipe(soup.resolve("safety_checker/model.safetensors"));
            List<String> given = new ArrayList<>();
            for (String place : recipe.path("given_order").asText().split(",", -1)) {
                int i = Integer.parseInt(place) - 1;
                given.add(recipe.path("ingredients").path(i).path("name").asText());
            }
            assertThat(given)
                    .isEqualTo(order.stream().map(p -> p.getFileName().toString()).toList());
            again(soup);
        }
    }

    /** The SHA-256 of a weight file without the program's version. */
    private static String golden(Path file) {
        edit(file, "soup.version", v -> "");
        return Hashes.sha256(file);
    }

    @Test
    void whereTheOrderMakesNoDifferenceTheBytesAreAsEver() throws IOException {
        Path a = model(folder.resolve("a.safetensors"), WIDE, 1);
        Path b = model(folder.resolve("b.safetensors"), WIDE, 2);
        Path c = model(folder.resolve("c.safetensors"), WIDE + ", e F32 2", 3);
        Path d = model(folder.resolve("d.safetensors"), WIDE + ", e F32 2", 4);
        Path plain = merge("plain.safetensors", "--weights 1,2", List.of(a, b));
        Path kept = merge("kept.safetensors", "--on-extra keep", List.of(a, c, d));
        Path less = merge("less.safetensors", "--on-missing drop", List.of(c, a, d));
        Path x = pipeline(folder.resolve("x"), WIDE, WIDE, "{}", 1);
        Path y = pipeline(folder.resolve("y"), WIDE, WIDE, "{}", 2);
        // The autoencoder is x's, and the recipe says so.
        Path soup = merge("soup", "--component unet", List.of(x, y));
        assertThat(soup.resolve("model_index.json"))
                .hasSameBinaryContentAs(x.resolve("model_index.json"));
        assertThat(
                        List.of(
                                golden(plain),
                                golden(kept),
                                golden(less),
                                golden(soup.resolve("unet/diffusion_pytorch_model.safetensors"))))
                .containsExactly(
                        "29e63a9cf22cbf62ecbb364a9ebd2acd85807ce981a6eaf4b34c15436d26050e",
                        "83ee95c46eeb1064034b671c4faf4bc5ff0f37757560274f36e6b8f2d12450b3",
                        "5df3a34ae4831593376ecf72d07f8107d1f579ffb2c8084daae2f572cca4dced",
                        "8e76457f3d1473fc622a2b74480ec96e5a4b89afbb573109d4aaaedcaa73c686");
    }

    @Test
    void aComponentWithoutACommonTensorIsDropped() throws IOException {
        Path x = pipeline(folder.resolve("x"), WIDE, "a F32 3", "{}", 1);
        Path y = pipeline(folder.resolve("y"), WIDE, "b F32 3", "{}", 2);
        Path soup = folder.resolve("soup");
        Run run = Run.of("merge", x, y, "-o", soup, "--on-missing=drop", "--on-extra=drop").ok();
        assertThat(run.err()).contains("vae. Whether diffusers loads a X without");
        assertThat(soup.resolve("vae")).doesNotExist();
        again(soup);
    }

    @Test
    void aCopiedComponentWithARecipeOfItsOwn() throws IOException {
        Path x = stable("x", WIDE, ONE, 1);
        Path y = stable("y", WIDE, ONE, 2);
        Path soup = merge("soup", "--on-files refuse", List.of(x, y));
        Path other = merge("other", "--on-files refuse", List.of(y));
        again(merge("some", "--component vae", List.of(soup, other)));
    }

    @Test
    void aComponentThatIsNotAveragedAndHasARecipeOfItsOwn() throws IOException {
        Path x = pipeline(folder.resolve("x"), WIDE, WIDE, "{}", 1);
        Path z = pipeline(folder.resolve("z"), WIDE, WIDE, "{}", 5);
        // Named before unet: the first recipe that is met is not that of the soup.
        for (Path p : List.of(x, z)) {
            Files.move(p.resolve("vae"), p.resolve("text_encoder"));
            Files.writeString(
                    p.resolve("model_index.json"),
                    Files.readString(p.resolve("model_index.json"))
                            .replace("\"vae\"", "\"text_encoder\""));
        }
        Path soup = merge("soup", "--on-files refuse", List.of(x, z));
        Path y = pipeline(folder.resolve("y"), WIDE, "", "{}", 2);
        Path dropped =
                merge("dropped", "--on-missing drop --on-files from-first", List.of(soup, y));
        assertThat(dropped.resolve("text_encoder")).doesNotExist();
        again(dropped);
        again(
                merge(
                        "copied",
                        "--on-missing drop --on-files from-first --component unet",
                        List.of(soup, y)));
    }

    @Test
    void whatNoRecipeTellsIsRefused() throws IOException {
        Path a = model(folder.resolve("a.safetensors"), "w F32 40", 1);
        Path b = model(folder.resolve("b.safetensors"), "w F32 40, e F32 7", 2);
        Path c = model(folder.resolve("c.safetensors"), "w F32 40, e F16 7", 3);
        String keep = "--on-extra keep --on-dtype convert";
        Path soup = merge("soup.safetensors", keep, List.of(a, b, c));
        again(soup);
        again(merge("turned.safetensors", keep, List.of(a, c, b)));
        Path two = merge("two.safetensors", keep, List.of(a, c));
        assertThat(recipe(two).has("given_order")).isFalse();
        again(two);
        edit(soup, r -> r.replaceFirst("\"given_order\":\"[0-9,]*", "\"given_order\":\"3,1,1"));
        Run.of("reproduce", soup, "-q").fails(1, "3 ingredients", "impossible order '3,1,1'");
        edit(soup, r -> r.replaceFirst("\"given_order\":\"[0-9,]*\",", ""));
        Run.of("reproduce", soup, "-q")
                .fails(1, "tensor 'e'", "'b.safetensors'", "'c.safetensors'", "came before");

        Path x = pipeline(folder.resolve("x"), WIDE, "", "{}", 1);
        Path also = pipeline(folder.resolve("also"), WIDE, "", "{}", 3);
        Path y = pipeline(folder.resolve("y"), WIDE, WIDE, "{}", 2);
        Files.writeString(
                y.resolve("model_index.json"),
                "{\"_class_name\": \"X\", \"vae\": [\"diffusers\", \"AutoencoderKL\"]}");
        Path none =
                merge(
                        "none",
                        "--on-missing average-present --on-extra drop --on-files from-first",
                        List.of(x, also, y));
        Run.of("reproduce", none, "-q").fails(1, "nothing of its ingredient 'y'");
    }

    @Test
    void unknownPoliciesAreRefusedByName() throws IOException {
        Path a = model(folder.resolve("a.safetensors"), ONE, 1);
        Path b = model(folder.resolve("b.safetensors"), TWO, 2);
        Path soup = merge("soup.safetensors", ALL, List.of(a, b));
        edit(soup, r -> r.replace("average_present", "invent"));
        Run.of("reproduce", soup, "-q").fails(1, "'invent'", "on_missing", "soup.safetensors");
        edit(soup, r -> r.replace("on_missing", "on_luck"));
        Run.of("reproduce", soup, "-q").fails(1, "'on_luck'", "cannot make again");
        edit(soup, r -> r.replace("\"on_luck\":\"invent\",", "").replace("first_name", "file"));
        Run.of("reproduce", soup, "-q").fails(1, "only one of a first ingredient and a policy");
    }
}
