package org.diffusionsoup.core.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Architecture.Family;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every key and shape of the published models, both ways, against the reference's maps. */
final class KeyMapTest {
    @ParameterizedTest
    @CsvSource({"sd15, SD1", "sd21, SD2", "sdxl, SDXL"})
    void everyTensorOfTheFolderGoesWhereTheReferenceSaysAndBack(String model, Family family)
            throws IOException {
        Map<String, SequencedMap<String, TensorInfo>> shapes = Manifest.shapes(model);
        Map<String, TensorSource> folder = new LinkedHashMap<>();
        shapes.forEach((c, t) -> folder.put(c, new Names(c + "/", t)));

        SequencedMap<String, TensorInfo> single =
                infos(
                        new ToSingle(family, folder)
                                .tensors().stream().map(e -> e.tensor()).toList());

        Map<String, long[]> wanted = wanted(model, shapes);
        assertThat(single.keySet()).containsExactlyInAnyOrderElementsOf(wanted.keySet());
        single.forEach((n, t) -> assertThat(t.shape()).as(n).isEqualTo(wanted.get(n)));

        Map<String, TensorSource> back = new FromSingle(new Names("", single), false).parts();
        assertThat(back.keySet()).containsExactlyInAnyOrderElementsOf(shapes.keySet());
        back.forEach((component, source) ->
                assertThat(texts(source.tensors().values()))
                        .as(component)
                        .isEqualTo(texts(shapes.get(component).values())));
    }

    @ParameterizedTest
    @CsvSource({"sd15, SD1", "sd21, SD2", "sdxl, SDXL"})
    void everyKeyIsMadeOfTheTensorThatTheReferenceNames(String model, Family family)
            throws IOException {
        Map<String, TensorSource> folder = new LinkedHashMap<>();
        Manifest.shapes(model).forEach((c, t) -> folder.put(c, new Names(c + "/", t)));
        Map<String, Derived> single = new TreeMap<>();
        new ToSingle(family, folder)
                .tensors()
                .forEach(e -> single.put(e.tensor().info().name(), e.tensor()));
        Manifest.map(model)
                .fields()
                .forEach((key, to) -> {
                    Derived made = Objects.requireNonNull(single.get(key), key);
                    List<String> sources = sources(to);
                    long part = made.info().byteSize() / sources.size();
                    for (int i = 0; i < sources.size(); i++) {
                        MemorySegment last = MemorySegment.ofArray(new byte[2]);
                        made.reader().read(i * part, last);
                        assertThat(last.get(ValueLayout.JAVA_BYTE, 0))
                                .as("%s of %s", sources.get(i), key)
                                .isEqualTo(mark(sources.get(i)));
                    }
                });
    }

    @Test
    void whatPublishedFilesHoldBesideWeightsIsLeftOutAndTheUnusedLayerToo() throws IOException {
        SequencedMap<String, TensorInfo> single = single("sd21", Family.SD2);
        List<String> extra =
                List.of(
                        "alphas_cumprod",
                        "sqrt_one_minus_alphas_cumprod",
                        "model_ema.decay",
                        "posterior_mean_coef1",
                        "cond_stage_model.model.logit_scale",
                        "cond_stage_model.model.text_projection",
                        "cond_stage_model.model.transformer.resblocks.23.ln_1.weight",
                        "cond_stage_model.model.transformer.resblocks.23.attn.in_proj_bias");
        extra.forEach(n -> single.put(n, f16(n, 3)));
        FromSingle from = new FromSingle(new Names("", single), false);
        assertThat(from.leftOut()).containsExactlyInAnyOrderElementsOf(extra);
        assertThat(texts(from.parts().get("text_encoder").tensors().values()))
                .isEqualTo(texts(Manifest.shapes("sd21").get("text_encoder").values()));
    }

    @Test
    void unknownTensorsAreRefusedByName() throws IOException {
        SequencedMap<String, TensorInfo> single = single("sd15", Family.SD1);
        for (String own :
                List.of(
                        "model.diffusion_model.fuser.alpha",
                        "first_stage_model.quantize.embedding.weight",
                        "cond_stage_model.transformer.text_model.encoder.layers.0.adapter")) {
            SequencedMap<String, TensorInfo> more = new LinkedHashMap<>(single);
            more.put(own, f16(own, 3));
            assertThatThrownBy(() -> new FromSingle(new Names("", more), false))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining(own);
        }
        // Outside the components it is none of the pipeline's.
        single.put("control_model.zero.weight", f16("control_model.zero.weight", 3));
        assertThat(new FromSingle(new Names("", single), false).leftOut())
                .contains("control_model.zero.weight");
    }

