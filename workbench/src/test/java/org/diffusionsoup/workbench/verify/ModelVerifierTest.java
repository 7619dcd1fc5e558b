package org.diffusionsoup.workbench.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.verify.VerifyReport.Finding;
import org.diffusionsoup.workbench.verify.VerifyReport.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelVerifierTest {
    @TempDir private Path dir;

    private static VerifyReport verify(Path model) {
        return verify(model, Optional.empty());
    }

    private static VerifyReport verify(Path model, Optional<String> against) {
        return new ModelVerifier(2, SoupProgress.NONE).verify(model, against);
    }

    private Path file(float[] values, Map<String, String> metadata) {
        Path file = dir.resolve("w.safetensors");
        SafetensorsWriter.write(
                file,
                metadata,
                List.of(TensorEntry.ofFloats("w", new long[] {values.length}, values)));
        return file;
    }

    @Test
    void aSoundFolderHasItsHashesAndNothingWrong() {
        Path model = TinyModels.sd15();
        VerifyReport report = verify(model);
        assertThat(report.findings()).isEmpty();
        assertThat(report.layout()).isEqualTo("diffusers");
        assertThat(report.weightsSha256()).contains(WeightsHash.of(model));
        assertThat(report.files())
                .extracting(VerifyReport.FileHash::name)
                .containsExactly(
                        "text_encoder/model.safetensors",
                        "unet/diffusion_pytorch_model.safetensors",
                        "vae/diffusion_pytorch_model.safetensors");
        long parameters = 0;
        for (VerifyReport.FileHash f : report.files()) {
            Path file = model.resolve(f.name());
            assertThat(f.sha256()).isEqualTo(Hashes.sha256(file));
            assertThat(f.bytes()).isEqualTo(file.toFile().length());
            for (float[] values : TinyModels.values(file).values()) {
                parameters += values.length;
            }
        }
        assertThat(report.parameters()).isEqualTo(parameters);
    }

    @Test
    void reportsDoNotDependOnTheNumberOfThreads() {
        Path broken = TinyModels.moved(dir.resolve("m"), (name, w) -> w[0] = Float.NaN);
        VerifyReport one = new ModelVerifier(1, SoupProgress.NONE).verify(broken, Optional.empty());
        assertThat(one.findings()).hasSizeGreaterThan(100);
        for (int threads : new int[] {2, 7}) {
            assertThat(
                            new ModelVerifier(threads, SoupProgress.NONE)
                                    .verify(broken, Optional.empty()))
                    .isEqualTo(one);
        }
    }

    /** Across the pieces of 65,536 values that are read at a time. */
    @Test
    void everyValueThatIsNoNumberIsCounted() {
        Random random = new Random(2);
        float[] values = new float[150_001];
        int nan = 0;
        int infinite = 0;
        for (int i = 0; i < values.length; i++) {
            int kind = i == values.length - 1 || i == 65_536 ? 0 : random.nextInt(3000);
            values[i] =
                    kind == 0 ? Float.NaN : kind == 1 ? Float.NEGATIVE_INFINITY : Float.MAX_VALUE;
            nan += kind == 0 ? 1 : 0;
            infinite += kind == 1 ? 1 : 0;
        }
        VerifyReport report = verify(file(values, Map.of()));
        assertThat(report.findings())
                .containsExactly(
                        new Finding(
                                Kind.VALUES,
                                "w",
                                nan + " NaN and " + infinite + " infinite of 150001 values"));
        assertThat(infinite).isPositive();
        assertThat(BrokenWeights.first(dir.resolve("w.safetensors")))
                .contains("w: " + nan + " NaN and " + infinite + " infinite of 150001 values");
    }

    @Test
    void brokenWeightsAreRefusedByTheirSettingAndSoundOnesAreNot() {
        Path broken =
                TinyModels.moved(
                        dir.resolve("m"),
                        (name, w) ->
                                w[0] =
                                        name.equals("conv_out.bias")
                                                ? Float.POSITIVE_INFINITY
                                                : w[0]);
        assertThatThrownBy(() -> BrokenWeights.refuse("base", broken))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "The weights of `base` %s are damaged (unet/conv_out.bias: 0 NaN and 1 infinite of 4 values); choose another."
                                .formatted(broken));
        BrokenWeights.refuse("base", TinyModels.sd15());
        assertThat(BrokenWeights.first(TinyModels.sd15())).isEmpty();
    }

    @Test
    void aHashIsTheFilesOrTheWeights() {
        Path file = file(new float[] {1, 2}, Map.of("note", "x"));
        for (String hash : List.of(Hashes.sha256(file), WeightsHash.of(file))) {
            assertThat(verify(file, Optional.of(hash)).findings()).isEmpty();
            assertThat(
                            verify(file, Optional.of(hash.toUpperCase(java.util.Locale.ROOT)))
                                    .findings())
                    .isEmpty();
        }
        String other = "0".repeat(64);
        assertThat(verify(file, Optional.of(other)).findings())
                .containsExactly(
                        new Finding(
                                Kind.HASH,
                                "w.safetensors",
                                "neither the file nor its weights have the sha256 " + other));
        assertThat(
                        verify(TinyModels.sd15(), Optional.of(WeightsHash.of(TinyModels.sd15())))
                                .findings())
                .isEmpty();
    }

    @Test
    void anotherModelMustHaveTheSameWeightsButNotTheSameBytes() {
        Path copy = TinyModels.copy(TinyModels.sd15(), dir.resolve("copy"));
        TinyModels.change(TinyModels.unet(copy), (name, w) -> {}, Map.of("note", "mine"));
        assertThat(Hashes.sha256(TinyModels.unet(copy)))
                .isNotEqualTo(Hashes.sha256(TinyModels.unet(TinyModels.sd15())));
        assertThat(verify(copy, Optional.of(TinyModels.sd15().toString())).findings()).isEmpty();
        TinyModels.change(
                TinyModels.unet(copy), (name, w) -> w[0] += name.equals("conv_out.bias") ? 1 : 0);
        assertThat(verify(copy, Optional.of(TinyModels.sd15().toString())).findings())
                .singleElement()
                .satisfies(f -> {
                    assertThat(f.kind()).isEqualTo(Kind.HASH);
                    assertThat(f.what()).contains("those of " + TinyModels.sd15());
                });
        assertThatThrownBy(() -> verify(copy, Optional.of("abc")))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "'abc' is neither a SHA-256 (64 hexadecimal digits) nor a file or folder.");
    }

    @Test
    void whatIsCutOffOrMissingIsAFindingAndNoCrash() throws IOException {
        Path file = file(new float[1000], Map.of());
        byte[] bytes = Files.readAllBytes(file);
        for (int length : new int[] {0, 4, 20, bytes.length - 1}) {
            Files.write(file, java.util.Arrays.copyOf(bytes, length));
            VerifyReport report = verify(file);
            assertThat(report.layout()).isEqualTo("unreadable");
            assertThat(report.findings())
                    .singleElement()
                    .extracting(Finding::kind)
                    .isEqualTo(Kind.STRUCTURE);
            assertThat(report.weightsSha256()).isEmpty();
        }
        assertThatThrownBy(() -> verify(dir.resolve("none")))
                .isInstanceOf(SoupException.class)
                .hasMessage("There is no " + dir.resolve("none") + "; name a file or a folder.");
    }

    @Test
    void aFolderThatLacksPartsSaysWhich() throws IOException {
        Path model = TinyModels.copy(TinyModels.sd15(), dir.resolve("m"));
        Files.delete(model.resolve("vae/diffusion_pytorch_model.safetensors"));
        Files.delete(model.resolve("unet/config.json"));
        for (String file : model.resolve("tokenizer").toFile().list()) {
            Files.delete(model.resolve("tokenizer").resolve(file));
        }
        List<Finding> findings = verify(model).findings();
        assertThat(findings).contains(new Finding(Kind.STRUCTURE, "vae", "no weights"));
        assertThat(findings)
                .contains(new Finding(Kind.STRUCTURE, "tokenizer", "the folder is empty"));
        assertThat(findings)
                .extracting(Finding::where)
                .containsExactlyInAnyOrder("vae", "tokenizer", "unet");
    }

    @Test
    void progressEndsAtWhatItBeganWith() {
        List<Long> done = new ArrayList<>();
        List<Long> totals = new ArrayList<>();
        SoupProgress told =
                (what, at, total) -> {
                    done.add(at);
                    totals.add(total);
                };
        new ModelVerifier(3, told).verify(TinyModels.sd15(), Optional.empty());
        assertThat(totals.stream().distinct()).hasSize(1);
        assertThat(done).isSorted().first().isEqualTo(0L);
        assertThat(done.getLast()).isEqualTo(totals.getLast());
    }

    private static Map<String, String> recipe(String ingredients) {
        return new TreeMap<>(
                Map.of(
                        "soup.version",
                        "1",
                        "soup.recipe",
                        "{\"recipe_version\":1,\"method\":\"weighted average\",\"ingredients\":["
                                + ingredients
                                + "]}"));
    }

    private static String ingredient(String name, String coefficient) {
        return "{\"name\":\"%s\",\"sha256\":\"%s\",\"coefficient\":\"%s\"}"
                .formatted(name, "a".repeat(64), coefficient);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1/3 | 2/3 | ''",
                "1/2 | 1/2 | ''",
                "0.1 | 0.9 | ''",
                "1/3 | 1/3 | the recorded coefficients sum to 2/3, not 1",
                "1 | 1/1000000 | the recorded coefficients sum to 1000001/1000000, not 1",
                "1/2 | half | the recorded coefficient of ingredient b is none: half",
            })
    void coefficientsOfAHeaderAddUpToOneExactly(String a, String b, String wrong) {
        Map<String, String> metadata = recipe(ingredient("a", a) + "," + ingredient("b", b));
        assertThat(ProvenanceCheck.of(metadata))
                .isEqualTo(wrong.isEmpty() ? List.of() : List.of(wrong));
        assertThat(verify(file(new float[] {1}, metadata)).findings())
                .extracting(Finding::what)
                .isEqualTo(wrong.isEmpty() ? List.of() : List.of(wrong));
    }

    @Test
    void headersThatCannotBeTrueAreTold() {
        assertThat(ProvenanceCheck.of(Map.of())).isEmpty();
        Map<String, String> broken = recipe("");
        broken.put("soup.recipe", "{not json");
        assertThat(ProvenanceCheck.of(broken))
                .containsExactly("the recorded recipe does not parse");
        Map<String, String> hash =
                recipe(ingredient("a", "1").replace("a".repeat(64), "A".repeat(64)));
        assertThat(ProvenanceCheck.of(hash))
                .containsExactly("the recorded sha256 of ingredient a is none: " + "A".repeat(64));
    }
}
