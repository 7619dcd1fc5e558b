package org.diffusionsoup.core.mismatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.mismatch.Mismatch.Cause;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnShape;
import org.diffusionsoup.core.mismatch.Mismatches.Model;
import org.diffusionsoup.core.soup.SouperTest;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Shapes;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every kind of difference: reported, explained, and treated as the policy says. */
class MismatchesTest {
    private static final MismatchPolicy ASK = MismatchPolicy.REFUSE;

    @TempDir Path dir;

    /** Tensors told as "name dtype d0 d1 …". */
    private static Model model(String name, String... tensors) {
        return model(name, Map.of("", List.of(tensors)));
    }

    private static Model model(String name, Map<String, List<String>> parts) {
        SequencedMap<String, SequencedMap<String, TensorInfo>> all = new LinkedHashMap<>();
        parts.keySet().stream()
                .sorted()
                .forEach(part -> all.put(part, infos(parts.getOrDefault(part, List.of()))));
        return new Model(name, all, Optional.empty());
    }

    private static SequencedMap<String, TensorInfo> infos(List<String> tensors) {
        SequencedMap<String, TensorInfo> infos = new LinkedHashMap<>();
        for (String t : tensors) {
            String[] w = t.split(" ");
            long[] shape = new long[w.length - 2];
            for (int i = 0; i < shape.length; i++) {
                shape[i] = Long.parseLong(w[i + 2]);
            }
            DType dtype = DType.valueOf(w[1]);
            infos.put(w[0], new TensorInfo(w[0], dtype, shape, 0, Shapes.byteSize(dtype, shape)));
        }
        return infos;
    }

    private static List<String> plan(MismatchPolicy policy, Model... models) {
        return Mismatches.between(List.of(models), policy).plan().stream()
                .map(TensorPlan::toString)
                .toList();
    }

    private static void refused(Cause cause, Model... models) {
        Mismatches m = Mismatches.between(List.of(models), ASK);
        assertThat(m.isEmpty()).isFalse();
        assertThat(m.isRefused()).isTrue();
        assertThat(m.counts()).containsKey(cause);
        assertThat(m.message()).contains(cause.heading() + " (");
        assertThatThrownBy(m::plan)
                .isInstanceOf(IncompatibleIngredientsException.class)
                .hasMessage(m.message().strip());
    }

    @Test
    void equalModelsAreAveragedAndIntegersCopied() {
        Model a = model("a", "w F16 2 3", "ids I64 77");
        Mismatches m = Mismatches.between(List.of(a, a, a), ASK);
        assertThat(m.isEmpty()).isTrue();
        assertThat(m.isRefused()).isFalse();
        assertThat(m.guesses()).isEmpty();
        assertThat(plan(ASK, a, a, a))
                .containsExactly(
                        "w F16[2, 3] AVERAGE of [0, 1, 2]", "ids I64[77] COPY of [0, 1, 2]");
        assertThat(plan(ASK, a))
                .containsExactly("w F16[2, 3] COPY of [0]", "ids I64[77] COPY of [0]");
    }

    @Test
    void missingKeysAreRefusedAveragedOverThePresentOrDropped() {
        Model a = model("a", "v F32 1", "w F32 1");
        Model b = model("b", "w F32 1");
        refused(Cause.MISSING_KEY, a, b, a);
        assertThat(plan(ASK.withMissing(OnMissing.AVERAGE_PRESENT), a, b, a))
                .containsExactly("v F32[1] AVERAGE of [0, 2]", "w F32[1] AVERAGE of [0, 1, 2]");
        assertThat(plan(ASK.withMissing(OnMissing.AVERAGE_PRESENT), a, b))
                .containsExactly("v F32[1] COPY of [0]", "w F32[1] AVERAGE of [0, 1]");
        assertThat(plan(ASK.withMissing(OnMissing.DROP), a, b, a))
                .containsExactly("w F32[1] AVERAGE of [0, 1, 2]");
    }

    @Test
    void extraKeysAreRefusedDroppedOrKept() {
        Model a = model("a", "w F32 1");
        Model b = model("b", "x F32 1", "w F32 1");
        refused(Cause.EXTRA_KEY, a, b);
        assertThat(plan(ASK.withExtra(OnExtra.DROP), a, b))
                .containsExactly("w F32[1] AVERAGE of [0, 1]");
        assertThat(plan(ASK.withExtra(OnExtra.KEEP), a, b))
                .containsExactly("w F32[1] AVERAGE of [0, 1]", "x F32[1] COPY of [1]");
        assertThat(plan(ASK.withExtra(OnExtra.KEEP), a, b, a, b))
                .containsExactly("w F32[1] AVERAGE of [0, 1, 2, 3]", "x F32[1] AVERAGE of [1, 3]");
    }

