package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.workbench.registry.RegistryShards;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands of a registry say what they did, what goes along, and which of several they took. */
class RegistryTellsTest {
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

    private JsonNode json(Object... args) throws IOException {
        List<Object> words = new ArrayList<>(List.of(args));
        words.add("--json");
        return new ObjectMapper().readTree(soup(words.toArray()).ok().out());
    }

    private Path weights(int seed) {
        Random r = new Random(seed);
        float[] values = new float[50];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) r.nextGaussian();
        }
        Path file = folder.resolve(seed + ".safetensors");
        SafetensorsWriter.write(
                file, Map.of(), List.of(TensorEntry.ofFloats("unet.w", new long[] {50}, values)));
        return file;
    }

    /** Rows {@code from} to {@code to} of the same pictures. */
    private Path tar(String name, int from, int to) {
        Path source = TinyTraining.shard(folder.resolve("all.tar"), 12, 16, "train");
        List<Sample> some = Shard.open(source).samples().subList(from, to);
        Path tar = folder.resolve(name + ".tar");
        ShardWriter.write(tar, some);
        return tar;
    }

    private Run ingredient(String name, String shard, int seed) {
        return soup(
                "ingredient",
                "add",
                name,
                "--weights",
                weights(seed),
                "--base",
                "base",
                "--shard",
                shard);
    }

    private Path mean(String name, int... seeds) {
        Path out = folder.resolve(name + ".safetensors");
        List<Object> args = new ArrayList<>(List.of("merge"));
        for (int seed : seeds) {
            args.add(weights(seed));
        }
        args.addAll(List.of("-o", out, "-q"));
        Run.of(args.toArray()).ok();
        return out;
    }

    private Run ingredientOf(String name, Path weights, String... shards) {
        List<Object> args =
                new ArrayList<>(
                        List.of("ingredient", "add", name, "--weights", weights, "--base", "base"));
        for (String s : shards) {
            args.addAll(List.of("--shard", s));
        }
        return soup(args.toArray());
    }

    /** Averaged outside the registry, data comes in by way of weights; the recipe says so. */
    @Test
    void whatIsAveragedOutsideBringsInAllItWasMadeOf() throws IOException {
        soup("shard", "add", "a", "--data", tar("a", 0, 4)).ok();
        soup("shard", "add", "b", "--data", tar("b", 4, 8)).ok();
        ingredient("a", "a", 1).ok();
        // recorded before what its recipe names is known
        ingredientOf("early", mean("early", 1, 2, 3), "a").ok();
        ingredient("b", "b", 2).ok();

        Path late = mean("late", 1, 2);
        ingredientOf("late", late, "a")
                .fails(
                        1,
                        "Ingredient 'late' was made of ingredient 'b', as its recipe says, and so"
                                + " from the data of b; name that, too (--shard b)");
        ingredientOf("late", late, "a", "b").ok();

        soup("withdraw", "b", "--reason", "asked")
                .fails(
                        1,
                        "Nothing was withdrawn",
                        "early (entry 5, made of ingredient b, as its recipe says)",
                        "--yes");
        Run done = soup("withdraw", "b", "--reason", "asked", "--yes").ok();
        assertThat(done.out())
                .contains(
                        "withdrawn  ingredient early: made of ingredient b, as its recipe says",
                        "withdrawn  ingredient late: trained on shard b");
        assertThat(soup("fsck").ok().out()).contains("sound");

        ingredientOf("back", mean("back", 2, 4), "a")
                .fails(
                        1,
                        "Ingredient 'back' was made of ingredient 'b' (entry 6), which was withdrawn"
                                + " (entry 8, 'asked'): its recipe names the hash ",
                        "--readmit");
        ingredientOf("other", mean("other", 1, 4), "a").ok();
    }

    @Test
    void aWithdrawalNamesWhatGoesAndAsksBeforeMoreThanThatDoes() throws IOException {
        soup("shard", "add", "a", "--data", tar("a", 0, 4)).ok();
        soup("shard", "add", "b", "--data", tar("b", 4, 8)).ok();
        soup("shard", "add", "c", "--data", tar("c", 2, 4)).ok();
        ingredient("a", "a", 1).ok();
        ingredient("b", "b", 2).ok();
        ingredient("clone", "b", 1).ok();
        soup("registry", "make", "both", "--follow").ok();
        Run refused = soup("withdraw", "a", "--reason", "asked");
        refused.fails(
                1,
                "Nothing was withdrawn",
                "ingredient clone (entry 7, has the same weights as ingredient a)",
                "--yes");
        assertThat(refused.err()).doesNotContain("ingredient b ");
        soup("withdraw", "a", "--reason", "asked", "--json").fails(1, "ingredient clone", "--yes");
        assertThat(json("show", "both").path("state").asText()).isEqualTo("current");
        Run done = soup("withdraw", "a", "--reason", "asked", "--yes").ok();
        assertThat(done.out())
                .contains(
                        "1 shard, 0 single pictures, 2 ingredients, 0 bases, 1 soup",
                        "withdrawn  shard a",
                        "withdrawn  ingredient a: trained on shard a",
                        "withdrawn  ingredient clone: has the same weights as ingredient a",
                        "withdrawn  soup both@1: holds ingredient a, ingredient clone",
                        "shard c stays and holds 2 of the same pictures");
        assertThat(ingredient("c", "c", 3).ok().out())
                .contains("shard c holds 2 pictures that were withdrawn from another shard");
        // Nothing but what was trained on it: no question.
        soup("withdraw", "b", "--reason", "asked").ok();
        // The base's own weights.
        ingredient("noop", "c", 0).fails(1, "0.safetensors", "base 'base' and nothing else");
    }

    /** A lineage tells what a withdrawal would take, also where that is a base. */
    @Test
    void aLineageGoesThroughABaseThatASoupBecame() throws IOException {
        soup("shard", "add", "a", "--data", tar("a", 0, 4)).ok();
        soup("shard", "add", "b", "--data", tar("b", 4, 8)).ok();
        ingredient("a", "a", 1).ok();
        soup("registry", "make", "first", "--from", "a").ok();
        Path weights = folder.resolve("first.safetensors");
        soup("export", "first", "-o", weights).ok();
        soup("base", "add", "second", weights).ok();
        soup(
                        "ingredient",
                        "add",
                        "child",
                        "--weights",
                        weights(9),
                        "--base",
                        "second",
                        "--shard",
                        "b")
                .ok();
        soup("registry", "make", "next", "--from", "child").ok();
        Path page = folder.resolve("page.html");
        for (boolean left : new boolean[] {false, true}) {
            assertThat(soup("lineage", "a").ok().out())
                    .containsPattern(
                            "base second .*  <-  soup first@1 .* \\[has the same weights as soup"
                                    + " first@1\\]")
                    .contains("soup next@1");
            assertThat(soup("lineage", "next").ok().out())
                    .containsPattern("1  child .*  <-  shard b .*, base second [^,]*\\R")
                    .contains("1  a ");
            JsonNode json = json("lineage", "a");
            assertThat(json.path("bases").findValuesAsText("name")).containsExactly("second");
            assertThat(json.path("bases").path(0).path("withdrawn").asBoolean()).isEqualTo(left);
            soup("lineage", "-o", page).ok();
            assertThat(Files.readString(page))
                    .contains("first@1 in second: has the same weights as soup first@1");
            if (!left) {
                soup("withdraw", "a", "--reason", "asked", "--yes").ok();
            }
        }
    }

    @Test
    void singlePicturesAreSeenToBeGone() throws IOException {
        Path tar = tar("a", 0, 4);
        soup("shard", "add", "a", "--data", tar).ok();
        ingredient("a", "a", 1).ok();
        String gone = Shard.open(tar).infos().get(1).sha256();
        Path list = folder.resolve("gone.txt");
        Files.writeString(list, gone.toUpperCase(Locale.ROOT) + "\n");
        Run done =
                soup("withdraw", "--samples", list, "--drop-ingredients", "--reason", "asked").ok();
        assertThat(done.out())
                .contains(
                        "0 shards, 1 single picture, 1 ingredient,",
                        "withdrawn  ingredient a: trained on 1 picture of shard a");
        assertThat(json("shard", "list").path("shards").path(0).path("withdrawn_samples").asInt())
                .isOne();
        assertThat(soup("shard", "list").ok().out()).contains("3 of 4");
        assertThat(soup("lineage", "a").ok().out()).contains("3 of 4 pictures");
        JsonNode shown = json("show", "a");
        assertThat(shown.path("state").asText())
                .isEqualTo("live, without 1 picture that was withdrawn");
        assertThat(shown.path("withdrawn_pictures").findValuesAsText("sha256"))
                .containsExactly(gone);
        Files.writeString(list, "0".repeat(64) + "\n");
        soup("withdraw", "--samples", list, "--reason", "asked")
                .fails(1, "stores pictures anew", "soup data inspect SHARD --rows N --json");
        assertThat(Run.of("withdraw", "--help").out()).contains("soup data inspect SHARD --rows N");
    }

    @Test
    void dataIsTheShardThatIsNamedAndThatHasItsPicturesStill() throws IOException {
        Path tar = tar("a", 0, 4);
        soup("shard", "add", "a", "--data", tar).ok();
        soup("shard", "add", "twin", "--data", tar, "--provider", "other").ok();
        Registry r = Registry.openToRead(registry);
        Shard all = Shard.open(tar);
        assertThat(RegistryShards.nameOf(r, all, "twin")).contains("twin");
        assertThat(RegistryShards.nameOf(r, all, tar.toString())).contains("a");

        String gone = all.infos().get(1).sha256();
        Path list = folder.resolve("gone.txt");
        Files.writeString(list, gone + "\n");
        soup("withdraw", "--samples", list, "--reason", "asked").ok();
        assertThat(RegistryShards.nameOf(r, all, "a")).isEmpty();
        Shard left = all.filter(i -> !i.sha256().equals(gone));
        assertThat(RegistryShards.nameOf(r, left, "twin")).contains("twin");
        assertThat(RegistryShards.nameOf(r, left)).contains("a");

        StringBuilder rest = new StringBuilder();
        left.infos().forEach(i -> rest.append(i.sha256()).append('\n'));
        Files.writeString(list, rest);
        soup("withdraw", "--samples", list, "--reason", "asked").ok();
        ingredient("late", "a", 1).fails(1, "Nothing is left of shard 'a'", "soup withdraw a");
    }

    @Test
    void anAuditIsMeasuredAndNotSaid() throws IOException {
        soup("shard", "add", "a", "--data", tar("a", 0, 4)).ok();
        ingredient("a", "a", 1).ok();
        soup("registry", "make", "all", "--from", "a").ok();
        soup("evaluation", "add", "all", "--what", "audit", "--passed")
                .fails(2, "--what audit would read like an audit", "'soup audit --soup'");
        Path empty = Files.createFile(folder.resolve("empty.jsonl"));
        soup("registry", "make", "b", "--from", "a", "--selection", empty, "--candidates", "a")
                .fails(1, "empty.jsonl is empty, and no journal of a search");
        soup(
                        "registry",
                        "make",
                        "b",
                        "--follow",
                        "--from",
                        "a",
                        "--selection",
                        empty,
                        "--candidates",
                        "a")
                .fails(2, "leave out --follow or --selection");
    }

    @Test
    void whatASoupIsMadeOfIsAskedFor() {
        soup("registry", "make", "all")
                .fails(1, "'all' names no ingredients; name them (--from), or", "(--follow)");
    }

    @Test
    void partsOfPicturesThatWereWithdrawnAreRecordedByAnAgreement() throws IOException {
        Path tar = tar("a", 0, 8);
        soup("shard", "add", "a", "--data", tar).ok();
        soup("withdraw", "a", "--reason", "asked").ok();
        Path parts = folder.resolve("part");
        soup("split", tar, "--disjoint", 2, "-o", parts)
                .fails(1, "4 of the 4 pictures of shard part-1 were withdrawn before", "--readmit");
        assertThat(folder.resolve("part-1.tar")).doesNotExist();
        soup("split", tar, "--disjoint", 2, "-o", parts, "--readmit", "contract of 2027").ok();
        assertThat(soup("show", "part-2", "--json").ok().out()).contains("contract of 2027");
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    @Test
    void whatIsSwitchedOffOrTakenIsSaid() throws IOException {
        soup("shard", "add", "a", "--data", tar("a", 0, 4)).ok();
        ingredient("a", "a", 1).ok();
        soup("registry", "make", "all", "--follow").ok();
        assertThat(soup("registry", "make", "all", "--from", "a").ok().out())
                .contains("it followed its shards and does so no longer")
                .contains("soup registry make all --follow");
        assertThat(
                        json("registry", "make", "all", "--from", "a")
                                .path("followed_before")
                                .asBoolean())
                .isFalse();
        soup("registry", "make", "a", "--from", "a").fails(1, "ingredient 'a'", "another name");
        soup("shard", "add", "7", "--data", tar("b", 4, 8)).fails(1, "'7' cannot name a shard");

        // As ledgers of earlier versions have it: a soup called as a shard, a shard called 2.
        JsonNode all = json("show", "all").path("body");
        Ledger ledger =
                Ledger.open(
                        "jdbc:sqlite:" + registry.resolve("ledger.db"),
                        SigningKey.load(
                                registry.resolve("registry.key"), registry.resolve("registry.pub")),
                        Clock.systemUTC(),
                        Optional.empty());
        ledger.write(t -> {
            t.append(
                    Kind.SOUP,
                    Json.parse(
                            all.toString().replace("\"name\":\"all\"", "\"name\":\"a\""), "body"));
            String shard =
                    Json.canonical(t.entry(2).body()).replace("\"name\":\"a\"", "\"name\":\"2\"");
            return t.append(Kind.SHARD, Json.parse(shard, "body"));
        });
        for (String[] c :
                new String[][] {
                    {"show", "a"},
                    {"export", "a", "-o", folder.resolve("out.safetensors").toString()}
                }) {
            List<Object> words = new ArrayList<>(List.of((Object[]) c));
            words.addAll(List.of("--registry", registry));
            Run run = Run.of(words.toArray()).ok();
            assertThat(run.err())
                    .contains(
                            "This is soup 'a'",
                            "the ingredient of entry 3",
                            "the shard of entry 2");
        }
        assertThat(Run.of("show", "2", "--registry", registry).ok().err())
                .contains("This is entry 2", "the shard of entry");
        assertThat(Run.of("lineage", "a", "--registry", registry).ok().err())
                .contains("This is soup 'a'", "the shard of entry 2");
        assertThat(Run.of("lineage", "all", "--registry", registry).ok().err()).isEmpty();
        Path out = folder.resolve("base-out.safetensors");
        soup("export", "base", "-o", out).ok();
        Run again = soup("export", "base", "-o", out);
        again.fails(1, "exists already; name another --out");
        assertThat(again.err()).doesNotContain(".soup-files");
        assertThat(out).hasSameBinaryContentAs(folder.resolve("0.safetensors"));
    }

    @Test
    void retiringTellsTheSoupsThatHoldIt() throws IOException {
        soup("shard", "add", "a", "--data", tar("a", 0, 4)).ok();
        ingredient("a", "a", 1).ok();
        ingredient("a2", "a", 2).ok();
        soup("registry", "make", "all", "--follow").ok();
        soup("registry", "make", "one", "--from", "a").ok();
        soup("ingredient", "retire", "a").fails(2, "--reason");
        assertThat(soup("ingredient", "retire", "a", "--reason", "wrong shard").ok().out())
                .contains(
                        "ingredient a retired, entry 7",
                        "soup all@1 holds it until 'soup update all'",
                        "soup one@1 holds it until 'soup registry make one --from");
        assertThat(json("show", 3).path("state").asText()).isEqualTo("retired by entry 7");
        assertThat(soup("ingredient", "list").ok().out()).contains("retired");
        assertThat(soup("lineage").ok().out()).contains("retired");
        String second = soup("lineage", "a2").ok().out(); // an ingredient, by its name and number
        assertThat(second).contains("soup all@1", "a2 (checkpoint").doesNotContain("soup one@1");
        assertThat(soup("lineage", "4").ok().out()).isEqualTo(second);
        assertThat(soup("lineage", "6").ok().out()).contains("soup one@1").doesNotContain("all@1");
        soup("lineage", "1").fails(1, "'1' is no soup, shard or ingredient");
        soup("lineage", "nothing").fails(1, "no soup, ingredient, shard or base 'nothing'");
        assertThat(json("update", "all").path("ingredients").asInt()).isOne();
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    @Test
    void aWithdrawalSaysWhatStaysWhatIsEmptyAndWhatIsDamaged() throws IOException {
        soup("shard", "add", "a", "--data", tar("a", 0, 4)).ok();
        soup("shard", "add", "b", "--data", tar("b", 4, 8)).ok();
        soup("shard", "add", "c", "--data", tar("c", 8, 12)).ok();
        ingredient("ia", "a", 1).ok();
        ingredient("ib", "b", 2).ok();
        ingredient("ic", "c", 3).ok();
        ingredient("id", "b", 4).ok();
        soup("registry", "make", "all", "--follow").ok();
        soup("registry", "make", "one", "--from", "ic").ok();
        soup("ingredient", "retire", "ia", "--reason", "wrong").ok();

        Path object = objects().stream().filter(this::isOfIb).findFirst().orElseThrow();
        byte[] whole = Files.readAllBytes(object);
        Files.write(object, java.util.Arrays.copyOf(whole, 12));
        Run done = soup("withdraw", "c", "--reason", "asked", "-o", folder.resolve("c.json")).ok();
        assertThat(done.out())
                .contains(
                        "nothing is left of soup one: there is no next version",
                        "kept       ingredient ia (entry 5): it was retired, and no soup holds it"
                                + " any more; 'soup gc' deletes its weights",
                        "damaged    1 object: "
                                + object
                                + ": altered, it has 12 bytes, not 200"
                                + " (ingredient ib, ",
                        "'soup fsck' says how");
        assertThat(soup("fsck").out())
                .contains("'soup fsck --repair --original PATH'", "brings ingredient ib back");
        assertThat(soup("fsck", "--repair", "--original", weights(2)).ok().out())
                .contains("brought ingredient ib back from " + weights(2), "sound");
        assertThat(Files.readAllBytes(object)).isEqualTo(whole);

        Path key = registry.resolve("registry.pub");
        Path store = registry.resolve("store");
        Run.of("verify", folder.resolve("c.json"), "--key", key, "--store", store).ok();
        Run.of("verify", folder.resolve("d.json"), "--key", key, "--store", store)
                .fails(1, "There is no file " + folder.resolve("d.json"));
        soup("fsck", "--original", weights(2)).fails(2, "--original", "add --repair");
        Path inside = store.resolve("manifests/a.json");
        soup("certificate", "12", "-o", inside).fails(1, inside + " is in the registry's store");
        soup("withdraw", "b", "--reason", "x", "-o", inside).fails(1, "name another --out");
        soup("export", "all", "-o", store.resolve("x")).fails(1, "name another --out");
        soup("withdraw", "--reason", "x", "--samples", "/dev/zero")
                .fails(1, "/dev/zero is no file with hashes");
        soup("gc", "--grace-minutes", Long.MAX_VALUE).fails(2, "--grace-minutes must be between");
        for (String what : List.of("review ", "audit(bound=0.05)")) {
            soup("evaluation", "add", "all", "--what", what, "--passed")
                    .fails(1, "'" + what + "' would read like another");
        }
        assertThat(soup("gc", "--grace-minutes", "0").ok().out()).contains("freed");
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    private List<Path> objects() throws IOException {
        try (var all = Files.walk(registry.resolve("store/objects"))) {
            return all.filter(Files::isRegularFile).toList();
        }
    }

    private boolean isOfIb(Path object) {
        try {
            byte[] file = Files.readAllBytes(weights(2));
            byte[] values = java.util.Arrays.copyOfRange(file, file.length - 200, file.length);
            return java.util.Arrays.equals(Files.readAllBytes(object), values);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void trainingSaysWhatItRecorded() throws IOException {
        soup("base", "add", "tiny", TinyTraining.BASE).ok();
        Path tar = TinyTraining.shard(folder.resolve("mine.tar"), 4, 64, "train");
        soup("shard", "add", "mine", "--data", tar).ok();
        Object[] train = {
            "train", "--base", TinyTraining.BASE, "--shard", "mine", "--steps", 1, "--batch", 2
        };
        List<Object> words = new ArrayList<>(List.of(train));
        words.addAll(List.of("--out", folder.resolve("one")));
        assertThat(soup(words.toArray()).ok().out())
                .contains("ingredient mine, entry 4 of " + registry);
        List<Object> named = new ArrayList<>(List.of(train));
        named.addAll(List.of("--out", folder.resolve("two"), "--name", "other"));
        JsonNode json = json(named.toArray());
        assertThat(json.path("ingredient").path("name").asText()).isEqualTo("other");
        assertThat(json.path("ingredient").path("entry").asInt()).isEqualTo(5);
        assertThat(json.path("steps").asInt()).isOne();
        // Nothing learnt is nothing recorded, and nothing lost.
        List<Object> nothing = new ArrayList<>(List.of(train));
        nothing.addAll(
                List.of("--out", folder.resolve("three"), "--name", "third", "--lr", "1e-30"));
        soup(nothing.toArray())
                .fails(
                        1,
                        "Trained, but not recorded",
                        folder.resolve("three").toString(),
                        "nothing else");
        assertThat(folder.resolve("three").resolve("model_index.json")).exists();
    }
}
