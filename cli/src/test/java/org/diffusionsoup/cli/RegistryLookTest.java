package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Commands that only look at a registry, and what they say of one that was tampered with. */
class RegistryLookTest {
    @TempDir private Path folder;
    private Path registry;

    @BeforeEach
    void make() {
        registry = folder.resolve("registry");
        soup("init").ok();
        soup("base", "add", "base", weights(0)).ok();
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private Path weights(int seed) {
        Path file = folder.resolve(seed + ".safetensors");
        SafetensorsWriter.write(
                file,
                Map.of(),
                java.util.List.of(
                        TensorEntry.ofFloats("unet.w", new long[] {2}, new float[] {seed, 1})));
        return file;
    }

    private Path head(String name) throws Exception {
        Run printed = soup("log", "--head").ok();
        JsonNode json = new ObjectMapper().readTree(printed.out());
        assertThat(json.path("type").asText()).isEqualTo("diffusion-soup ledger head");
        assertThat(json.path("registry").path("id").asText()).matches("[0-9a-f]{32}");
        Path file = folder.resolve(name + ".json");
        Files.writeString(file, printed.out());
        return file;
    }

    @Test
    void listsSayWhatIsThereAndHowTheFirstComesAbout() {
        assertThat(soup("shard", "list").ok().out())
                .isEqualTo("no shard yet; record one with: soup shard add NAME --data SHARD\n");
        assertThat(soup("ingredient", "list").ok().out()).startsWith("no ingredient yet");
        assertThat(soup("base", "list").ok().out())
                .containsPattern("base +checkpoint\n")
                .containsPattern("\n[a-z]+ +[0-9a-f]{12}\n");
        Path empty = folder.resolve("empty");
        assertThat(Run.at(empty, "init").ok().out()).contains("registry.key signs", "base add");
        assertThat(Run.at(empty, "base", "list").ok().out()).startsWith("no base yet");
    }

    @Test
    void aHeadThatWasNotedElsewhereShowsAnOlderCopy() throws Exception {
        Path early = head("early");
        Path copy = folder.resolve("ledger.db");
        Files.copy(registry.resolve("ledger.db"), copy);
        soup("base", "add", "second", weights(1)).ok();
        Path late = head("late");
        assertThat(soup("fsck", "--certificate", early, "--certificate", late).ok().out())
                .contains("sound");
        Files.delete(registry.resolve("ledger.db"));
        Files.copy(copy, registry.resolve("ledger.db"));
        assertThat(soup("fsck").err()).contains("older copy", "head.json");
        Files.delete(registry.resolve("store").resolve("head.json"));
        soup("fsck", "--certificate", early).ok();
        assertThat(soup("fsck", "--certificate", late))
                .satisfies(r -> {
                    assertThat(r.status()).isEqualTo(1);
                    assertThat(r.err()).contains("late.json notes ledger entry 2", "older copy");
                });
        Path same = folder.resolve(".").resolve(late.getFileName());
        assertThat(soup("fsck", "--certificate", late, "--certificate", same).err())
                .containsOnlyOnce("notes ledger entry 2");
        soup("log", "--head").ok();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void lookingNeedsNoSecretKeyAndSigningAPrivateOne() throws Exception {
        Path key = registry.resolve("registry.key");
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
        soup("base", "add", "second", weights(1)).fails(1, "chmod 600", "registry.key");
        assertThat(soup("fsck").err()).contains("chmod 600");
        Files.delete(key);
        soup("log").ok();
        soup("show", "1").ok();
        soup("shard", "list").ok();
        soup("ingredient", "list").ok();
        soup("lineage").ok();
        Path out = folder.resolve("out.safetensors");
        soup("export", "1", "-o", out).ok();
        assertThat(out).hasSameBinaryContentAs(folder.resolve("0.safetensors"));
        assertThat(soup("fsck").ok().out()).contains("sound");
        soup("gc").fails(1, "secret key " + key + " is missing", "put the copy", "chmod 600");
    }

    /** What there is nothing of is said, and what was there before is not called yet to come. */
    @Test
    void anEmptyRegistryAndOneThatWasEmptiedSaySo() {
        assertThat(soup("lineage").ok().out())
                .contains("The registry has no shards, ingredients or soups yet.");
        soup("registry", "make", "all", "--follow")
                .fails(1, "The registry has no ingredients yet; 'soup ingredient add'");
        ingredient("one", weights(2));
        soup("ingredient", "retire", "one", "--reason", "wrong").ok();
        soup("registry", "make", "all", "--follow")
                .fails(1, "no ingredients any more: all were withdrawn or retired");
    }

    private Run ingredient(String name, Path weights) {
        Path data = TinyTraining.shard(folder.resolve(name + ".tar"), 2, 64, "train");
        soup("shard", "add", name, "--data", data).ok();
        return Run.of(
                "ingredient",
                "add",
                name,
                "--weights",
                weights,
                "--base",
                "base",
                "--shard",
                name,
                "--registry",
                registry);
    }

    @Test
    void aLoraIsNamedAsWhatItIs() {
        Path lora = folder.resolve("lora.safetensors");
        float[] some = {1, 2};
        SafetensorsWriter.write(
                lora,
                Map.of(),
                java.util.List.of(
                        TensorEntry.ofFloats("lora_unet_w.lora_up.weight", new long[] {2, 1}, some),
                        TensorEntry.ofFloats(
                                "lora_unet_w.lora_down.weight", new long[] {1, 2}, some)));
        ingredient("l", lora).fails(1, "Ingredient 'l'", "LoRA", "'soup lora fuse'");
        soup("base", "add", "lb", lora).fails(1, "Base 'lb'", "LoRA", "'soup lora fuse'");
    }

    @Test
    void weightsThatCountTwiceAreNoted() {
        ingredient("one", weights(2)).ok();
        String twice = "Ingredients 'one' and 'again' are the same weights, and count twice";
        assertThat(ingredient("again", weights(2)).ok().err()).contains(twice);
        assertThat(ingredient("two", weights(3)).ok().err()).doesNotContain("twice");
        Run made = Run.of("registry", "make", "all", "--follow", "--registry", registry).ok();
        assertThat(made.err()).contains(twice).doesNotContain("Nothing new");
        assertThat(Run.of("update", "all", "--registry", registry).ok().err()).contains(twice);
        assertThat(Run.of("registry", "make", "all", "--follow", "--registry", registry).ok().err())
                .contains(
                        "Nothing new has come since soup all@1: all@2 holds the same ingredients.");
    }

    @Test
    void whatFsckAdvisesFollowsNoStop() throws Exception {
        Path manifests = registry.resolve("store/manifests");
        try (var all = Files.walk(manifests)) {
            for (Path p : all.filter(Files::isRegularFile).toList()) {
                Files.delete(p);
            }
        }
        assertThat(soup("fsck").err() + soup("fsck").out())
                .contains("(manifest missing); 'soup fsck --repair")
                .doesNotContain(".;");
    }

    @Test
    void aLostLedgerIsSaidToBeLost() throws Exception {
        Files.delete(registry.resolve("ledger.db"));
        for (Object[] command : new Object[][] {{"fsck"}, {"gc"}, {"log"}, {"update", "x"}}) {
            soup(command).fails(1, "ledger.db is gone", "restore it from a backup");
        }
        assertThat(registry.resolve("ledger.db")).doesNotExist();
    }

    @Test
    void longNamesAreCut() {
        String name = "a b'".repeat(25_000);
        for (Run r :
                new Run[] {
                    soup("show", name),
                    soup("export", name, "-o", folder.resolve("x")),
                    soup("update", name),
                    soup("base", "add", name, weights(2)),
                    soup("withdraw", name, "--reason", "r"),
                    soup("publish", name, "--to", "hub")
                }) {
            assertThat(r.status()).isEqualTo(1);
            assertThat(r.err()).hasSizeLessThan(1500);
        }
    }
}
