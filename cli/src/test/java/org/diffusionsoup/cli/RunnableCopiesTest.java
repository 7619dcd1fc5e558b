package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** The cached copies that models are run from: of what they are made, and when anew. */
@DisabledOnOs(OS.WINDOWS) // where making links takes a privilege
@ResourceLock("soup.cache")
class RunnableCopiesTest {
    private static final String VELOCITY = "{\"prediction_type\": \"v_prediction\",";

    @TempDir Path folder;

    private Path cache;

    @BeforeEach
    void ownCache() {
        Torch.setThreads(1);
        cache = folder.resolve("cache");
        System.setProperty("soup.cache", cache.toString());
    }

    @AfterEach
    void noOwnCache() {
        System.clearProperty("soup.cache");
    }

    private byte[] picture(Path model) throws IOException {
        Path png = Files.createTempFile(folder, "p", ".png");
        Files.delete(png);
        Run.of("generate", "--model", model, "--prompt", "a cat", "--steps", 2, "-q", "-o", png)
                .ok();
        return PngCodec.decode(Files.readAllBytes(png), png.toString()).pixels();
    }

    /** Those of {@link #variant}, also unfinished ones: other tests may use the cache as well. */
    private List<Path> copies() throws IOException {
        try (Stream<Path> all = Files.list(cache.resolve("models"))) {
            return all.filter(home -> Files.exists(home.resolve("f16"))).toList();
        }
    }

    private static List<TensorEntry> entries(SafetensorsFile f, boolean first) {
        List<TensorEntry> some = new ArrayList<>();
        int half = f.tensors().size() / 2;
        int at = 0;
        for (TensorInfo t : f.tensors().values()) {
            if (at++ < half == first && t.byteSize() > 0) {
                TensorBytes bytes = TensorBytes.of(f.data(t.name()));
                some.add(new TensorEntry(t.name(), t.dtype(), t.shape(), bytes));
            }
        }
        return some;
    }

    /** A single file that says nothing of what it predicts. */
    private Path silent(Path model, String name) throws IOException {
        Path telling = folder.resolve("telling.safetensors");
        Run.of("convert", model, "-o", telling).ok();
        Path silent = folder.resolve(name);
        try (SafetensorsFile f = SafetensorsFile.open(telling)) {
            List<TensorEntry> all = entries(f, true);
            all.addAll(entries(f, false));
            ObjectNode carried =
                    (ObjectNode) new ObjectMapper().readTree(f.metadata().get(CarriedConfigs.KEY));
            carried.remove(CarriedConfigs.SCHEDULER); // the rest says nothing of it
            SafetensorsWriter.write(silent, Map.of(CarriedConfigs.KEY, carried.toString()), all);
        }
        Files.delete(telling);
        return silent;
    }

    @Test
    void whatTheYamlBesideAFileSaysIsFollowedWheneverItChanges() throws IOException {
        Path model = silent(TinyModels.sd15(), "n.safetensors");
        Path yaml = folder.resolve("n.yaml");
        byte[] noise = picture(model);
        Files.writeString(yaml, "model:\n  params:\n    parameterization: v\n");
        byte[] velocity = picture(model);
        assertThat(velocity).as("added").isNotEqualTo(noise);
        Files.writeString(yaml, "model:\n  params:\n    parameterization: eps\n");
        assertThat(picture(model)).as("changed").isEqualTo(noise);
        Files.move(yaml, folder.resolve("n.yml"));
        Files.writeString(folder.resolve("n.yml"), "parameterization: v\n");
        assertThat(picture(model)).as("under its other ending").isEqualTo(velocity);
        Files.delete(folder.resolve("n.yml"));
        assertThat(picture(model)).as("removed").isEqualTo(noise);
        Files.writeString(folder.resolve("m.yaml"), "parameterization: v\n");
        assertThat(picture(Files.move(model, folder.resolve("m.safetensors")))).isEqualTo(velocity);
        Files.delete(folder.resolve("m.yaml"));
        assertThat(picture(folder.resolve("m.safetensors"))).isEqualTo(noise);
    }

    @Test
    void aNameByWhichTheObjectiveIsGuessedCounts() throws IOException {
        Path model = silent(TinyModels.sd21(), "v2.safetensors");
        Path link = Files.createSymbolicLink(folder.resolve("v2-base.safetensors"), model);
        byte[] velocity = picture(model);
        byte[] noise = picture(link);
        assertThat(noise).isNotEqualTo(velocity);
        assertThat(picture(model)).isEqualTo(velocity);
        assertThat(picture(link)).isEqualTo(noise);
    }

