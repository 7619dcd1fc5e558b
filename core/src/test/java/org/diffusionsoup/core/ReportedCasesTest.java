package org.diffusionsoup.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.convert.Converter;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.soup.Soup;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.torch.TorchWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files as people bring them, each with the right value: what public reports found wrong. */
class ReportedCasesTest {
    private static final Path PIPELINES =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference/pipelines");

    private static final String IDS =
            "cond_stage_model.transformer.text_model.embeddings.position_ids";

    private static final String W = "model.diffusion_model.input_blocks.0.0.weight";

    @TempDir Path dir;

    private Path file(String name, TensorEntry... tensors) {
        return file(name, Map.of("format", "pt"), tensors);
    }

    private Path file(String name, Map<String, String> header, TensorEntry... tensors) {
        Path file = dir.resolve(name + ".safetensors");
        SafetensorsWriter.write(file, header, List.of(tensors));
        return file;
    }

    private static TensorEntry floats(String name, float... values) {
        return TensorEntry.ofFloats(name, new long[] {values.length}, values);
    }

    private static TensorEntry halves(String name, float... values) {
        short[] half = new short[values.length];
        for (int i = 0; i < half.length; i++) {
            half[i] = Float.floatToFloat16(values[i]);
        }
        return new TensorEntry(
                name,
                DType.F16,
                new long[] {values.length},
                TensorBytes.of(java.lang.foreign.MemorySegment.ofArray(half)));
    }

    private static TensorEntry longs(String name, long... values) {
        return new TensorEntry(
                name, DType.I64, new long[] {1, values.length}, TensorBytes.of(values));
    }

    private static TensorEntry ids() {
        return longs(IDS, LongStream.range(0, 77).toArray());
    }

    private Soup soup(MismatchPolicy policy, Path out, Path... ingredients) {
        return Souper.with(SoupOptions.DEFAULT.withThreads(1).withPolicy(policy))
                .make(Arrays.stream(ingredients).map(SoupIngredient::of).toList(), out);
    }

