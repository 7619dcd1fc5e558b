package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The registry as a user types it, from the first shard to a certificate that a stranger checks.
 */
class RegistryStoryTest {
    @TempDir private Path folder;
    private Path registry;
    private Path base;

    @BeforeEach
    void make() {
        registry = folder.resolve("registry");
        base = checkpoint("base", 0);
        soup("init");
        soup("base", "add", "base", base);
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private JsonNode json(Object... args) throws IOException {
        List<Object> words = new ArrayList<>(List.of(args));
        words.add("--json");
        return new ObjectMapper().readTree(soup(words.toArray()).ok().out());
    }

    private Path checkpoint(String name, long seed) {
        Path file = folder.resolve(name + ".safetensors");
        Random random = new Random(seed);
        List<TensorEntry> tensors = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            float[] values = new float[100];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            tensors.add(TensorEntry.ofFloats("unet.t" + t, new long[] {100}, values));
        }
        SafetensorsWriter.write(file, Map.of("format", "pt"), tensors);
        return file;
    }

    /** A tar of its own pictures. */
    private Path tar(int i) {
        Path source = TinyTraining.shard(folder.resolve("all.tar"), 24, 16, "train");
        List<Sample> some = Shard.open(source).samples().subList(3 * i, 3 * i + 3);
        Path tar = folder.resolve("s" + i + ".tar");
        ShardWriter.write(tar, some);
        return tar;
    }

    private void member(Path in, int i) {
        Run.at(in, "shard", "add", "s" + i, "--data", tar(i), "--provider", "studio" + i).ok();
        Run.at(
                        in,
                        "ingredient",
                        "add",
                        "s" + i,
                        "--weights",
                        checkpoint("s" + i, i),
                        "--base",
                        "base",
                        "--shard",
                        "s" + i)
                .ok();
    }

    @Test
    void fiveShardsASixthAndAWithdrawalThatAStrangerChecks() throws Exception {
        for (int i = 1; i <= 5; i++) {
            member(registry, i);
        }
        soup("registry", "make", "everyone", "--follow").ok();
        member(registry, 6);
        JsonNode grown = json("update", "everyone");
        assertThat(grown.path("ingredients").asInt()).isEqualTo(6);
        assertThat(grown.path("updated").asBoolean()).isTrue();
        Run again = soup("update", "everyone").ok();
        assertThat(again.out()).contains("Nothing new has come since soup everyone@2");
        assertThat(json("update", "everyone").path("updated").asBoolean(true)).isFalse();
        assertThat(json("show", "everyone").path("entry")).isEqualTo(grown.path("entry"));
        soup("evaluation", "add", "everyone", "--what", "review", "--passed").ok();
        soup("publish", "everyone", "--to", "the hub", "--require", "review").ok();

        Path certificate = folder.resolve("certificate.json");
        Run withdrawn =
                soup("withdraw", "--provider", "studio3", "--reason", "asked", "-o", certificate)
                        .ok();
        assertThat(withdrawn.out())
                .contains(
                        "withdrawn  soup everyone@2", "made       soup everyone@3 of 5", "the hub");
        Path here = folder.resolve("here.safetensors");
        soup("export", "everyone", "-o", here).ok();

        Path never = folder.resolve("never");
        Run.at(never, "init").ok();
        Run.at(never, "base", "add", "base", base).ok();
        for (int i : new int[] {6, 1, 5, 2, 4}) {
            member(never, i);
        }
        Run.at(never, "registry", "make", "everyone", "--follow", "--no-sum").ok();
        Path there = folder.resolve("there.safetensors");
        Run.at(never, "export", "everyone", "-o", there).ok();
        assertThat(here).hasSameBinaryContentAs(there);

        // The stranger has the certificate, the public key and the store, and nothing else.
        Path stranger = Files.createDirectory(folder.resolve("stranger"));
        Files.copy(certificate, stranger.resolve("certificate.json"));
        Files.copy(registry.resolve("registry.pub"), stranger.resolve("registry.pub"));
        Files.move(registry.resolve("store"), stranger.resolve("store"));
        Files.move(registry, folder.resolve("out-of-reach"));
        Run checked =
                process(
                                stranger,
                                "verify",
                                "certificate.json",
                                "--key",
                                "registry.pub",
                                "--store",
                                "store")
                        .ok();
        assertThat(checked.out())
                .contains("signed by the key", "none of the", "5 ingredients again gives the same");
        String text = Files.readString(stranger.resolve("certificate.json"));
        Files.writeString(
                stranger.resolve("certificate.json"), text.replace("\"asked\"", "\"no matter\""));
        Run forged =
                Run.of(
                        "verify", stranger.resolve("certificate.json"),
                        "--key", stranger.resolve("registry.pub"),
                        "--store", stranger.resolve("store"));
        assertThat(forged.status()).isEqualTo(1);
        assertThat(forged.out()).contains("wrong  withdrawn: this section was changed");
    }