    @Test
    void aShardBesideAnIndexIsNoticedWhenItChanges() throws IOException {
        Path index = folder.resolve("m.safetensors.index.json");
        shards(index, silent(TinyModels.sd15(), "a.safetensors"));
        byte[] first = picture(index);
        String named = Files.readString(index);
        Path other = TinyModels.ingredient(folder.resolve("other"), 3);
        shards(index, silent(other, "b.safetensors"));
        assertThat(Files.readString(index)).isEqualTo(named);
        assertThat(picture(index)).isNotEqualTo(first);
    }

    private static void shards(Path index, Path single) throws IOException {
        List<String> map = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(single)) {
            for (boolean first : new boolean[] {true, false}) {
                String name = "m-0000%d-of-00002.safetensors".formatted(first ? 1 : 2);
                List<TensorEntry> some = entries(f, first);
                SafetensorsWriter.write(index.resolveSibling(name), f.metadata(), some);
                some.forEach(e -> map.add("\"%s\":\"%s\"".formatted(e.name(), name)));
            }
        }
        if (!Files.exists(index)) { // its stamp stays
            Files.writeString(
                    index, "{\"metadata\":{},\"weight_map\":{" + String.join(",", map) + "}}");
        }
    }

    @Test
    void aLinkToAFileIsRunAsTheFileIsInAnyOrder() throws IOException {
        Path a = silent(TinyModels.sd15(), "a.safetensors");
        Path latest = Files.createSymbolicLink(folder.resolve("latest.safetensors"), a);
        byte[] wanted = picture(latest);
        assertThat(picture(a)).isEqualTo(wanted);
        assertThat(picture(latest)).isEqualTo(wanted);
    }

    /** A folder whose UNet's weights are of a variant alone, so that a copy of it is run. */
    private Path variant(String name) throws IOException {
        Path model = TinyModels.copy(TinyModels.sd15(), folder.resolve(name));
        Path weights = model.resolve("unet/diffusion_pytorch_model.safetensors");
        Files.move(weights, weights.resolveSibling("diffusion_pytorch_model.fp16.safetensors"));
        return model;
    }

    @Test
    void aLinkToAFolderAndLinksInsideItAreFollowed() throws IOException {
        byte[] wanted = picture(TinyModels.sd15());
        Path model = variant("f16");
        Path link = Files.createSymbolicLink(folder.resolve("l16"), model);
        assertThat(picture(link)).isEqualTo(wanted);
        assertThat(picture(model)).isEqualTo(wanted);
        Path apart = Files.createDirectory(folder.resolve("apart"));
        for (String part : new String[] {"unet", "scheduler", "tokenizer"}) {
            Files.move(model.resolve(part), apart.resolve(part));
            Files.createSymbolicLink(model.resolve(part), apart.resolve(part));
            assertThat(picture(model)).as(part).isEqualTo(wanted);
        }
        Files.createSymbolicLink(model.resolve("here"), model);
        assertThat(picture(link)).as("a link to the folder above it").isEqualTo(wanted);
        Path config = apart.resolve("scheduler/scheduler_config.json");
        Files.writeString(config, Files.readString(config).replaceFirst("\\{", VELOCITY));
        assertThat(picture(model)).as("changed behind a link").isNotEqualTo(wanted);
    }

    @Test
    void aCopyThatHasLostFilesIsMadeAnew() throws IOException {
        Path model = variant("f16");
        byte[] wanted = picture(model);
        Path home = copies().getFirst();
        for (String lost :
                new String[] {
                    "f16/unet/config.json",
                    "f16/unet/diffusion_pytorch_model.safetensors",
                    "notes.txt"
                }) {
            Files.delete(home.resolve(lost));
            assertThat(picture(model)).as(lost).isEqualTo(wanted);
            assertThat(copies()).hasSize(1);
        }
        Files.move(home.resolve("f16"), folder.resolve("elsewhere"));
        assertThat(picture(model)).isEqualTo(wanted);
    }

    @Test
    void aFolderThatCannotBeRunIsNamedAndNoCopyOfItIsKept() throws IOException {
        Path model = variant("f16");
        Path config = model.resolve("vae/config.json");
        Files.move(config, folder.resolve("config.json"));
        Run.of("generate", "--model", model, "--prompt", "x", "-q", "-o", folder.resolve("x.png"))
                .fails(1, model + " has no vae/config.json");
        assertThat(copies()).isEmpty();
        Files.move(folder.resolve("config.json"), config);
        assertThat(picture(model)).isEqualTo(picture(TinyModels.sd15()));
    }
}
