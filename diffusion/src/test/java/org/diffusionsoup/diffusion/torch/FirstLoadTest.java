package org.diffusionsoup.diffusion.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The first start on a machine: an empty folder of unpacked libraries, and two processes that want
 * it at once. Without the order and the lock of {@link Natives} this dies in the dynamic linker.
 */
class FirstLoadTest {
    /** What each process runs. */
    static final class Program {
        private Program() {}

        public static void main(String[] args) {
            try (Scope s = Scope.open()) {
                // on one thread, libtorch asks another library for this than for larger batches
                Torch.setThreads(1);
                Tensor pixels = Tensor.ones(1, 3, 2, 2);
                Tensor kernel = Tensor.ones(1, 3, 1, 1);
                System.out.println("sum " + Functional.conv2d(pixels, kernel, 1, 0).sum().item());
            }
        }
    }

    @Test
    void twoProcessesLoadFromAnEmptyCache(@TempDir Path cache) throws Exception {
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            ProcessBuilder program =
                    new ProcessBuilder(
                                    Path.of(System.getProperty("java.home"), "bin", "java")
                                            .toString(),
                                    "--enable-native-access=ALL-UNNAMED",
                                    "-Dorg.bytedeco.javacpp.cachedir=" + cache,
                                    "-cp",
                                    System.getProperty("java.class.path"),
                                    Program.class.getName())
                            .redirectErrorStream(true);
            program.environment().remove("JAVA_TOOL_OPTIONS"); // the JVM says that it has some
            processes.add(program.start());
        }
        for (Process p : processes) {
            String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(p.waitFor()).as(out).isZero();
            assertThat(out).isEqualToIgnoringNewLines("sum 12.0");
        }
    }

    @Test
    void nnpackIsNotAskedWhetherItKnowsTheProcessor() {
        Natives.load();
        assertThat(torch.globalContext().userEnabledNNPACK()).isFalse();
    }
}
