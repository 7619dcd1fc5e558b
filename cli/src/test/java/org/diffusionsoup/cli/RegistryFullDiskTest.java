package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The registry's commands where no more can be written. A limit on the size of files is met where a
 * full disk is: in a write that fails, of the ledger, of weights or of a sum, by the limit.
 */
@DisabledOnOs(OS.WINDOWS)
class RegistryFullDiskTest {
    private static final int LENGTH = 500_000;

    @TempDir private Path folder;
    private Path registry;

    @BeforeEach
    void make() {
        registry = folder.resolve("registry");
        soup("init").ok();
        soup("base", "add", "base", weights("base", 0)).ok();
        Path source = TinyTraining.shard(folder.resolve("all.tar"), 12, 16, "train");
        List<Sample> samples = Shard.open(source).samples();
        for (int i = 1; i <= 3; i++) {
            ShardWriter.write(folder.resolve("s" + i + ".tar"), samples.subList(3 * i, 3 * i + 3));
            weights("s" + i, i);
        }
        soup(shard(1)).ok();
        soup(ingredient(1)).ok();
        soup(shard(2)).ok();
        soup(ingredient(2)).ok();
    }

    private Object[] shard(int i) {
        return new Object[] {"shard", "add", "s" + i, "--data", folder.resolve("s" + i + ".tar")};
    }

    private Object[] ingredient(int i) {
        Path weights = folder.resolve("s" + i + ".safetensors");
        return new Object[] {
            "ingredient", "add", "s" + i, "--weights", weights, "--base", "base", "--shard", "s" + i
        };
    }

    private Path weights(String name, long seed) {
        Random random = new Random(seed);
        float[] values = new float[LENGTH];
        for (int i = 0; i < LENGTH; i++) {
            values[i] = (float) random.nextGaussian();
        }
        Path file = folder.resolve(name + ".safetensors");
        SafetensorsWriter.write(
                file,
                Map.of(),
                List.of(TensorEntry.ofFloats("unet.w", new long[] {LENGTH}, values)));
        return file;
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private JsonNode json(Object... args) throws IOException {
        List<Object> words = new ArrayList<>(List.of(args));
        words.add("--json");
        return new ObjectMapper().readTree(soup(words.toArray()).ok().out());
    }

    /** The command in a process that can write no file longer than so many KiB. */
    private Run limited(int kib, Object... args) throws Exception {
        return limited(kib, List.of(), args);
    }

    private Run limited(int kib, List<String> properties, Object... args) throws Exception {
        List<String> words =
                new ArrayList<>(
                        List.of(
                                "bash",
                                "-c",
                                "ulimit -f " + kib + "; exec \"$0\" \"$@\"",
                                System.getProperty("java.home") + "/bin/java",
                                "-XX:TieredStopAtLevel=1",
                                "-XX:+UseSerialGC",
                                "-XX:-UsePerfData",
                                "--enable-native-access=ALL-UNNAMED"));
        words.addAll(properties);
        words.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        for (Object a : args) {
            words.add(a.toString());
        }
        words.addAll(List.of("--registry", registry.toString(), "-q"));
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        ProcessBuilder command =
                new ProcessBuilder(words).redirectOutput(out.toFile()).redirectError(err.toFile());
        command.environment().remove("JAVA_TOOL_OPTIONS"); // of which the JVM would speak
        Process process = command.start();
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        return new Run(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    /** SQLite's library where a start need not unpack it. */
    private List<String> unpacked() throws IOException {
        String arch = System.getProperty("os.arch").replace("amd64", "x86_64");
        String os = System.getProperty("os.name").startsWith("Mac") ? "Mac" : "Linux";
        String name = os.equals("Mac") ? "libsqlitejdbc.dylib" : "libsqlitejdbc.so";
        Path library = folder.resolve(name);
        if (!Files.exists(library)) {
            String resource = "org/sqlite/native/%s/%s/%s".formatted(os, arch, name);
            try (InputStream in = ClassLoader.getSystemResourceAsStream(resource)) {
                Files.copy(Objects.requireNonNull(in, resource), library);
            }
        }
        return List.of("-Dorg.sqlite.lib.path=" + folder, "-Dorg.sqlite.lib.name=" + name);
    }

    /** Failed in one sentence and the registry is sound, as if nothing had been asked. */
    private String failsWhole(int kib, String state, Object... args) throws Exception {
        Run run = limited(kib, unpacked(), args);
        String told = "%s within %d KiB: %s".formatted(List.of(args), kib, run.err());
        assertThat(run.status()).as(told).isEqualTo(1);
        assertThat(run.err().lines().filter(l -> !l.startsWith("SLF4J")).toList())
                .as(told)
                .hasSize(1);
        assertThat(run.err()).as(told).doesNotContain("\tat ");
        assertThat(state()).as(told).isEqualTo(state);
        JsonNode findings = json("fsck").path("findings");
        for (JsonNode f : findings) {
            assertThat(f.path("severity").asText()).as("%s, %s", told, f).isNotEqualTo("ERROR");
        }
        return run.err();
    }

    private String state() throws IOException {
        return json("log", "-n", "100").path("entries").findValuesAsText("hash").toString();
    }

    @Test
    void withNoRoomNothingHappensAndNothingIsHalfThere() throws Exception {
        Run start = limited(16, shard(3));
        assertThat(start.status()).isEqualTo(1);
        assertThat(start.err())
                .contains("SQLite's native library cannot be unpacked into")
                .doesNotContain("\tat ");
        // 2 MB of weights; the ledger has some 100 KB.
        String before = state();
        failsWhole(16, before, shard(3));
        soup(shard(3)).ok();
        before = state();
        for (int kib : new int[] {300, 1500}) {
            failsWhole(kib, before, ingredient(3));
        }
        soup(ingredient(3)).ok();
        before = state();
        for (int kib : new int[] {16, 2500}) {
            failsWhole(kib, before, "registry", "make", "all", "--follow");
        }
        soup("registry", "make", "all", "--follow").ok();
        before = state();
        for (int kib : new int[] {300, 1500}) {
            assertThat(failsWhole(kib, before, "withdraw", "s2", "--reason", "asked"))
                    .contains("Nothing was withdrawn", "make room for", "the same command again");
        }
        soup("withdraw", "s2", "--reason", "asked").ok();
        soup("gc").ok();
        assertThat(soup("fsck").ok().out()).contains("sound");
        assertThat(json("show", "all").path("body").path("version").asInt()).isEqualTo(2);
    }
}
