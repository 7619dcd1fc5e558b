package org.diffusionsoup.core.io;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What something is made of is kept from what is made, by whatever way they meet. */
class InputsTest {
    @TempDir private Path dir;

    private void refused(Path out, Path in) {
        assertThatThrownBy(() -> Inputs.keep(out, List.of(dir.resolve("other"), in), "its input"))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "Cannot write to %s: that is, holds or lies inside its input %s; name another `out`.",
                        out, in);
    }

    private void free(Path out, Path in) {
        assertThatCode(() -> Inputs.keep(out, List.of(in), "its input")).doesNotThrowAnyException();
    }

    @Test
    void theInputWhatIsInItAndWhatIsAroundIt() throws IOException {
        Path in = Files.createDirectories(dir.resolve("models/a"));
        Files.writeString(in.resolve("w"), "w");
        refused(in, in);
        refused(in.resolve("unet/x"), in);
        refused(dir.resolve("models"), in);
        refused(dir.resolve("models/b/../a/new"), in);
        refused(in.resolve("w"), in.resolve("w"));
        free(dir.resolve("models/b"), in);
        free(dir.resolve("models/a2"), in);
        Path link = Files.createSymbolicLink(dir.resolve("link"), dir.resolve("models"));
        refused(link.resolve("a/x"), in);
        refused(in.resolve("x"), link.resolve("a"));
    }

    /** The Hugging Face libraries' cache keeps files elsewhere and links to them. */
    @Test
    void whatLinksInAFolderLeadTo() throws IOException {
        Path blobs = Files.createDirectories(dir.resolve("blobs"));
        Path unet = Files.createDirectories(dir.resolve("snapshots/main/unet"));
        Files.writeString(blobs.resolve("1f"), "weights");
        Files.writeString(blobs.resolve("2e"), "of something else");
        Files.createSymbolicLink(unet.resolve("w.safetensors"), blobs.resolve("1f"));
        refused(blobs.resolve("1f"), dir.resolve("snapshots/main"));
        free(blobs.resolve("2e"), dir.resolve("snapshots/main"));
        free(blobs.resolve("new"), dir.resolve("snapshots/main"));
    }

    @Test
    void theFilesOfAnIndex() throws IOException {
        Path index = dir.resolve("m.safetensors.index.fp16.json");
        Files.writeString(index, "{\"weight_map\": {\"x\": \"m-00001-of-00002.safetensors\"}}");
        Path shard = dir.resolve("m-00001-of-00002.safetensors");
        refused(shard, index);
        Files.writeString(shard, "weights");
        refused(shard, index);
        free(dir.resolve("m-00001-of-00003.safetensors"), index);
        Path broken = Files.writeString(dir.resolve("n.safetensors.index.json"), "{");
        free(shard, broken);
    }
}
