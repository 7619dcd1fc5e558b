package org.diffusionsoup.core.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeptFilesTest {
    @TempDir Path cache;

    private final List<String> notes = new ArrayList<>();
    private Path model = Path.of("");
    private Path record = Path.of("");

    @BeforeEach
    void make() throws IOException {
        model = cache.resolve("models/a-1");
        record = cache.resolve("kept/a-1.sha256");
        write();
        later().keep(model);
    }

    private void write() throws IOException {
        Files.createDirectories(model.resolve("unet"));
        Files.writeString(model.resolve("unet/w.safetensors"), "weights");
        Files.writeString(model.resolve("config.json"), "{}");
        Files.writeString(model.resolve("loss.csv"), "1,2");
    }

    /** As another run of the program sees the cache. */
    private KeptFiles later() {
        return new KeptFiles(cache, f -> !f.toString().endsWith(".csv"), notes::add);
    }

    @Test
    void whatIsAsItWasIsThereAndTheRecordIsThatOfSha256sum() throws IOException {
        Files.writeString(model.resolve("loss.csv"), "changed, and counts for nothing");
        assertThat(later().has(model)).isTrue();
        assertThat(later().has(cache.resolve("models/b-1"))).isFalse();
        assertThat(notes).isEmpty();
        assertThat(record)
                .content()
                .isEqualTo(
                        Hashes.sha256Hex("{}".getBytes(java.nio.charset.StandardCharsets.UTF_8))
                                + "  models/a-1/config.json\n"
                                + Hashes.sha256(model.resolve("unet/w.safetensors"))
                                + "  models/a-1/unet/w.safetensors\n");
    }

    @Test
    void whatIsDamagedIsNamedRemovedAndRecordedAnew() throws IOException {
        List<String> reasons =
                List.of("w.safetensors is not what was written", "config.json is missing", "empty");
        for (String reason : reasons) {
            if (reason.contains("written")) {
                Files.writeString(model.resolve("unet/w.safetensors"), "weighty");
            } else if (reason.contains("missing")) {
                Files.delete(model.resolve("config.json"));
            } else {
                Files.writeString(record, "");
            }
            notes.clear();
            assertThat(later().has(model)).isFalse();
            assertThat(notes).hasSize(1);
            assertThat(notes.getFirst()).contains(model.toString(), reason, "made anew");
            assertThat(model).doesNotExist();
            assertThat(record).doesNotExist();
            write();
            later().keep(model);
            assertThat(later().has(model)).isTrue();
        }
    }

    @Test
    void whatHasNoRecordIsTakenOnceAndGuardedFromThenOn() throws IOException {
        Files.delete(record);
        assertThat(later().has(model)).isTrue();
        assertThat(notes).isEmpty();
        Files.writeString(model.resolve("config.json"), "[]");
        assertThat(later().has(model)).isFalse();
        assertThat(notes).hasSize(1);
    }

    @Test
    void aFileIsKeptLikeAFolder() throws IOException {
        Path tar = Files.writeString(cache.resolve("rows.csv"), "rows");
        later().keep(tar);
        assertThat(later().has(tar)).isTrue();
        Files.writeString(tar, "worm");
        assertThat(later().has(tar)).isFalse();
        assertThat(tar).doesNotExist();
    }
}