    private static Run process(Path folder, String... args) throws Exception {
        List<String> words = new ArrayList<>();
        words.add(System.getProperty("java.home") + "/bin/java");
        words.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        words.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        words.addAll(List.of(args));
        Path err = folder.resolve("err");
        Process p =
                new ProcessBuilder(words)
                        .directory(folder.toFile())
                        .redirectError(err.toFile())
                        .start();
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(p.waitFor(120, TimeUnit.SECONDS)).isTrue();
        return new Run(p.exitValue(), out, Files.readString(err));
    }

    @Test
    void aCertificateHoldsHeldOrIsFalseAndNothingComesBack() throws Exception {
        for (int i = 1; i <= 3; i++) {
            member(registry, i);
        }
        soup("registry", "make", "everyone", "--follow").ok();
        soup("publish", "everyone", "--to", "the hub").ok();
        Path first = folder.resolve("first.json");
        soup("withdraw", "s1", "--reason", "asked", "-o", first).ok();
        assertThat(check(first).ok().out()).endsWith("holds\n");
        assertThat(soup("withdraw", "s2", "--reason", "asked, too").ok().out())
                .contains("handed out before, ask for it: everyone@1 to the hub");

        Run held = check(first);
        assertThat(held.status()).as(held.err()).isEqualTo(3);
        assertThat(held.out())
                .contains("since  soup everyone@2: since then ingredient s2 was withdrawn")
                .contains("'asked, too'");
        JsonNode json = new ObjectMapper().readTree(check(first, "--json").out());
        assertThat(json.path("verdict").asText()).isEqualTo("held");
        assertThat(json.path("since")).hasSize(1);
        assertThat(json.path("wrong")).isEmpty();

        // Without the later certificate nothing explains what is missing; it may be given.
        Path kept = registry.resolve("store/certificates");
        Path moved = Files.move(kept, folder.resolve("moved"));
        Run unexplained = check(first);
        assertThat(unexplained.status()).isEqualTo(1);
        assertThat(unexplained.out()).contains("no certificate of a later withdrawal says");
        assertThat(check(first, "--later", moved).status()).isEqualTo(3);
        assertThat(check(first, "--later", folder.resolve("base.safetensors")).err())
                .contains("base.safetensors (--later) is no certificate");
        soup("gc").ok();
        assertThat(check(first).status()).isEqualTo(3);

        soup("shard", "add", "back", "--data", tar(1), "--provider", "x")
                .fails(
                        1,
                        "3 of the 3 pictures of shard back were withdrawn",
                        "'asked'",
                        "--readmit");
        Object[] weights = {
            "ingredient",
            "add",
            "back",
            "--weights",
            folder.resolve("s1.safetensors"),
            "--base",
            "base",
            "--shard"
        };
        soup(and(weights, "s3")).fails(1, "holds weights of ingredient 's1'", "--readmit");
        soup(
                        "shard",
                        "add",
                        "back",
                        "--data",
                        tar(1),
                        "--provider",
                        "x",
                        "--readmit",
                        "a new contract")
                .ok();
        soup(and(weights, "back")).ok();
        assertThat(json("update", "everyone").path("ingredients").asInt()).isEqualTo(2);
        assertThat(soup("fsck").ok().out()).contains("sound");
        assertThat(soup("registry", "correct").ok().out()).contains("nothing to correct");
        soup("registry", "correct", "s3").fails(1, "carry no recipe");
        soup("registry", "correct", "s9").fails(1, "no live ingredient 's9'");
    }