    @Test
    void droppedTensorsMayDiffer() {
        Model a = model("a", "w F32 1");
        Model b = model("b", "w F32 1", "x F32 1");
        Model c = model("c", "w F32 1", "x F32 2");
        assertThat(plan(ASK.withExtra(OnExtra.DROP), a, b, c))
                .containsExactly("w F32[1] AVERAGE of [0, 1, 2]");
        refusedBy(ASK.withExtra(OnExtra.KEEP), a, b, c);
    }

    private static void refusedBy(MismatchPolicy policy, Model... models) {
        assertThatThrownBy(() -> plan(policy, models))
                .isInstanceOf(IncompatibleIngredientsException.class);
    }

    @Test
    void otherShapesAreRefusedOrTakenFromTheFirst() {
        Model a = model("a", "w F32 2 3", "v F32 1");
        Model b = model("b", "w F32 3 2", "v F32 1");
        refused(Cause.SHAPE, a, b);
        assertThat(Mismatches.between(List.of(a, b), ASK).message())
                .contains("b: w is F32[3, 2] instead of F32[2, 3]");
        assertThat(plan(ASK.withShape(OnShape.FROM_FIRST), a, b))
                .containsExactly("w F32[2, 3] COPY of [0]", "v F32[1] AVERAGE of [0, 1]");
    }

    @Test
    void otherDtypesAreRefusedOrConvertedAndIntegersNeverAveraged() {
        Model a = model("a", "w F16 2", "v F16 2");
        Model b = model("b", "w F32 2", "v F32 2");
        refused(Cause.DTYPE, a, b);
        assertThat(plan(ASK.withDtype(OnDtype.CONVERT), a, b))
                .containsExactly("w F16[2] AVERAGE of [0, 1]", "v F16[2] AVERAGE of [0, 1]");
        assertThat(plan(ASK.withDtype(OnDtype.FROM_FIRST), a, b))
                .containsExactly("w F16[2] COPY of [0]", "v F16[2] COPY of [0]");
        assertThat(Mismatches.between(List.of(a, b), ASK).guesses())
                .singleElement()
                .asString()
                .contains("b was saved as F32, not F16", "`onDtype` convert");

        Model c = model("c", "w I64 2", "v F16 2");
        refused(Cause.INTEGER, a, c);
        for (MismatchPolicy ofFirst :
                List.of(ASK.withDtype(OnDtype.CONVERT), ASK.withIntegers(OnInteger.FROM_FIRST))) {
            assertThat(plan(ofFirst, a, c))
                    .containsExactly("w F16[2] COPY of [0]", "v F16[2] AVERAGE of [0, 1]");
            assertThat(plan(ofFirst, c, a))
                    .containsExactly("w I64[2] COPY of [0]", "v F16[2] AVERAGE of [0, 1]");
        }
        refusedBy(ASK.withIntegers(OnInteger.FROM_FIRST), a, b);
        assertThat(plan(ASK.withDtype(OnDtype.FROM_FIRST), a, c))
                .containsExactly("w F16[2] COPY of [0]", "v F16[2] AVERAGE of [0, 1]");
    }

    @Test
    void wholeComponentsFollowTheKeysPolicies() {
        Model a = model("a", Map.of("unet", List.of("w F32 1"), "vae", List.of("v F32 1")));
        Model b = model("b", Map.of("unet", List.of("w F32 1"), "safety", List.of("s F32 1")));
        refused(Cause.MISSING_PART, a, b);
        refused(Cause.EXTRA_PART, a, b);
        assertThat(Mismatches.between(List.of(a, b), ASK).message())
                .contains("b: no component vae", "b: component safety");
        assertThat(plan(ASK.withMissing(OnMissing.AVERAGE_PRESENT).withExtra(OnExtra.KEEP), a, b))
                .containsExactly(
                        "unet/w F32[1] AVERAGE of [0, 1]",
                        "vae/v F32[1] COPY of [0]",
                        "safety/s F32[1] COPY of [1]");
        assertThat(plan(ASK.withMissing(OnMissing.DROP).withExtra(OnExtra.DROP), a, b))
                .containsExactly("unet/w F32[1] AVERAGE of [0, 1]");
    }

    @Test
    void aFileAndAFolderAreNeverComparedKeyByKey() {
        Model a = model("a", Map.of("unet", List.of("w F32 1")));
        Model b = model("b", "w F32 1");
        Mismatches m = Mismatches.between(List.of(a, b), ASK);
        assertThat(m.all()).extracting(Mismatch::cause).containsExactly(Cause.LAYOUT);
        refused(Cause.LAYOUT, a, b);
        assertThat(m.guesses()).singleElement().asString().contains("soup convert");
    }