    @Test
    void oldNamesOfTheAutoencodersAttentionGoToTheSameKeys() throws IOException {
        SequencedMap<String, TensorInfo> now = Manifest.shapes("sd15").get("vae");
        JsonObject aliases =
                (JsonObject) Manifest.read("name_aliases.json.gz").get("vae").orElseThrow();
        SequencedMap<String, TensorInfo> old = new LinkedHashMap<>();
        now.forEach((n, t) -> {
            String alias = aliases.string(n).orElse(n);
            old.put(alias, f16(alias, t.shape()));
        });
        assertThat(old.keySet()).isNotEqualTo(now.keySet());
        assertThat(infos(derived(Family.SD1, Map.of("vae", new Names("vae/", old)))))
                .isEqualTo(infos(derived(Family.SD1, Map.of("vae", new Names("vae/", now)))));
    }

    @ParameterizedTest
    @CsvSource({"sd15, SD1, EPSILON", "sd21, SD2, V_PREDICTION", "sdxl, SDXL, EPSILON"})
    void configurationsReadOffTheTensorsAreThePublishedOnes(
            String model, Family family, PredictionType prediction) throws IOException {
        Manifest.shapes(model)
                .forEach((component, tensors) -> {
                    Map<String, Object> made =
                            Converter.config(component, family, prediction, new Names("", tensors));
                    try {
                        Path file = Files.createTempFile("config", ".json");
                        Files.write(file, Configs.utf8(made));
                        JsonObject read = JsonValue.readObject(file);
                        Files.delete(file);
                        Manifest.config(model, component)
                                .fields()
                                .forEach((key, value) ->
                                        assertThat(text(read.fields().get(key)))
                                                .as("%s/%s", component, key)
                                                .isEqualTo(text(value)));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
    }

    /** Numbers by value, not by how they are written. */
    private static String text(@Nullable JsonValue value) {
        return value instanceof JsonNumber(BigDecimal n)
                ? n.stripTrailingZeros().toPlainString()
                : String.valueOf(value);
    }

    private static SequencedMap<String, TensorInfo> single(String model, Family family)
            throws IOException {
        Map<String, TensorSource> folder = new LinkedHashMap<>();
        Manifest.shapes(model).forEach((c, t) -> folder.put(c, new Names(c + "/", t)));
        return infos(derived(family, folder));
    }

    private static List<Derived> derived(Family family, Map<String, TensorSource> folder) {
        return new ToSingle(family, folder).tensors().stream().map(e -> e.tensor()).toList();
    }

    private static TensorInfo f16(String name, long... shape) {
        long n = 2;
        for (long d : shape) {
            n *= d;
        }
        return new TensorInfo(name, DType.F16, shape, 0, n);
    }

    /** The tensors that a key is made of, in order. */
    private static List<String> sources(JsonValue to) {
        if (to instanceof JsonString(String path)) {
            return List.of(path);
        }
        JsonObject o = (JsonObject) to;
        if (o.get("diffusers_qkv").orElse(null) instanceof JsonObject three) {
            return Stream.of("q_proj", "k_proj", "v_proj")
                    .map(p -> three.string(p).orElseThrow())
                    .toList();
        }
        return List.of(o.string("diffusers").orElseThrow());
    }

    /** One of 256 values; enough to tell neighbours apart. */
    private static byte mark(String tensor) {
        return (byte) (tensor.hashCode() * 0x9E3779B9 >>> 24);
    }

    private static Map<String, String> texts(Collection<TensorInfo> tensors) {
        return tensors.stream()
                .collect(
                        Collectors.toMap(
                                TensorInfo::name, TensorInfo::toString, (a, b) -> a, TreeMap::new));
    }

    /** Names and shapes of the single file as the reference has them. */
    private static Map<String, long[]> wanted(
            String model, Map<String, SequencedMap<String, TensorInfo>> shapes) throws IOException {
        Map<String, long[]> wanted = new TreeMap<>();
        Manifest.map(model)
                .fields()
                .forEach((original, to) -> {
                    if (to instanceof JsonString(String path)) {
                        int slash = path.indexOf('/');
                        wanted.put(
                                original,
                                shapes.get(path.substring(0, slash))
                                        .get(path.substring(slash + 1))
                                        .shape());
                    } else if (to instanceof JsonObject o) {
                        JsonValue shape = o.get("shape").orElseThrow();
                        wanted.put(original, Manifest.longs(shape));
                    }
                });
        return wanted;
    }

    private static SequencedMap<String, TensorInfo> infos(List<Derived> tensors) {
        SequencedMap<String, TensorInfo> infos = new LinkedHashMap<>();
        tensors.forEach(d -> infos.put(d.info().name(), d.info()));
        return infos;
    }

    /** Tensors whose bytes say which tensor they are of. */
    record Names(String prefix, SequencedMap<String, TensorInfo> tensors) implements TensorSource {
        @Override
        public Path path() {
            return Path.of("names");
        }

        @Override
        public Map<String, String> metadata() {
            return Map.of();
        }

        @Override
        public List<Path> files() {
            return List.of();
        }

        @Override
        public void read(String tensor, long from, MemorySegment into) {
            into.fill(mark(prefix + tensor));
        }

        @Override
        public void close() {}
    }
}