    private static Object[] and(Object[] words, Object more) {
        Object[] all = java.util.Arrays.copyOf(words, words.length + 1);
        all[words.length] = more;
        return all;
    }

    private Run check(Path certificate, Object... more) {
        List<Object> words =
                new ArrayList<>(
                        List.of(
                                "verify",
                                certificate,
                                "--key",
                                registry.resolve("registry.pub"),
                                "--store",
                                registry.resolve("store"),
                                "-q"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    @Test
    void everythingCanBeSeen() throws Exception {
        member(registry, 1);
        member(registry, 2);
        soup("registry", "make", "pair", "--from", "s1,s2", "--weights", "2,1").ok();
        soup("withdraw", "s1", "--reason", "asked").ok();

        assertThat(json("log", "-n", "3").path("entries").findValuesAsText("kind"))
                .containsExactly("soup", "withdrawal", "soup");
        assertThat(json("show", "pair@1").path("state").asText()).isEqualTo("withdrawn");
        assertThat(json("show", "s2").path("body").path("name").asText()).isEqualTo("s2");
        // The ingredient, though it has left, and not the shard.
        assertThat(json("show", "s1").path("kind").asText()).isEqualTo("ingredient");
        assertThat(Run.of("show", "s1", "--registry", registry).ok().err())
                .contains("This is ingredient 's1'; of that name there is also the shard of entry");
        soup("export", "s1", "-o", folder.resolve("gone"))
                .fails(1, "Ingredient 's1' was withdrawn (entry ", "its weights are deleted");
        assertThat(json("shard", "list").path("shards").findValuesAsText("withdrawn"))
                .containsExactly("true", "false");
        assertThat(json("ingredient", "list").path("ingredients").findValuesAsText("name"))
                .containsExactly("s1", "s2");
        assertThat(soup("lineage", "pair").ok().out())
                .contains("soup pair@2 (uniform)", "s2 (checkpoint", "shard s2 (studio2");
        assertThat(soup("lineage", "s1").ok().out())
                .contains("pair@1 [withdrawn]", "s1 [withdrawn]")
                .doesNotContain("pair@2");
        Path html = folder.resolve("lineage.html");
        soup("lineage", "-o", html).ok();
        assertThat(html).content().contains("line-through", "pair@2", "<svg");
        soup("lineage", "-o", folder.resolve("lineage.png")).fails(2, ".svg or .html");
        assertThat(soup("fsck").ok().out()).contains("sound");
        assertThat(json("gc").path("bytes_freed").asLong()).isZero();
        assertThat(soup("expire").ok().out()).contains("nothing has expired");
        assertThat(json("certificate", 7).path("withdrawn").path("reason").asText())
                .isEqualTo("asked");
        soup("certificate", 3).fails(1, "Entry 3 is no withdrawal");
        soup("show", "nobody").fails(1, "'nobody'", "soup log");
        soup("withdraw", "s1", "--reason", "again").fails(1, "was withdrawn before");
        soup("withdraw", "--reason", "nothing").fails(2, "--provider");
        soup("registry", "make", "x", "--from", "s1").fails(1, "'s1' was withdrawn");
        soup("init").fails(1, "holds a registry already");
        Run.of("log", "--registry", folder.resolve("nowhere")).fails(1, "soup init");

        Path object;
        try (var all = Files.walk(registry.resolve("store/objects"))) {
            object = all.filter(Files::isRegularFile).findFirst().orElseThrow();
        }
        Files.delete(object);
        Run broken = soup("fsck");
        assertThat(broken.status()).isEqualTo(1);
        assertThat(broken.out()).contains(object.getFileName().toString(), "missing");
    }

    /** One provider, as five people write it. */
    @Test
    void aProviderIsTakenOutInAllItsSpellings() throws IOException {
        List<String> spellings =
                List.of("acme", "Acme", "ac\u200bme", "\uff21\uff23\uff2d\uff25", "a c\u00a0me");
        for (int i = 1; i <= 5; i++) {
            soup("shard", "add", "s" + i, "--data", tar(i), "--provider", spellings.get(i - 1))
                    .ok();
        }
        soup("shard", "add", "s6", "--data", tar(6), "--provider", "\u00a0acme\u00a0").ok();
        soup("shard", "add", "s7", "--data", tar(7), "--provider", "acme ltd").ok();
        soup("withdraw", "--provider", "acme", "--reason", "asked")
                .fails(
                        1,
                        "'Acme' (s2)",
                        "'ac\\u{200b}me' (s3)",
                        "'a c\\u{a0}me' (s5)",
                        "nothing was withdrawn",
                        "--all-spellings");
        soup("withdraw", "--provider", "ACME", "--reason", "asked")
                .fails(1, "No live shard is of the provider 'ACME'", "'acme' (s1, s6)");
        soup("withdraw", "s7", "--all-spellings", "--reason", "asked").fails(2, "--provider WHO");
        assertThat(json("shard", "list").findValuesAsText("withdrawn")).containsOnly("false");
        List<Object> named = new ArrayList<>(List.of("withdraw", "--reason", "asked", "--yes"));
        spellings.forEach(s -> named.addAll(List.of("--provider", s)));
        named.add("--all-spellings");
        assertThat(soup(named.toArray()).ok().out()).contains("s1", "s2", "s3", "s4", "s5", "s6");
        soup("withdraw", "--provider", "acme", "--reason", "asked")
                .fails(1, "No live shard is of the provider 'acme'", "soup certificate");
        soup("withdraw", "--provider", "ACME LTD", "--all-spellings", "--reason", "asked").ok();
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    /** A base whose components carry no recipes, and the one that is shipped, whose all do. */
    private static Stream<Path> bases() {
        return Stream.of(TinyTraining.BASE, Path.of("../models/emoji-base"));
    }

    @ParameterizedTest
    @MethodSource("bases")
    void trainingRecordsAndSinglePicturesLeave(Path base) throws Exception {
        soup("base", "add", "tiny", base).ok();
        Path tar = TinyTraining.shard(folder.resolve("mine.tar"), 6, 64, "train");
        soup("shard", "add", "mine", "--data", tar).ok();
        Path out = folder.resolve("mine");
        soup(
                        "train",
                        "--base",
                        base,
                        "--shard",
                        "mine",
                        "--out",
                        out,
                        "--steps",
                        2,
                        "--batch",
                        2,
                        "--float32")
                .ok();
        assertThat(json("show", "mine").path("body").path("recipe").path("method").asText())
                .isEqualTo("fine-tune");
        assertThat(json("show", "mine").path("body").path("recipe").path("learning_rate").asText())
                .isEqualTo("2.0E-4");
        soup("registry", "make", "only", "--follow").ok();

        String gone = Shard.open(tar).infos().get(4).sha256();
        Path list = folder.resolve("gone.txt");
        Files.writeString(list, "# one picture\n" + gone + "\n");
        // A ledger of an earlier version, with another component's recipe.
        Registry.open(registry)
                .correctRecipe(
                        "mine", Json.object().put("method", "pretrain").build(), "as it was");
        soup("withdraw", "--samples", list, "--reason", "a person asked")
                .fails(1, "not one of 'soup train'", "'soup registry correct INGREDIENT'");
        assertThat(json("registry", "correct").path("corrected").findValuesAsText("ingredient"))
                .containsExactly("mine");
        soup("registry", "correct", "mine").fails(1, "has that recipe of ingredient 'mine'");
        assertThat(soup("withdraw", "--samples", list, "--reason", "a person asked").ok().out())
                .contains(
                        "1 single picture, 1 ingredient (1 trained again)",
                        "withdrawn  ingredient mine: trained on 1 picture of shard mine; trained"
                                + " again without");
        assertThat(json("show", "only").path("body").path("version").asInt()).isEqualTo(2);

        // The same as a shard that never had the picture.
        List<Sample> rest =
                Shard.open(tar).samples().stream()
                        .filter(s -> !s.info().sha256().equals(gone))
                        .toList();
        Path smaller = Files.createDirectory(folder.resolve("left")).resolve("mine.tar");
        ShardWriter.write(smaller, rest);
        Path again = folder.resolve("again");
        Run.of(
                        "train",
                        "--base",
                        base,
                        "--shard",
                        smaller,
                        "--out",
                        again,
                        "--steps",
                        2,
                        "--batch",
                        2,
                        "--float32",
                        "-q")
                .ok();
        String weights = "unet/diffusion_pytorch_model.safetensors";
        String stored =
                json("ingredient", "list").path("ingredients").path(1).path("checkpoint").asText();
        Path exported = folder.resolve("exported");
        soup("export", json("show", "mine").path("entry").asText(), "-o", exported).ok();
        assertThat(stored).isNotEmpty();
        assertThat(Hashes.sha256(exported.resolve(weights)))
                .isEqualTo(Hashes.sha256(again.resolve(weights)));
        Path certificate;
        try (var all = Files.list(registry.resolve("certificates"))) {
            certificate = all.findFirst().orElseThrow();
        }
        Path elsewhere = Files.copy(smaller, folder.resolve("whatever was left.tar"));
        Run deep =
                Run.of(
                        "verify",
                        certificate,
                        "--key",
                        registry.resolve("registry.pub"),
                        "--store",
                        registry.resolve("store"),
                        "--deep",
                        "mine",
                        "--shard",
                        elsewhere,
                        "-q");
        assertThat(deep.ok().out()).contains("trained again, it has the same bytes");
    }

    @Test
    void shardsAreSplitWithoutAPictureInCommon() throws Exception {
        Path tar = TinyTraining.shard(folder.resolve("many.tar"), 12, 16, "train");
        JsonNode parts = json("split", tar, "--disjoint", 2, "--out", folder.resolve("half"));
        assertThat(parts.path("shards").findValuesAsText("name"))
                .containsExactly("half-1", "half-2");
        assertThat(
                        parts.path("shards").findValues("samples").stream()
                                .mapToInt(JsonNode::asInt)
                                .sum())
                .isEqualTo(12);
        assertThat(
                        json("split", "--public", "half-1", "--private", "half-2")
                                .path("disjoint")
                                .asBoolean())
                .isTrue();
        Path copy = folder.resolve("copy.tar");
        ShardWriter.write(copy, Shard.open(folder.resolve("half-1.tar")).samples().subList(0, 1));
        assertThat(
                        json("shard", "add", "copy", "--data", copy)
                                .path("copies")
                                .path("half-1")
                                .asInt())
                .isEqualTo(1);
        Run overlap = soup("split", "--public", "half-1", "--private", "copy");
        assertThat(overlap.status()).isEqualTo(1);
        assertThat(overlap.out()).contains("1 equal");
        soup("split", tar, "--disjoint", 2).fails(2, "--out PREFIX");
        soup("split", "--public", "half-1", "--private", "half-1")
                .fails(2, "--public and --private are both shard half-1", "name two shards");
    }
}
