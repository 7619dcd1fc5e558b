package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A pipeline runs the scheduler that its {@code model_index.json} names, with the settings of its
 * {@code scheduler_config.json}.
 */
class SchedulerOfIndexTest {
    private static final String EULER = "EulerDiscreteScheduler";

    private static final String SETTINGS = "scheduler/scheduler_config.json";

    @TempDir Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    /** SD 1.5's tiny model, whose settings are PNDM's, with another scheduler in its index. */
    private Path model(String to, String library, String scheduler) throws IOException {
        Path model = TinyModels.copy(TinyModels.sd15(), folder.resolve(to));
        Path file = model.resolve("model_index.json");
        ObjectNode index = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        index.putArray("scheduler").add(library).add(scheduler);
        Files.writeString(file, index.toString());
        return model;
    }

    private Run generate(Path model, Path png, String... more) {
        List<Object> words =
                new ArrayList<>(List.of("generate", "--model", model, "--prompt", "a cat"));
        words.addAll(List.of("--steps", 3, "--size", 32, "-q", "-o", png));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private byte[] picture(Path model, String... more) throws IOException {
        Path png = Files.createTempFile(folder, "p", ".png");
        Files.delete(png);
        generate(model, png, more).ok();
        return PngCodec.decode(Files.readAllBytes(png), png.toString()).pixels();
    }

    @Test
    void theClassOfTheIndexIsRunAndKeptThroughASingleFile() throws IOException {
        Path model = model("euler", "diffusers", EULER);
        byte[] euler = picture(TinyModels.sd15(), "--scheduler", "euler");
        assertThat(euler).isNotEqualTo(picture(TinyModels.sd15()));
        assertThat(picture(model)).isEqualTo(euler);

        Path single = folder.resolve("single.safetensors");
        Path back = folder.resolve("back");
        Run.of("convert", model, "-o", single).ok();
        Run.of("convert", single, "-o", back).ok();
        assertThat(picture(single)).isEqualTo(euler);
        assertThat(picture(back)).isEqualTo(euler);
        assertThat(back.resolve("model_index.json")).content().contains(EULER);
        assertThat(back.resolve(SETTINGS)).content().contains(EULER).doesNotContain("PNDM");

        Path fused = folder.resolve("fused");
        Path lora = TinyModels.lora("kohya");
        Run.of("lora", "fuse", "--model", model, "--lora", lora, "-o", fused).ok();
        Path plain = folder.resolve("plain");
        Run.of("lora", "fuse", "--model", TinyModels.sd15(), "--lora", lora, "-o", plain).ok();
        assertThat(picture(fused)).isEqualTo(picture(plain, "--scheduler", "euler"));
    }

    @Test
    void mergesCompareTheClassesOfTheIndexes() throws IOException {
        Path model = model("euler", "diffusers", EULER);
        Path same = model("same", "diffusers", EULER);
        Path settings = same.resolve(SETTINGS);
        Files.writeString(settings, Files.readString(settings).replace("PNDMScheduler", EULER));
        Run.of("merge", model, same, "-o", folder.resolve("both")).ok();
        Run mixed = Run.of("merge", model, TinyModels.sd15(), "-o", folder.resolve("mixed"));
        assertThat(mixed.status()).isEqualTo(1);
        assertThat(mixed.err()).contains("model_index.json", EULER, "PNDMScheduler");

        Path one = folder.resolve("one.safetensors");
        Path two = folder.resolve("two.safetensors");
        Run.of("convert", model, "-o", one).ok();
        Run.of("convert", TinyModels.sd15(), "-o", two).ok();
        Run files = Run.of("merge", one, two, "-o", folder.resolve("mixed.safetensors"));
        assertThat(files.status()).isEqualTo(1);
        assertThat(files.err()).contains("_class_name", EULER, "PNDMScheduler");
    }

    @Test
    void whatIsNotThereOrNotKnownIsRefused() throws IOException {
        Path png = folder.resolve("p.png");
        generate(model("lcm", "diffusers", "LCMScheduler"), png)
                .fails(1, "lcm/model_index.json", "LCMScheduler is not supported");
        generate(model("foreign", "my_schedulers", "PNDMScheduler"), png)
                .fails(1, "foreign/model_index.json", "PNDMScheduler is of 'my_schedulers'");
        Path absent = model("absent", null, null);
        generate(absent, png).fails(1, "absent/model_index.json names no scheduler");
        Path shard = TinyTraining.shard(folder.resolve("rows.tar"), 4, 64, "train");
        Path out = folder.resolve("trained");
        Run.of("train", "--base", absent, "--shard", shard, "--out", out, "--steps", 1, "-q")
                .fails(1, "absent/model_index.json names no scheduler");
        assertThat(png).doesNotExist();
        assertThat(out).doesNotExist();
    }
}
