package org.diffusionsoup.diffusion.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ThreadsTest {
    /** What each process runs. */
    static final class Program {
        private Program() {}

        public static void main(String[] args) {
            System.out.println(Torch.threads());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "8, 16, 8, 8", // as libtorch has it: one for each core, not for each of its two processors
        "1, 2, 2, 2", // a virtual machine that hides its caches
        "1, 16, 8, 8",
        "1, 4, 0, 4", // nothing known of cores
        "64, 2, 64, 2", // a container with a share of two processors
        "1, 1, 64, 1",
        "1, 2, 64, 2",
    })
    void oneForEachCoreThatMayBeUsed(int found, int usable, int cores, int chosen) {
        assertThat(Threads.choose(found, usable, cores)).isEqualTo(chosen);
    }

    @Test
    void coresAreWhatTheirProcessorsShare(@TempDir Path folder) throws IOException {
        assertThat(Threads.cores(folder)).isZero();
        assertThat(Threads.cores(folder.resolve("none"))).isZero();
        for (int cpu = 0; cpu < 12; cpu++) {
            Path topology =
                    Files.createDirectories(folder.resolve("cpu" + cpu).resolve("topology"));
            Files.writeString(
                    topology.resolve("thread_siblings_list"), cpu % 6 + "," + (cpu % 6 + 6) + "\n");
        }
        Files.createDirectories(folder.resolve("cpu12")); // switched off
        Files.createDirectories(folder.resolve("cpufreq/topology"));
        Files.writeString(folder.resolve("cpufreq/topology/thread_siblings_list"), "99\n");
        assertThat(Threads.cores(folder)).isEqualTo(6);
    }

    @Test
    void aProcessTakesThemUnlessItIsTold() throws Exception {
        int usable = Runtime.getRuntime().availableProcessors();
        int least = Threads.choose(1, usable, Threads.cores(Threads.LINUX));
        assertThat(threads(Map.of())).isBetween(least, usable);
        assertThat(threads(Map.of("OMP_NUM_THREADS", "3"))).isEqualTo(3);
        assertThat(threads(Map.of("MKL_NUM_THREADS", "3"))).isEqualTo(3);
    }

    private static int threads(Map<String, String> told) throws Exception {
        ProcessBuilder program =
                new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Program.class.getName());
        program.environment()
                .keySet()
                .removeAll(Set.of("JAVA_TOOL_OPTIONS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"));
        program.environment().putAll(told);
        Process process = program.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        return Integer.parseInt(out.strip());
    }
}