    @Test
    void twentyOfACauseAreListedAndTheRestCounted() {
        String[] many = new String[33];
        for (int i = 0; i < many.length; i++) {
            many[i] = "k%02d F32 1".formatted(i);
        }
        Mismatches m = Mismatches.between(List.of(model("a", many), model("b", many[0])), ASK);
        assertThat(m.message())
                .contains("missing keys (32)", "b: no k01\n", "b: no k20\n", "and 12 more")
                .doesNotContain("k21");
        assertThat(m.all()).hasSize(32);
    }

    private static String[] unet(long width, boolean xl, long channels) {
        String[] t = {
            "conv_in.weight F16 8 " + channels + " 3 3",
            "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight F16 8 " + width,
            xl ? "add_embedding.linear_1.weight F16 8 8" : "conv_out.weight F16 4 8 3 3"
        };
        return t;
    }

    @Test
    void theOddModelIsNamedEvenIfItIsTheFirst() {
        Model sd = model("sd", unet(768, false, 4));
        Model two = model("two", unet(1024, false, 4));
        Model xl = model("xl", unet(2048, true, 4));
        Model paint = model("paint", unet(768, false, 9));
        assertThat(guesses(sd, xl, sd))
                .contains(
                        "xl is a Stable Diffusion XL checkpoint, each of the others is a Stable Diffusion 1.x checkpoint: models of different architecture have no mean; average models of one.");
        assertThat(guesses(xl, sd, sd))
                .contains(
                        "xl is a Stable Diffusion XL checkpoint, each of the others is a Stable Diffusion 1.x checkpoint: models of different architecture have no mean; average models of one.");
        assertThat(guesses(sd, two))
                .contains(
                        "two is a Stable Diffusion 2.x checkpoint, the other is a Stable Diffusion 1.x checkpoint: models of different architecture have no mean; average models of one.");
        assertThat(guesses(sd, paint))
                .contains(
                        "paint is a Stable Diffusion 1.x inpainting checkpoint, the other is a Stable Diffusion 1.x checkpoint: models of different architecture have no mean; average models of one.");
        assertThat(
                        guesses(
                                sd,
                                model(
                                        "l",
                                        "unet.lora_up.weight F16 8 4",
                                        "unet.lora_down.weight F16 4 8")))
                .anyMatch(g -> g.startsWith("l is a LoRA, not a checkpoint"));
        refused(Cause.ARCHITECTURE, sd, xl);
    }

    private static List<String> guesses(Model... models) {
        return Mismatches.between(List.of(models), ASK).guesses();
    }

    @Test
    void wellKnownKeysAreExplained() {
        Model a = model("a", "t.embeddings.position_ids I64 1 77", "w F16 1");
        Model b = model("b", "w F16 1", "model_ema.decay F32", "model_ema.w F16 1");
        assertThat(guesses(a, b))
                .anyMatch(g -> g.contains("position_ids are buffers"))
                .anyMatch(g -> g.startsWith("b holds EMA weights") && g.contains("`onExtra` drop"));
        assertThat(guesses(b, a))
                .anyMatch(g -> g.startsWith("b holds EMA") && g.contains("`onMissing` drop"));
        assertThat(guesses(model("x", "p F32 1"), model("y", "q F32 1"))).isEmpty();
        Model ldm =
                model(
                        "ldm",
                        "model.diffusion_model.input_blocks.0.0.weight F16 8 4 3 3",
                        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
                                + " F16 8 768");
        assertThat(guesses(model("d", unet(768, false, 4)), ldm))
                .anyMatch(g -> g.startsWith("ldm names its tensors as the original"));
    }

    @Test
    void foldersAreComparedWithTheirOtherFiles() throws IOException {
        Path other = dir.resolve("other");
        DiffusersFolder.open(SouperTest.TINY).copyTo(other, false, Map.of());
        try (Checkpoint a = Checkpoint.open(SouperTest.TINY);
                Checkpoint b = Checkpoint.open(other)) {
            assertThat(Mismatches.between(a, List.of(b), ASK).isEmpty()).isTrue();
            Path config = other.resolve("vae/config.json");
            String text = Files.readString(config);
            Files.writeString(config, text.replaceFirst("\\{", "{\"_name_or_path\": \"else\","));
            assertThat(Mismatches.between(a, List.of(b), ASK).isEmpty()).isTrue();
            Files.writeString(config, text.replaceFirst("\\{", "{\"scaling\": 2,"));
            Mismatches m = Mismatches.between(a, List.of(b), ASK);
            assertThat(m.all())
                    .singleElement()
                    .satisfies(x -> assertThat(x.cause()).isEqualTo(Cause.FILE))
                    .satisfies(x -> assertThat(x.name()).isEqualTo("vae/config.json"));
            assertThat(m.isRefused()).isTrue();
            assertThat(m.message()).contains("`onFiles` from-first");
            MismatchPolicy first = ASK.withFiles(OnFiles.FROM_FIRST);
            assertThat(Mismatches.between(a, List.of(b), first).plan()).isNotEmpty();
        }
    }
}
