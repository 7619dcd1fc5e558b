package org.diffusionsoup.diffusion.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is asked to end while it computes ends by that, not by a fault in libtorch. */
class EndingTest {
    private static final int TERMINATED = 128 + 15;

    @TempDir private Path folder;

    @Test
    void aProcessThatComputesEndsCleanly() throws Exception {
        for (int run = 0; run < 3; run++) {
            ProcessBuilder builder =
                    new ProcessBuilder(
                                    Path.of(System.getProperty("java.home"), "bin", "java")
                                            .toString(),
                                    "--enable-native-access=ALL-UNNAMED",
                                    "-XX:TieredStopAtLevel=1",
                                    "-cp",
                                    System.getProperty("java.class.path"),
                                    Busy.class.getName())
                            .directory(folder.toFile())
                            .redirectError(folder.resolve("err").toFile());
            builder.environment().remove("JAVA_TOOL_OPTIONS");
            builder.environment().put("OMP_NUM_THREADS", "1");
            Process process = builder.start();
            assertThat(process.getInputStream().read()).isEqualTo('!');
            Thread.sleep(40L * run); // anywhere in a step
            process.destroy(); // SIGTERM
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue())
                    .as(Files.readString(folder.resolve("err")))
                    .isEqualTo(TERMINATED);
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left.map(f -> f.getFileName().toString())).containsExactly("err");
        }
    }

    /** Steps whose backward pass alone takes longer than a JVM waits for native code. */
    static final class Busy {
        private Busy() {}

        public static void main(String[] args) {
            for (int step = 0; ; step++) {
                try (Scope s = Scope.open();
                        Rng rng = new Rng(step)) {
                    Tensor x = rng.normal(1500, 1500).requiresGrad_(true);
                    Tensor y = x;
                    for (int i = 0; i < 6; i++) {
                        y = y.matmul(x);
                    }
                    y.sum().backward();
                }
                if (step == 0) {
                    System.out.print('!');
                    System.out.flush();
                }
            }
        }
    }
}