    private static float[] values(Path file, String tensor) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            return open.floats(tensor);
        }
    }

    private static long[] integers(Path file, String tensor) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            return open.data(tensor).toArray(java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED);
        }
    }

    private static Map<String, String> header(Path file) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            return open.metadata();
        }
    }

    private Path pipeline(String model, String name) {
        Path out = dir.resolve(name);
        DiffusersFolder.open(PIPELINES.resolve(model)).copyTo(out, false, Map.of());
        return out;
    }

    private static void edit(Path file, UnaryOperator<String> how) throws IOException {
        Files.writeString(file, how.apply(Files.readString(file)));
    }

    /** The weights of a component with other names, and values of a mean that is known. */
    private static void rewrite(
            Path file, BiFunction<String, float[], Map.Entry<String, float[]>> how) {
        List<TensorEntry> made = new ArrayList<>();
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            open.tensors()
                    .values()
                    .forEach(t -> {
                        var e = how.apply(t.name(), open.floats(t.name()));
                        made.add(TensorEntry.ofFloats(e.getKey(), t.shape(), e.getValue()));
                    });
        }
        SafetensorsWriter.write(file, Map.of("format", "pt"), made);
    }

    private Path single(Path folder, String name) {
        Path out = dir.resolve(name + ".safetensors");
        try (Checkpoint in = Checkpoint.open(folder)) {
            Converter.DEFAULT.toSingleFile(in, out);
        }
        return out;
    }

    private Path folder(Path single, String name, Converter converter) {
        Path out = dir.resolve(name);
        try (Checkpoint in = Checkpoint.open(single)) {
            converter.toDiffusers(in, out);
        }
        return out;
    }

    // ---- Buffers of integers, and what was copied ----

    @Test
    void halfPrecisionAndFloatBuffersGiveTheMeanAndTheFirstsBuffer() {
        float[] ids = new float[77];
        for (int i = 0; i < 77; i++) {
            ids[i] = i;
        }
        Path a = file("a", halves(W, 1, 2.5f), ids());
        Path b = file("b", floats(W, 3, 0.25f), TensorEntry.ofFloats(IDS, new long[] {1, 77}, ids));
        assertThatThrownBy(() -> soup(MismatchPolicy.REFUSE, dir.resolve("no"), a, b))
                .hasMessageContaining("`onDtype` convert");
        Path out = dir.resolve("out.safetensors");
        Soup made = soup(MismatchPolicy.REFUSE.withDtype(OnDtype.CONVERT), out, a, b);
        assertThat(values(out, W)).containsExactly(2, 1.375f);
        assertThat(integers(out, IDS)).isEqualTo(LongStream.range(0, 77).toArray());
        assertThat(made.copied()).contains("a.safetensors alone", "1 of 2 tensors", IDS);
        assertThat(header(out).get("soup.recipe")).contains("\"copied\":\"1 of 2 tensors: ");
    }

    @Test
    void countersThatDifferAreRefusedWithTheFlagThatTakesTheFirsts() {
        Path a = file("a", floats(W, 1), longs("model_ema.num_updates", 470000), ids());
        Path b = file("b", floats(W, 2), longs("model_ema.num_updates", 840000), ids());
        assertThatThrownBy(() -> soup(MismatchPolicy.REFUSE, dir.resolve("no"), a, b))
                .hasMessageContaining("model_ema.num_updates")
                .hasMessageContaining("`onIntegers` from-first");
        Path out = dir.resolve("out.safetensors");
        Soup made = soup(MismatchPolicy.REFUSE.withIntegers(OnInteger.FROM_FIRST), out, b, a);
        assertThat(values(out, W)).containsExactly(1.5f);
        assertThat(integers(out, "model_ema.num_updates")).containsExactly(840000);
        assertThat(made.copied())
                .as("what agrees is not counted")
                .contains("b.safetensors alone: 1 of 3 tensors: model_ema.num_updates");
    }

    @Test
    void whereNothingIsSharedNothingIsWritten() {
        Path a = file("a", floats("x", 1));
        Path b = file("b", floats("y", 2));
        Path out = dir.resolve("out.safetensors");
        MismatchPolicy policy =
                MismatchPolicy.REFUSE
                        .withMissing(OnMissing.AVERAGE_PRESENT)
                        .withExtra(OnExtra.DROP);
        assertThatThrownBy(() -> soup(policy, out, a, b))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("Nothing would be averaged");
        assertThat(out).doesNotExist();
    }

    @Test
    void aMaskOfMinusInfinityIsNoDamage() {
        float no = Float.NEGATIVE_INFINITY;
        Path a = file("a", floats("w", 1), floats("t.attn_mask", 0, no));
        Path b = file("b", floats("w", 2), floats("t.attn_mask", 0, no));
        Path out = dir.resolve("out.safetensors");
        soup(MismatchPolicy.REFUSE, out, a, b);
        assertThat(values(out, "t.attn_mask")).containsExactly(0, no);
        assertThat(values(out, "w")).containsExactly(1.5f);
        Path c = file("c", floats("w", no), floats("t.attn_mask", 0, no));
        assertThatThrownBy(() -> soup(MismatchPolicy.REFUSE, dir.resolve("no"), a, c))
                .hasMessageContaining("1 infinite")
                .hasMessageContaining("`allowNan`");
    }

    // ---- What shapes do not tell ----

    private Path velocity(String name, String version) throws IOException {
        Path p = pipeline("tiny-sdxl", name);
        edit(
                p.resolve("scheduler/scheduler_config.json"),
                s ->
                        s.replace("\"epsilon\"", "\"v_prediction\"")
                                .replace("0.31.0", version)
                                .replaceFirst("\\{", "{\"rescale_betas_zero_snr\": true,"));
        edit(p.resolve("unet/config.json"), s -> s.replace("0.31.0", version));
        rewrite(
                p.resolve("unet/diffusion_pytorch_model.safetensors"),
                (n, v) -> {
                    v[0] = version.length();
                    return Map.entry(n, v);
                });
        return p;
    }

    @Test
    void singleFilesOfOtherVersionsGiveWhatTheFoldersGive() throws IOException {
        Path a = velocity("a", "0.29");
        Path b = velocity("b", "0.32.10");
        Path folders = dir.resolve("folders");
        soup(MismatchPolicy.REFUSE, folders, a, b);
        Path out = dir.resolve("soup.safetensors");
        soup(MismatchPolicy.REFUSE, out, single(a, "sa"), single(b, "sb"));
        assertThat(header(out))
                .containsEntry("modelspec.prediction_type", "v")
                .containsKey("diffusers.files");
        try (SafetensorsFile open = SafetensorsFile.open(out)) {
            assertThat(open.tensors()).containsKeys("v_pred", "ztsnr");
        }
        Path back = folder(out, "back", Converter.DEFAULT);
        for (String f :
                List.of(
                        "unet/config.json",
                        "scheduler/scheduler_config.json",
                        "tokenizer/vocab.json",
                        "text_encoder/config.json")) {
            assertThat(back.resolve(f)).as(f).hasSameBinaryContentAs(folders.resolve(f));
        }
        assertThat(WeightsHash.of(back)).isEqualTo(WeightsHash.of(folders));
    }

    @Test
    void velocityAndNoiseAreNeverAveragedSilently() throws IOException {
        Path noise = pipeline("tiny-sdxl", "noise");
        Path v = velocity("v", "0.31.0");
        for (List<Path> pair :
                List.of(List.of(noise, v), List.of(single(noise, "sn"), single(v, "sv")))) {
            Path out = dir.resolve("no" + pair.size());
            assertThatThrownBy(
                            () -> soup(MismatchPolicy.REFUSE, out, pair.getFirst(), pair.getLast()))
                    .isInstanceOf(IncompatibleIngredientsException.class)
                    .hasMessageContaining("scheduler/scheduler_config.json")
                    .hasMessageContaining("prediction_type \"v_prediction\"")
                    .hasMessageContaining("prediction_type \"epsilon\"")
                    .hasMessageContaining("draws noise");
            assertThat(out).doesNotExist();
        }
    }

    @Test
    void marksAndSilenceAreComparedToo() throws IOException {
        TensorEntry mark = TensorEntry.ofFloats("v_pred", new long[] {0});
        Path marked = file("marked", floats("w", 1), mark);
        Path silent = file("silent", floats("w", 3));
        Path said = file("said", Map.of("modelspec.prediction_type", "v"), floats("w", 3));
        assertThatThrownBy(() -> soup(MismatchPolicy.REFUSE, dir.resolve("no"), marked, silent))
                .hasMessageContaining("nothing said")
                .hasMessageContaining("v_pred");
        Path out = dir.resolve("out.safetensors");
        soup(MismatchPolicy.REFUSE, out, marked, said);
        assertThat(values(out, "w")).containsExactly(2);
        assertThat(values(out, "v_pred")).isEmpty();
        assertThat(header(out)).containsEntry("modelspec.prediction_type", "v");
    }

    @Test
    void aFileThatContradictsItselfIsNotBelieved() throws IOException {
        TensorEntry mark = TensorEntry.ofFloats("v_pred", new long[] {0});
        Map<String, String> noise = Map.of("modelspec.prediction_type", "epsilon");
        Path torn = file("torn", noise, floats("w", 1), mark);
        Path plain = file("plain", floats("w", 3), mark);
        assertThatThrownBy(() -> soup(MismatchPolicy.REFUSE, dir.resolve("no"), torn, plain))
                .hasMessageContainingAll(
                        torn + " says two things",
                        "epsilon (its modelspec.prediction_type)",
                        "v_prediction (its tensor 'v_pred')",
                        "`predictionType`");
        assertThat(dir.resolve("no")).doesNotExist();
    }

    @Test
    void aYamlBesideTheFileSaysWhatItPredicts() throws IOException {
        Path sd15 = single(pipeline("tiny-sd15", "p"), "plain");
        List<TensorEntry> bare = new ArrayList<>();
        try (SafetensorsFile open = SafetensorsFile.open(sd15)) {
            open.tensors()
                    .values()
                    .forEach(t ->
                            bare.add(
                                    TensorEntry.ofFloats(
                                            t.name(), t.shape(), open.floats(t.name()))));
        }
        Path fluff = file("fluff", bare.toArray(TensorEntry[]::new));
        Path other = file("other", bare.toArray(TensorEntry[]::new));
        Files.writeString(
                dir.resolve("fluff.yaml"),
                "model:\n  params:\n    parameterization: \"v\"\n    timesteps: 1000\n");
        Path made = folder(fluff, "made", Converter.DEFAULT);
        assertThat(
                        DiffusersFolder.open(made)
                                .component("scheduler")
                                .config()
                                .string("prediction_type"))
                .contains("v_prediction");
        assertThatThrownBy(() -> soup(MismatchPolicy.REFUSE, dir.resolve("no"), fluff, other))
                .hasMessageContaining("fluff.yaml");
        Files.copy(dir.resolve("fluff.yaml"), dir.resolve("other.yaml"));
        Path out = dir.resolve("soup.safetensors");
        soup(MismatchPolicy.REFUSE, out, fluff, other);
        assertThat(header(out)).containsEntry("modelspec.prediction_type", "v");
    }

    @Test
    void savedByAnotherVersionIsTheSameModel() throws IOException {
        Path a = pipeline("tiny-sd15", "a");
        Path b = pipeline("tiny-sd15", "b");
        edit(
                b.resolve("model_index.json"),
                s ->
                        s.replaceAll("(?s)\"feature_extractor\": \\[.*?\\],", "")
                                .replaceFirst("\\{", "{\"image_encoder\": [null, null],"));
        edit(
                b.resolve("text_encoder/config.json"),
                s -> s.replace("4.36.0.dev0", "4.99.0").replace("float32", "float16"));
        edit(
                b.resolve("unet/config.json"),
                s ->
                        s.replaceAll("\"attention_type\": \"default\",", "")
                                .replaceAll("\"dropout\": 0.0,", "")
                                .replaceAll("\"norm_eps\": 1e-05", "\"norm_eps\": 0.00001"));
        try (Checkpoint x = Checkpoint.open(a);
                Checkpoint y = Checkpoint.open(b)) {
            assertThat(Mismatches.between(x, List.of(y), MismatchPolicy.REFUSE).isEmpty()).isTrue();
            edit(b.resolve("unet/config.json"), s -> s.replace("\"silu\"", "\"gelu\""));
            assertThat(Mismatches.between(x, List.of(y), MismatchPolicy.REFUSE).message())
                    .contains("unet/config.json says act_fn \"gelu\" instead of act_fn \"silu\"");
        }
    }

    // ---- Factors and codes ----

    @ParameterizedTest
    @ValueSource(
            strings = {
                "lora_unet_mid.lora_down.weight, lora_unet_mid.alpha, kohya",
                "base_model.model.to_q.lora_A.weight, base_model.model.to_q.lora_B.weight, peft",
                "unet.to_q.lora_A.default.weight, unet.to_q.lora_B.default.weight, peft",
                "mid.processor.to_q_lora.down.weight, mid.processor.to_q_lora.up.weight, diffusers",
                "text.q_proj.lora_linear_layer.up.weight, text.q.lora_linear_layer.down.weight,"
                        + " diffusers",
                "unet:0:up, unet:0:down, cloneofsimo",
                "x.hada_w1_a, x.hada_w1_b, LoHa",
                "lycoris_x.lokr_w1, lycoris_x.lokr_w2, LyCORIS",
                "m.weight, m.scale_weight, scaled FP8",
                "m.weight, m.weight_scale, scaled FP8",
                "m.weight, scaled_fp8, scaled FP8",
                "m.weight, m.weight.absmax, NF4",
                "m.weight, m.weight.quant_state.bitsandbytes__nf4, NF4",
                "m.qweight, m.qzeros, GPTQ"
            })
    void itIsKnownByEveryNaming(String words) {
        List<String> w = List.of(words.split(", ", -1));
        Path a = file("a", floats(w.get(0), 1, 2), floats(w.get(1), 1, 2));
        Path b = file("b", floats(w.get(0), 3, 2), floats(w.get(1), 5, 2));
        Path out = dir.resolve("out.safetensors");
        assertThatThrownBy(() -> soup(MismatchPolicy.REFUSE, out, a, b))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("a.safetensors holds")
                .hasMessageContaining(w.get(2));
        assertThat(out).doesNotExist();
        try (Checkpoint c = Checkpoint.open(a)) {
            assertThat(Mismatches.Model.of(c).looksLike().orElseThrow()).contains(w.get(2));
            assertThatThrownBy(() -> Converter.DEFAULT.toDiffusers(c, dir.resolve("no")))
                    .hasMessageContaining(w.get(2));
        }
    }

    @Test
    void plainWeightsAreNot() {
        for (String name :
                List.of(
                        "norm.scale",
                        "w.weight",
                        "lorado.weight",
                        "explora.weight",
                        "scale_factor")) {
            assertThat(
                            SpecialWeights.of(
                                    Map.of(
                                            name,
                                            new TensorInfo(name, DType.F32, new long[] {1}, 0, 4))))
                    .as(name)
                    .isEmpty();
        }
    }

    // ---- Components and downloads that are not whole ----

    @Test
    void aComponentWithoutItsWeights() throws IOException {
        Path p = pipeline("tiny-sd15", "p");
        Path weights = p.resolve("vae/diffusion_pytorch_model.safetensors");
        Files.delete(weights);
        assertThatThrownBy(() -> Checkpoint.open(p))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("'vae'")
                .hasMessageContaining("no weights");
        Files.createSymbolicLink(weights, Path.of("../../blobs/0123"));
        assertThatThrownBy(() -> Checkpoint.open(p))
                .hasMessageContaining("vae/diffusion_pytorch_model.safetensors")
                .hasMessageContaining("link to a file that is not there");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1!Git LFS pointer",
                "<!DOCTYPE html><html><body>Sign in</body></html>!HTML page",
                "\n<html>\n<head></head></html>!HTML page",
                "{\"error\": \"Access to model x is restricted\"}!JSON text",
                "<?xml version=\"1.0\"?><Error/>!XML text",
                "GGUF\3\0\0\0\0\0\0\0\0\0\0\0!GGUF file",
                "\211HDF\r\n\032\n\0\0\0\0!HDF5 file"
            })
    void aFileOfAnotherKindIsNamed(String content) throws IOException {
        String[] w = content.split("!(?=[A-Z])", -1);
        String text = content.substring(0, content.lastIndexOf('!'));
        for (String suffix : List.of("safetensors", "ckpt", "bin")) {
            Path f = dir.resolve("x." + suffix);
            Files.write(f, text.getBytes(StandardCharsets.ISO_8859_1));
            assertThatThrownBy(() -> Checkpoint.open(f))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("x." + suffix)
                    .hasMessageContaining(w[w.length - 1]);
        }
    }

    // ---- Names of other libraries and versions ----

    private static final Map<String, String> OLD =
            Map.of("to_q", "query", "to_k", "key", "to_v", "value", "to_out.0", "proj_attn");

    private static String old(String name) {
        for (var e : OLD.entrySet()) {
            name =
                    name.replace(
                            ".attentions.0." + e.getKey() + ".",
                            ".attentions.0." + e.getValue() + ".");
        }
        return name;
    }

    @Test
    void anAutoencodersAttentionIsAveragedUnderTodaysNames() {
        Path a = pipeline("tiny-sd15", "new");
        Path b = pipeline("tiny-sd15", "old");
        String vae = "vae/diffusion_pytorch_model.safetensors";
        rewrite(
                b.resolve(vae),
                (n, v) -> {
                    float[] doubled = v.clone();
                    for (int i = 0; i < v.length; i++) {
                        doubled[i] = 3 * v[i];
                    }
                    return Map.entry(old(n), doubled);
                });
        String key = "decoder.mid_block.attentions.0.to_q.weight";
        float[] mean = values(a.resolve(vae), key);
        for (int i = 0; i < mean.length; i++) {
            mean[i] *= 2;
        }
        int n = 0;
        for (List<Path> order : List.of(List.of(a, b), List.of(b, a))) {
            Path out = dir.resolve("out" + n++);
            soup(MismatchPolicy.REFUSE, out, order.getFirst(), order.getLast());
            assertThat(values(out.resolve(vae), key)).containsExactly(mean);
            try (SafetensorsFile open = SafetensorsFile.open(out.resolve(vae))) {
                assertThat(open.tensors().keySet()).noneMatch(k -> k.contains(".query."));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"_orig_mod.", "module.", "model.", "module._orig_mod."})
    void wrappersOfTrainingAreLeftOut(String wrapper) {
        Path a = file("a", floats("conv_in.weight", 1), floats("mid.bias", 5));
        Path b = file("b", floats(wrapper + "conv_in.weight", 3), floats(wrapper + "mid.bias", 7));
        Path out = dir.resolve("out.safetensors");
        soup(MismatchPolicy.REFUSE, out, b, a);
        assertThat(values(out, "conv_in.weight")).containsExactly(2);
        assertThat(values(out, "mid.bias")).containsExactly(6);
    }

    @Test
    void aTextEncoderMayLackItsModulesName() {
        String t = "embeddings.token_embedding.weight";
        String f = "final_layer_norm.bias";
        Path a = file("a", floats("text_model." + t, 1), floats("text_model." + f, 1));
        Path b = file("b", floats(t, 2), floats(f, 4));
        Path out = dir.resolve("out.safetensors");
        soup(MismatchPolicy.REFUSE, out, a, b);
        assertThat(values(out, "text_model." + f)).containsExactly(2.5f);
    }

    @Test
    void noAdviceMakesACheckpointThatCannotLoad() {
        Path a = file("a", floats("x.one", 1), floats("x.two", 1), floats("w", 1));
        Path b = file("b", floats("y.one", 1), floats("y.two", 1), floats("w", 1));
        assertThatThrownBy(() -> soup(MismatchPolicy.REFUSE, dir.resolve("no"), a, b))
                .hasMessageContaining("may call tensors otherwise")
                .hasMessageContaining("`onMissing` average-present")
                .hasMessageContaining("`onExtra` drop")
                .satisfies(e ->
                        assertThat(e.getMessage())
                                .doesNotContain("`onExtra` keep", "`onMissing` drop"));
    }

    // ---- Beside a single file's components ----

    private static final String UNET = "model.diffusion_model.";

    private TensorEntry[] with(Path single, TensorEntry... more) {
        List<TensorEntry> all = new ArrayList<>(List.of(more));
        try (SafetensorsFile open = SafetensorsFile.open(single)) {
            open.tensors()
                    .values()
                    .forEach(t ->
                            all.add(
                                    TensorEntry.ofFloats(
                                            t.name(), t.shape(), open.floats(t.name()))));
        }
        return all.toArray(TensorEntry[]::new);
    }

    @Test
    void whatIsNoPartOfTheModelIsLeftOutAndListed() {
        Path plain = single(pipeline("tiny-sd15", "p"), "plain");
        List<String> names =
                List.of(
                        "cond_stage_model.logit_scale",
                        "cond_stage_model.text_projection",
                        "cond_stage_model.transformer.text_projection.weight",
                        "cond_stage_model.transformer.visual_projection.weight",
                        "cond_stage_model.transformer.vision_model.embeddings.class_embedding",
                        "embedding_manager.embedder.x",
                        "control_model.input_hint_block.0.weight",
                        "first_stage_model.loss.logvar",
                        "first_stage_model.discriminator.main.0.weight",
                        "model_lvlb",
                        "betas",
                        "model_ema.decay",
                        "some_tool.state");
        TensorEntry[] extra = names.stream().map(n -> floats(n, 1)).toArray(TensorEntry[]::new);
        Path more = file("more", with(plain, extra));
        Path out = dir.resolve("out");
        try (Checkpoint in = Checkpoint.open(more)) {
            assertThat(Converter.DEFAULT.toDiffusers(in, out).leftOut())
                    .containsExactlyInAnyOrderElementsOf(names);
        }
        assertThat(WeightsHash.of(out)).isEqualTo(WeightsHash.of(dir.resolve("p")));
    }

    @Test
    void movingAveragesAreTakenWhereTheyAreAskedFor() {
        Path plain = single(pipeline("tiny-sd15", "p"), "plain");
        List<TensorEntry> averages = new ArrayList<>();
        try (SafetensorsFile open = SafetensorsFile.open(plain)) {
            open.tensors()
                    .values()
                    .forEach(t -> {
                        if (t.name().startsWith(UNET)) {
                            float[] v = open.floats(t.name());
                            for (int i = 0; i < v.length; i++) {
                                v[i] /= 2;
                            }
                            String name = "model_ema." + t.name().substring(6).replace(".", "");
                            averages.add(TensorEntry.ofFloats(name, t.shape(), v));
                        }
                    });
        }
        Path ema = file("ema", with(plain, averages.toArray(TensorEntry[]::new)));
        Converter converter =
                new Converter(false, java.util.Optional.empty(), true, SoupProgress.NONE);
        String unet = "unet/diffusion_pytorch_model.safetensors";
        Path raw = folder(ema, "raw", Converter.DEFAULT);
        Path average = folder(ema, "average", converter);
        float[] w = values(raw.resolve(unet), "conv_in.weight");
        for (int i = 0; i < w.length; i++) {
            w[i] /= 2;
        }
        assertThat(values(average.resolve(unet), "conv_in.weight")).containsExactly(w);
        assertThatThrownBy(() -> folder(plain, "no", converter))
                .hasMessageContaining("no moving average of")
                .hasMessageContaining("without `ema`");
    }

    // ---- Layouts and state dicts that lead nowhere ----

    @Test
    void fullFilesOrTheVariantAskedFor() throws IOException {
        Path p = pipeline("tiny-sd15", "p");
        Path full = p.resolve("unet/diffusion_pytorch_model.safetensors");
        Path half = p.resolve("unet/diffusion_pytorch_model.fp16.safetensors");
        SafetensorsWriter.write(half, Map.of(), List.of(halves("w", 1, 2)));
        try (Checkpoint c = Checkpoint.open(p)) {
            assertThat(c.part("unet").files()).containsExactly(full);
        }
        try (Checkpoint c = Checkpoint.open(p, "fp16")) {
            assertThat(c.part("unet").files()).containsExactly(half);
            assertThat(c.part("vae").tensors()).as("which has no such variant").isNotEmpty();
        }
        assertThatThrownBy(() -> Checkpoint.open(p, "fp8")).hasMessageContaining("variant 'fp8'");
        Files.delete(full);
        try (Checkpoint c = Checkpoint.open(p)) {
            assertThat(c.part("unet").files()).as("the only one").containsExactly(half);
        }
        Files.copy(half, p.resolve("unet/diffusion_pytorch_model.non_ema.safetensors"));
        assertThatThrownBy(() -> Checkpoint.open(p))
                .hasMessageContaining("fp16, non_ema")
                .hasMessageContaining("`variant`");
    }

    @Test
    void shardsOfAVariantWithAnyNames() throws IOException {
        Path p = pipeline("tiny-sd15", "p");
        Files.delete(p.resolve("unet/diffusion_pytorch_model.safetensors"));
        String one = "diffusion_pytorch_model-00001-of-00002.fp16.safetensors";
        String two = "diffusion_pytorch_model-00002-of-00002.fp16.safetensors";
        SafetensorsWriter.write(p.resolve("unet/" + one), Map.of(), List.of(halves("a", 1)));
        SafetensorsWriter.write(p.resolve("unet/" + two), Map.of(), List.of(halves("b", 2)));
        Files.writeString(
                p.resolve("unet/diffusion_pytorch_model.safetensors.index.fp16.json"),
                "{\"weight_map\": {\"a\": \"" + one + "\", \"b\": \"" + two + "\"}}");
        try (Checkpoint c = Checkpoint.open(p)) {
            assertThat(c.part("unet").tensors()).containsOnlyKeys("a", "b");
        }
        Path set = Files.createDirectory(dir.resolve("set"));
        Map<String, Path> parts = new TreeMap<>();
        for (String name : List.of("mein modell – 1.safetensors", "模型 2.safetensors")) {
            Path f = set.resolve(name);
            SafetensorsWriter.write(f, Map.of(), List.of(floats("w" + parts.size(), 1)));
            parts.put(name, f);
        }
        Files.writeString(
                set.resolve("m.safetensors.index.json"),
                "{\"weight_map\": {\"w0\": \"mein modell – 1.safetensors\","
                        + " \"w1\": \"模型 2.safetensors\"}}");
        try (Checkpoint c = Checkpoint.open(set)) {
            assertThat(c.part("").tensors()).containsOnlyKeys("w0", "w1");
        }
    }

    @Test
    void anIndexThatDoesNotNameTheFileBesideIt() throws IOException {
        Path p = pipeline("tiny-sd15", "p");
        String shard = "diffusion_pytorch_model-00001-of-00001.safetensors";
        SafetensorsWriter.write(p.resolve("unet/" + shard), Map.of(), List.of(halves("a", 1)));
        Files.writeString(
                p.resolve("unet/diffusion_pytorch_model.safetensors.index.json"),
                "{\"weight_map\": {\"a\": \"" + shard + "\"}}");
        assertThatThrownBy(() -> Checkpoint.open(p))
                .hasMessageContainingAll(
                        "'unet'",
                        "diffusion_pytorch_model.safetensors beside the index",
                        "delete the one that is out of date");
    }

    @Test
    void numPyArraysAndPicklesOfOthersAreCalledThat() throws IOException {
        Path npz = dir.resolve("x.pt");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(npz))) {
            zip.setMethod(ZipOutputStream.STORED);
            ZipEntry entry = new ZipEntry("w.npy");
            entry.setSize(1);
            entry.setCrc(0xd202ef8dL); // of one zero byte
            zip.putNextEntry(entry);
            zip.write(0);
        }
        assertThatThrownBy(() -> Checkpoint.open(npz)).hasMessageContaining("NumPy arrays");
        Path pickle = dir.resolve("y.pt");
        Files.write(pickle, new byte[] {(byte) 0x80, 2, '}', '.'});
        assertThatThrownBy(() -> Checkpoint.open(pickle))
                .hasMessageContaining("torch.save did not write");
    }

    @Test
    void shardsOfPyTorchFiles() throws IOException {
        Path p = pipeline("tiny-sd15", "p");
        Files.delete(p.resolve("text_encoder/model.safetensors"));
        Path shard = p.resolve("text_encoder/pytorch_model-00001-of-00001.bin");
        TorchWriter.withW().op("u.").save(shard);
        Files.writeString(
                p.resolve("text_encoder/pytorch_model.bin.index.json"),
                "{\"weight_map\": {\"w\": \"" + shard.getFileName() + "\"}}");
        try (Checkpoint c = Checkpoint.open(p)) {
            assertThat(c.part("text_encoder").files()).containsExactly(shard);
            assertThat(c.part("text_encoder").tensors()).containsOnlyKeys("w");
        }
    }

    /** A dict in which, after what {@code before} writes, lies a state dict. */
    private Checkpoint pickle(UnaryOperator<TorchWriter> before) {
        Path f = dir.resolve("x.ckpt");
        before.apply(new TorchWriter().op("}("))
                .op("}(")
                .text("w")
                .tensor("0", 2, 0, new long[] {2}, new long[] {1})
                .op("uu.")
                .storage("0", TorchWriter.floats(1, 2))
                .save(f);
        return Checkpoint.open(f);
    }

    @ParameterizedTest
    @ValueSource(strings = {"params_ema", "model_state_dict", "anything"})
    void aStateDictUnderAnotherName(String name) {
        try (Checkpoint c = pickle(w -> w.text("epoch").number(3).text(name))) {
            assertThat(c.part("").tensors()).containsOnlyKeys("w");
        }
    }

    /** As networks are saved with their moving average. */
    @Test
    void anotherStateDictBesideItIsNamed() {
        UnaryOperator<TorchWriter> average =
                w ->
                        w.text("params_ema")
                                .op("}(")
                                .text("w")
                                .tensor("0", 2, 0, new long[] {2}, new long[] {1})
                                .op("u")
                                .text("params");
        try (Checkpoint c = pickle(average)) {
            assertThat(c.part("").tensors()).containsOnlyKeys("w");
            assertThat(c.notes().toList())
                    .singleElement()
                    .asString()
                    .contains("'params_ema' (another dict of tensors)");
        }
        // What an optimizer keeps is no model.
        try (Checkpoint c =
                pickle(w ->
                        w.text("optimizer")
                                .op("}(")
                                .text("m")
                                .tensor("0", 2, 0, new long[] {2}, new long[] {1})
                                .op("u")
                                .text("model"))) {
            assertThat(c.notes()).isEmpty();
        }
    }

    /** Four levels of 300 names each for one dict: eight thousand million ways to go. */
    @Test
    void dictsThatAreHeldInManyPlacesAreLookedAtOnce() {
        UnaryOperator<TorchWriter> shared =
                w -> {
                    w.text("a").op("}").raw('q').raw(0);
                    for (int level = 1; level <= 4; level++) {
                        w.text("level" + level).op("}(");
                        for (int i = 0; i < 300; i++) {
                            w.text("k" + i).raw('h').raw(level - 1);
                        }
                        w.op("u").raw('q').raw(level);
                    }
                    return w;
                };
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> {
                    // Under a name of its own, all of it is looked into for a state dict.
                    for (String name : List.of("model", "mine")) {
                        try (Checkpoint c = pickle(w -> shared.apply(w).text(name))) {
                            assertThat(c.part("").tensors()).containsOnlyKeys("w");
                            assertThat(c.notes()).isEmpty();
                        }
                    }
                });
    }

    @Test
    void objectsBesideItAreSkippedAndNamed() {
        UnaryOperator<TorchWriter> objects =
                w ->
                        w.text("loops")
                                .global("collections", "Counter")
                                .op("}")
                                .text("a")
                                .number(1)
                                .op("s")
                                .raw(0x85)
                                .op("R")
                                .text("hparams")
                                .global("omegaconf.dictconfig", "DictConfig")
                                .op(")")
                                .raw(0x81)
                                .op("}")
                                .text("_content")
                                .op("}sb")
                                .text("state_dict");
        try (Checkpoint c = pickle(objects)) {
            assertThat(c.part("").tensors()).containsOnlyKeys("w");
            assertThat(c.notes().toList())
                    .singleElement()
                    .asString()
                    .contains("collections.Counter", "omegaconf.dictconfig.DictConfig")
                    .contains("without running");
        }
    }
}
