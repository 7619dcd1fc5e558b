package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup merge --component}: only what is averaged must be alike, the rest is the first's. */
class MergeComponentTest {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private Path folder;
    private Path first;
    private Path other;

    @BeforeEach
    void twoFamiliesWithOneAutoencoder() throws IOException {
        first = TinyModels.copy(TinyModels.sd15(), folder.resolve("first"));
        other = TinyModels.copy(TinyModels.sdxl(), folder.resolve("other"));
        Files.copy(
                first.resolve("vae/config.json"),
                other.resolve("vae/config.json"),
                StandardCopyOption.REPLACE_EXISTING);
    }

    private void copies(Path of, Path out) {
        assertThat(out.resolve(UNET)).hasSameBinaryContentAs(of.resolve(UNET));
        assertThat(out.resolve("model_index.json"))
                .hasSameBinaryContentAs(of.resolve("model_index.json"));
        assertThat(out.resolve("vae/diffusion_pytorch_model.safetensors")).exists();
    }

    @Test
    void autoencodersOfTwoFamiliesAreAveraged() {
        Path one = folder.resolve("one");
        Run run = Run.of("merge", "--component", "vae", first, other, "-o", one).ok();
        assertThat(run.out() + run.err())
                .contains(
                        "copied from " + first,
                        "another architecture",
                        other + " (text_encoder, text_encoder_2, unet)");
        copies(first, one);
        Path two = folder.resolve("two");
        Run.of("merge", "--component", "vae", other, first, "-o", two).ok();
        copies(other, two);
        assertThat(two.resolve("text_encoder_2/model.safetensors")).exists();
        Run.of("reproduce", two, "--inputs", folder).ok();
    }

    /** Of models of one family, too, whose weights have no order that the caller knows. */
    @Test
    void whatIsCopiedIsTheFirstsInEitherOrder() throws IOException {
        Path tuned = TinyModels.ingredient(folder.resolve("tuned"), 1);
        Path one = folder.resolve("one");
        Run run = Run.of("merge", "--component", "vae", first, tuned, "-o", one).ok();
        assertThat(run.out() + run.err()).doesNotContain("another architecture");
        copies(first, one);
        Path two = folder.resolve("two");
        Run.of("merge", "--component", "vae", tuned, first, "-o", two).ok();
        copies(tuned, two);
    }

    @Test
    void whatIsAveragedMustStillBeAlike() throws IOException {
        Path out = folder.resolve("out");
        Run.of("merge", "--component", "unet", first, other, "-o", out)
                .refuses("models of different architecture have no mean");
        Files.copy(
                TinyModels.sdxl().resolve("vae/config.json"),
                other.resolve("vae/config.json"),
                StandardCopyOption.REPLACE_EXISTING);
        Run run = Run.of("merge", "--component", "vae", first, other, "-o", out);
        run.refuses("vae/config.json", "scaling_factor");
        assertThat(run.err()).doesNotContain("different architecture", "model_index");
        assertThat(out).doesNotExist();
        Path noise = TinyModels.copy(TinyModels.sd15(), folder.resolve("noise"));
        Path scheduler = noise.resolve("scheduler/scheduler_config.json");
        Files.writeString(
                scheduler,
                Files.readString(scheduler)
                        .replaceFirst("\\{", "{\"prediction_type\": \"v_prediction\","));
        Run.of("merge", "--component", "unet", first, noise, "-o", out)
                .refuses("prediction_type", "trained to predict different things");
        Run.of("merge", "--component", "vae", first, noise, "-o", out).ok();
    }

    /** Neither is passed over where there is nothing to choose among. */
    @Test
    void filesHaveNeitherComponentsNorVariants() throws IOException {
        Path one = Files.copy(first.resolve(UNET), folder.resolve("one.safetensors"));
        Path two = Files.copy(first.resolve(UNET), folder.resolve("two.safetensors"));
        Path out = folder.resolve("out.safetensors");
        Run.of("merge", "--component", "unet", one, two, "-o", out, "-q")
                .fails(1, one + " is one set of weights without components", "leave it out");
        Run.of("merge", "--variant", "fp16", one, two, "-o", out)
                .fails(2, "--variant says which", one + " is a file", "leave --variant out");
        Path sharded = folder.resolve("sharded");
        Run.of("merge", one, "--shard-size", "200kB", "-o", sharded).ok();
        Run.of("merge", "--variant", "fp16", sharded, "-o", folder.resolve("out"), "-q")
                .fails(1, sharded + " has no weights of the variant 'fp16'");
        assertThat(out).doesNotExist();
    }

    @Test
    void whatIsTheSameIsNamedByItsComponent() throws IOException {
        Path tuned = TinyModels.ingredient(folder.resolve("tuned"), 1);
        Path more = TinyModels.ingredient(folder.resolve("more"), 2);
        Run vae = Run.of("merge", "--component", "vae", tuned, more, "-o", folder.resolve("o1"));
        assertThat(vae.ok().err())
                .contains(tuned + " and " + more + " have the same weights in vae, which count")
                .doesNotContain("are the same weights");
        Run unet = Run.of("merge", "--component", "unet", tuned, more, "-o", folder.resolve("o2"));
        assertThat(unet.ok().err()).doesNotContain("same weights");
        Path copy = TinyModels.copy(tuned, folder.resolve("copy"));
        assertThat(Run.of("merge", tuned, copy, "-o", folder.resolve("o3")).ok().err())
                .contains(tuned + " and " + copy + " are the same weights, and count twice.");
        Path again = tuned.resolve("../tuned");
        assertThat(Run.of("merge", tuned, again, "-o", folder.resolve("o4")).ok().err())
                .contains(tuned + " and " + again + " are one and the same, and count twice.");
        Run given = Run.of("merge", "--component", "vae", tuned, tuned, "-o", folder.resolve("o5"));
        assertThat(given.ok().err()).contains(tuned + " is given twice, and counts twice.");
    }
}
