package org.diffusionsoup.workbench.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code DIR} and {@code DIR=SHARD} where both may hold '='. */
class AuditTargetTest {
    @TempDir private Path temp;

    private String folder(String name) throws IOException {
        return Files.createDirectories(temp.resolve(name)).toString();
    }

    private static void is(String text, String folder, String shard) {
        AuditTarget target = AuditTarget.parse(text);
        assertThat(target.folder()).isEqualTo(Path.of(folder));
        assertThat(target.shard().orElse("none")).isEqualTo(shard);
    }

    @Test
    void aModelAlone() throws IOException {
        String plain = folder("food");
        is(plain, plain, "none");
        is("nobody", "nobody", "none"); // what is missing is the reader's to say
    }

    @Test
    void aModelAndAView() throws IOException {
        String plain = folder("food");
        String view = "shards/emoji#domain=food&provider!=noto,fluent";
        is(plain + "=" + view, plain, view);
        is(plain + "=mine.tar", plain, "mine.tar");
    }

    @Test
    void anExistingFolderWins() throws IOException {
        String plain = folder("lr");
        String equal = folder("lr=1e-4");
        is(equal, equal, "none");
        is(equal + "=shards/emoji#domain=food", equal, "shards/emoji#domain=food");
        is(plain + "=other.tar", plain, "other.tar");
        String end = folder("odd=");
        is(end, end, "none");
    }

    @Test
    void whereNoFolderIsThereTheFirstEqualSignSplits() {
        is("gone=shards/emoji#domain=food", "gone", "shards/emoji#domain=food");
    }

    @Test
    void halvesAreRefused() throws IOException {
        String plain = folder("food");
        assertThatThrownBy(() -> AuditTarget.parse(plain + "="))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(plain + "= names no shard");
        assertThatThrownBy(() -> AuditTarget.parse("=mine.tar"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("names no model");
    }
}
