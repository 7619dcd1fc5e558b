package org.diffusionsoup.diffusion.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is asked to end while it computes ends by that, not by a fault in libtorch. */
class EndingTest {
    private static final int TERMINATED = 128 + 15;

    @TempDir private Path folder;

    @Test
    void aProcessThatComputesComesToRestAndEnds() throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
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
        process.toHandle().destroy(); // SIGTERM; the process's own method would close the stream
        assertThat(process.getInputStream().readAllBytes()).asString().isEqualTo("rested");
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as(Files.readString(folder.resolve("err")))
                .isEqualTo(TERMINATED);
        try (Stream<Path> left = Files.list(folder)) { // no hs_err of a JVM that died
            assertThat(left.map(f -> f.getFileName().toString())).containsExactly("err");
        }
    }

    /** Computes without end; when the process ends, says whether the computing thread waits. */
    static final class Busy {
        private Busy() {}

        public static void main(String[] args) {
            Thread computing = Thread.currentThread();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> tell(computing)));
            for (int step = 0; ; step++) {
                try (Scope s = Scope.open();
                        Rng rng = new Rng(step)) {
                    Tensor x = rng.normal(100, 100).requiresGrad_(true);
                    x.matmul(x).sum().backward();
                }
                if (step == 0) {
                    System.out.print('!');
                    System.out.flush();
                }
            }
        }

        private static void tell(Thread computing) {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (computing.getState() != Thread.State.WAITING && System.nanoTime() < end) {
                LockSupport.parkNanos(1_000_000);
            }
            boolean rests = computing.getState() == Thread.State.WAITING;
            System.out.print(rests ? "rested" : "computing");
            System.out.flush();
        }
    }
}
