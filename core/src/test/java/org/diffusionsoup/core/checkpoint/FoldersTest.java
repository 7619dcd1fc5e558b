package org.diffusionsoup.core.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FolderList;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.core.safetensors.SafetensorsTest;
import org.diffusionsoup.core.soup.SouperTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Atomic folders, and diffusers folders as the reference implementation lays them out. */
class FoldersTest {
    @TempDir Path dir;

    @Test
    void aPipelineListsItsComponentsAndConfigurations() {
        DiffusersFolder f = DiffusersFolder.open(SouperTest.TINY);
        assertThat(f.className()).isEqualTo("StableDiffusionPipeline");
        assertThat(f.components().keySet()).containsExactly("scheduler", "text_encoder", "vae");
        assertThat(f.weightFiles())
                .containsExactly(
                        "text_encoder/model.safetensors",
                        "vae/diffusion_pytorch_model.safetensors");
        assertThat(f.otherFiles())
                .containsExactly(
                        "model_index.json",
                        "scheduler/scheduler_config.json",
                        "text_encoder/config.json",
                        "vae/config.json");
        assertThat(f.component("vae").className()).isEqualTo("AutoencoderKL");
        assertThat(f.component("vae").config().string("_class_name")).contains("AutoencoderKL");
        assertThat(f.component("scheduler").config().get("beta_start")).isPresent();
        assertThatThrownBy(() -> f.component("unet"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("unet");
    }

    @Test
    void aCopyHasThePipelineAloneWithFilesReplacedAndAdded() throws IOException {
        Path from = dir.resolve("from");
        copy(from);
        Files.writeString(from.resolve("loss.csv"), "not part of the pipeline");
        Files.writeString(from.resolve("vae/old.bin"), "weights in another format");
        DiffusersFolder f = DiffusersFolder.open(from);
        Path to = dir.resolve("to");
        f.copyTo(
                to,
                false,
                Map.of(
                        "vae/diffusion_pytorch_model.safetensors",
                        p -> Files.writeString(p, "new"),
                        "notes/a.txt",
                        p -> Files.writeString(p, "added")));
        assertThat(to.resolve("vae/diffusion_pytorch_model.safetensors")).hasContent("new");
        assertThat(to.resolve("notes/a.txt")).hasContent("added");
        assertThat(to.resolve("loss.csv")).doesNotExist();
        assertThat(to.resolve("vae/old.bin")).doesNotExist();
        assertThat(to.resolve("text_encoder/model.safetensors"))
                .hasSameBinaryContentAs(from.resolve("text_encoder/model.safetensors"));
        assertThatThrownBy(() -> f.copyTo(from.resolve("x"), false, Map.of()))
                .isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> f.copyTo(dir.resolve("y"), false, Map.of("../evil", p -> {})))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("../evil");
        assertThat(SafetensorsTest.list(dir)).containsExactly("from", "to");
    }

    @Test
    void brokenPipelinesAreRefusedByName() throws IOException {
        assertThatThrownBy(() -> DiffusersFolder.open(dir))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("model_index.json");
        Path index = dir.resolve("model_index.json");
        for (String name : new String[] {"unet", "..", "a/b"}) {
            Files.writeString(index, "{\"" + name + "\": [\"diffusers\", \"X\"]}");
            assertThatThrownBy(() -> DiffusersFolder.open(dir))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("'" + name + "'");
        }
        Files.writeString(index, "{\"unet\": [\"diffusers\", \"X\"]}");
        Files.createDirectory(dir.resolve("unet"));
        Files.writeString(dir.resolve("unet/weights.bin"), "");
        assertThatThrownBy(() -> DiffusersFolder.open(dir))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("'unet'")
                .hasMessageContaining("safetensors");
        for (String bad : new String[] {"", "[]", "{", "{\"a\":1,\"a\":2}", "{} x", "{\"a\":[1}"}) {
            Files.writeString(index, bad);
            assertThatThrownBy(() -> DiffusersFolder.open(dir))
                    .as(bad)
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("JSON");
        }
    }

    @Test
    void foldersAppearWholeOrNotAtAll() throws IOException {
        Path target = dir.resolve("new/folder");
        assertThatThrownBy(() ->
                        AtomicFiles.writeFolder(
                                target,
                                p -> {
                                    Files.writeString(p.resolve("a"), "a");
                                    throw new IllegalStateException("unchecked");
                                }))
                .isInstanceOf(IllegalStateException.class);
        assertThat(SafetensorsTest.list(dir)).isEmpty();

        OutputKind kind = OutputKind.folderWith("a test", "a");
        AtomicFiles.writeFolder(target, kind, false, p -> Files.writeString(p.resolve("a"), "1"));
        assertThatThrownBy(() -> AtomicFiles.writeFolder(target, p -> {}))
                .isInstanceOf(SoupIoException.class)
                .hasMessageContaining("exists already");
        assertThatThrownBy(() ->
                        AtomicFiles.replaceFolder(
                                target,
                                OutputKind.folderWith("a test", "a"),
                                p -> {
                                    throw new IOException("no");
                                }))
                .isInstanceOf(SoupIoException.class);
        assertThat(target.resolve("a")).hasContent("1");
        AtomicFiles.replaceFolder(
                target,
                OutputKind.folderWith("a test", "a"),
                p -> Files.writeString(p.resolve("b"), "2"));
        assertThat(SafetensorsTest.list(target)).containsExactly(FolderList.NAME, "b");
        assertThat(SafetensorsTest.list(target.getParent())).containsExactly("folder");
        Path empty = Files.createDirectory(dir.resolve("empty"));
        AtomicFiles.writeFolder(empty, p -> Files.writeString(p.resolve("b"), "2"));
        assertThat(SafetensorsTest.list(empty)).containsExactly("b");
    }

    @Test
    void jsonKeepsOrderAndExactNumbers() throws IOException {
        Path p = dir.resolve("x.json");
        Files.writeString(p, "{\"b\":[1,2.50,true,null,{\"x\":\"y\"}],\"a\":\"s\",\"n\":null}");
        JsonObject o = JsonValue.readObject(p);
        assertThat(o.fields().keySet()).containsExactly("b", "a", "n");
        assertThat(o.string("a")).contains("s");
        assertThat(o.string("b")).isEmpty();
        assertThat(o.get("n")).isEmpty();
        assertThat(o.get("b").orElseThrow().toString()).contains("2.50");
        assertThat(o.get("a")).contains(new JsonString("s"));
    }

    private void copy(Path to) {
        DiffusersFolder.open(SouperTest.TINY).copyTo(to, false, Map.of());
    }
}
