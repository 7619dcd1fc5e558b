package org.diffusionsoup.core.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class FolderLockTest {
    @TempDir private Path folder;

    @Test
    void aFolderIsHeldOnceAndWhatWasMadeForItGoesAgain() throws IOException {
        Path work = folder.resolve("a/b/work");
        try (FolderLock lock = FolderLock.hold(work)) {
            assertThat(FolderLock.isAllOf(work)).isTrue();
            assertThatThrownBy(() -> FolderLock.hold(work.resolve("../work")))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("work is in use by another run");
            lock.close();
            lock.close();
            assertThat(folder.resolve("a")).doesNotExist();
            try (FolderLock next = FolderLock.hold(work)) {
                Files.writeString(work.resolve("result"), "kept");
            }
        }
        assertThat(work).isDirectoryContaining("glob:**/result");
        assertThat(work.resolve(FolderLock.NAME)).doesNotExist();
    }

    /** In a process of its own: the lock names it, holds against others, and dies with it. */
    @Test
    void anotherProcessIsNamedAndItsKillLetsGo() throws Exception {
        Path work = folder.resolve("work");
        ProcessBuilder builder =
                new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        work.toString());
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        Process other = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            assertThat(other.getInputStream().read()).isEqualTo('!');
            for (int again = 0; again < 2; again++) { // asking must not let go of it
                assertThatThrownBy(() -> FolderLock.hold(work))
                        .isInstanceOf(SoupException.class)
                        .hasMessageContaining("(process " + other.pid() + ")");
            }
        } finally {
            other.destroyForcibly(); // SIGKILL
            assertThat(other.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(FolderLock.isAllOf(work)).isTrue();
        try (FolderLock mine = FolderLock.hold(work)) {
            assertThat(FolderLock.isAllOf(work)).isTrue();
        }
        assertThat(work).doesNotExist();
    }

    /** A limit on the size of files is met where a full disk is: in a write that fails. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aDiskThatIsFullIsLeftAsItWas() throws Exception {
        Path work = folder.resolve("new/work");
        ProcessBuilder builder =
                new ProcessBuilder(
                        "bash",
                        "-c",
                        "ulimit -f 0; exec \"$0\" \"$@\"",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:-UsePerfData",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        work.toString());
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        assertThat(builder.start().waitFor()).isNotZero();
        assertThat(folder).isEmptyDirectory();
    }

    /** Holds a folder until it is killed. */
    static final class Holder {
        private Holder() {}

        public static void main(String[] args) throws InterruptedException {
            try (FolderLock lock = FolderLock.hold(Path.of(args[0]))) {
                System.out.print('!');
                System.out.flush();
                Thread.sleep(TimeUnit.MINUTES.toMillis(5));
            }
        }
    }
}
