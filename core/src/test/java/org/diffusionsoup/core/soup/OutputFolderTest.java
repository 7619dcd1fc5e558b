package org.diffusionsoup.core.soup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FolderList;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A folder is replaced only while it holds what was written there and nothing else. */
class OutputFolderTest {
    @TempDir Path dir;

    private Path soup() {
        Path out = dir.resolve("S");
        make(out, false);
        return out;
    }

    private void make(Path out, boolean replace) {
        Souper.create()
                .replaceExisting(replace)
                .make(List.of(SoupIngredient.of(SouperTest.TINY)), out);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "notes.txt",
                "pic.png",
                "data.csv",
                "README.md",
                "LICENSE",
                "other.safetensors",
                "config.json",
                "thesis.docx",
                "vae/mywork.psd",
                "vae/loss.csv",
                "vae/deep/",
                "mine/config.json"
            })
    void whatSomebodyPutThereIsNotLost(String own) throws IOException {
        Path out = soup();
        Path file = out.resolve(own);
        if (own.endsWith("/")) {
            Files.createDirectories(file);
        } else {
            Files.createDirectories(file.getParent());
            Files.writeString(file, "years of work");
        }
        assertThatThrownBy(() -> make(out, true))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("S")
                .hasMessageContaining(own.startsWith("mine") ? "mine" : own)
                .hasMessageContaining("not even with `force`");
        assertThat(file).exists();
    }

    @Test
    void whatWasChangedThereIsNotLostAndOwnOutputsAreReplaced() throws IOException {
        Path out = soup();
        make(out, true);
        Files.writeString(out.resolve(".DS_Store"), "of the system");
        make(out, true);
        Path index = out.resolve(DiffusersFolder.INDEX);
        byte[] written = Files.readAllBytes(index);
        Files.writeString(index, Files.readString(index) + " ");
        assertThatThrownBy(() -> make(out, true))
                .hasMessageContaining("'model_index.json', which was changed since");
        Files.write(index, written);
        assertThatCode(() -> make(out, true)).doesNotThrowAnyException();
    }

    @Test
    void aModelFromElsewhereIsNotReplaced() throws IOException {
        Path foreign = SouperTest.perturbed(dir.resolve("downloaded"), 3);
        Files.deleteIfExists(foreign.resolve(FolderList.NAME));
        Files.writeString(foreign.resolve("README.md"), "a model card");
        assertThatThrownBy(() -> make(foreign, true))
                .hasMessageContaining("no list of files (.soup-files) by Diffusion Soup")
                .hasMessageContaining("move it away");
        assertThat(foreign.resolve("README.md")).hasContent("a model card");
    }

    @Test
    void aFolderOfShardFilesTakesNoFileInItsPlace() {
        Path out = dir.resolve("sh");
        Path a = dir.resolve("a");
        SafetensorsWriter.write(
                a,
                Map.of(),
                List.of(
                        TensorEntry.ofFloats("v", new long[] {100}, new float[100]),
                        TensorEntry.ofFloats("w", new long[] {100}, new float[100])));
        List<SoupIngredient> in = List.of(SoupIngredient.of(a));
        SoupOptions some = SoupOptions.DEFAULT.withWriter(new CheckpointWriter(true, 500));
        Souper.with(some).make(in, out);
        Souper.with(some).make(in, out);
        assertThatThrownBy(() -> Souper.create().replaceExisting(true).make(in, out))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("sh is a folder, not a model file");
        assertThat(out).isDirectoryContaining("glob:**.index.json");
    }

    @Test
    void aForeignFileInAFolderOfTheSumIsNotLost() throws IOException {
        Path out = dir.resolve("soup");
        Path a = dir.resolve("a");
        SafetensorsWriter.write(
                a, Map.of(), List.of(TensorEntry.ofFloats("v", new long[] {9}, new float[9])));
        Souper keeping =
                Souper.with(
                        SoupOptions.DEFAULT
                                .withKeepSum(true)
                                .withWriter(new CheckpointWriter(true, 0)));
        keeping.make(List.of(SoupIngredient.of(a)), out);
        keeping.make(List.of(SoupIngredient.of(a)), out);
        Path mine = KeptSum.folderOf(out).resolve("mine.safetensors");
        Files.copy(a, mine);
        assertThatThrownBy(() -> keeping.make(List.of(SoupIngredient.of(a)), out))
                .hasMessageContaining("holds 'mine.safetensors', which is no part of a kept sum")
                .hasMessageContaining("not a kept sum");
        assertThat(mine).exists();
    }

    /** Of three that make one folder, two are told that it is there by now. */
    @Test
    void aFolderThatSomebodyElseMadeMeanwhileIsSaidToBeThere() throws IOException {
        Path target = dir.resolve("same");
        assertThatThrownBy(() ->
                        AtomicFiles.writeFolder(
                                target,
                                to -> {
                                    Files.writeString(to.resolve("mine"), "1");
                                    Files.createDirectory(target);
                                    Files.writeString(target.resolve("theirs"), "2");
                                }))
                .hasMessageContaining(target + " was made by somebody else meanwhile");
        assertThat(target.resolve("theirs")).hasContent("2");
        assertThat(dir.toFile().list()).containsExactly("same");
    }
}
