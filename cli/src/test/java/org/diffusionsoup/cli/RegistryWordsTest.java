package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.RegistryShards;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a registry's commands say is so, and what they advise works. */
class RegistryWordsTest {
    private static final int LENGTH = 50;

    @TempDir private Path folder;
    private Path registry;

    @BeforeEach
    void make() {
        registry = folder.resolve("registry");
        soup("init").ok();
        soup("base", "add", "base", weights(0, DType.F16)).ok();
        shard("sA", 0, 4);
        shard("sB", 4, 8);
        ingredient("sA", "sA", weights(1, DType.F16)).ok();
        ingredient("sB", "sB", weights(2, DType.F16)).ok();
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private JsonNode json(Object... args) throws IOException {
        List<Object> words = new ArrayList<>(List.of(args));
        words.add("--json");
        return new ObjectMapper().readTree(soup(words.toArray()).ok().out());
    }

    private Path weights(int seed, DType dtype) {
        Random r = new Random(seed);
        double[] values = new double[LENGTH];
        for (int i = 0; i < LENGTH; i++) {
            values[i] = (float) r.nextGaussian();
        }
        MemorySegment bytes = Arena.ofAuto().allocate((long) LENGTH * dtype.bytes());
        Elements.encode(dtype, values, bytes, LENGTH);
        Path file = folder.resolve(seed + "-" + dtype + ".safetensors");
        SafetensorsWriter.write(
                file,
                Map.of(),
                List.of(
                        new TensorEntry(
                                "unet.w", dtype, new long[] {LENGTH}, TensorBytes.of(bytes))));
        return file;
    }

    private Path shard(String name, int from, int to) {
        Path source = TinyTraining.shard(folder.resolve("all.tar"), 12, 16, "train");
        List<Sample> some = Shard.open(source).samples().subList(from, to);
        Path tar = folder.resolve(name + ".tar");
        ShardWriter.write(tar, some);
        soup("shard", "add", name, "--data", tar).ok();
        return tar;
    }

    private Run ingredient(String name, String shard, Path weights) {
        return soup(
                "ingredient",
                "add",
                name,
                "--weights",
                weights,
                "--base",
                "base",
                "--shard",
                shard);
    }

    private Ledger ledger() {
        return Ledger.open(
                "jdbc:sqlite:" + registry.resolve("ledger.db"),
                SigningKey.load(registry.resolve("registry.key"), registry.resolve("registry.pub")),
                Clock.systemUTC(),
                Optional.empty());
    }

    @Test
    void aPlaceForTheCertificateIsLookedAtBeforeAnythingIsWithdrawn() throws IOException {
        Path file = Files.writeString(folder.resolve("notes"), "mine");
        soup("withdraw", "sB", "--reason", "asked", "-o", file.resolve("c.json"))
                .fails(1, file + " is no folder", "name another --out");
        assertThat(json("show", "sB").path("state").asText()).isEqualTo("live");
        // A folder that is not there is made, as every other command does.
        Path made = folder.resolve("new").resolve("c.json");
        soup("withdraw", "sB", "--reason", "asked", "-o", made).ok();
        assertThat(made).isNotEmptyFile();
        int entry = json("log", "-n", 1).path("entries").path(0).path("entry").asInt();
        soup("withdraw", "sB", "--reason", "asked")
                .fails(1, "was withdrawn before (entry " + entry, "'soup certificate " + entry);
        soup("certificate", entry).ok();
    }

    @Test
    void whatGoesWrongAfterAWithdrawalSaysThatItIsDone() throws IOException {
        // Nothing that a look at the place could have told: the name is too long for the disk.
        Path out = folder.resolve("x".repeat(300) + ".json");
        Run run = soup("withdraw", "sB", "--reason", "asked", "-o", out);
        int entry = json("log", "-n", 1).path("entries").path(0).path("entry").asInt();
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err())
                .contains(
                        "It is withdrawn, by entry " + entry,
                        "withdrawal-" + entry + ".json",
                        "'soup certificate " + entry + " -o FILE'");
        assertThat(run.out()).contains("withdrawal, entry " + entry);
        soup("certificate", entry, "-o", folder.resolve("c.json")).ok();
    }

    @Test
    void theNumberFormatThatIsAdvisedIsTheOneThatIsTaken() {
        Path wide = weights(3, DType.F32);
        ingredient("third", "sA", wide)
                .fails(1, "cannot be averaged", "'soup merge WEIGHTS --dtype F16 --out NEW'");
        Path narrow = folder.resolve("narrow.safetensors");
        Run.of("merge", wide, "--dtype", "F16", "-o", narrow).ok();
        ingredient("third", "sA", narrow).ok();
    }

    /** Two who gave pictures, and so two shards or one word for both. */
    @Test
    void aSplitOfTwoProvidersPicturesIsRefusedBeforeItIsBegun() throws IOException {
        List<Sample> rows = new ArrayList<>();
        for (Sample s : Shard.open(folder.resolve("all.tar")).samples()) {
            SampleInfo i = s.info();
            String who = rows.size() % 2 == 0 ? "one" : "two";
            rows.add(
                    new Sample(
                            new SampleInfo(
                                    i.key(),
                                    i.caption(),
                                    i.name(),
                                    i.style(),
                                    i.subject(),
                                    who,
                                    i.licence(),
                                    i.group(),
                                    i.subgroup(),
                                    i.domain(),
                                    i.split(),
                                    i.sha256()),
                            s.png()));
        }
        Path mixed = folder.resolve("mixed.tar");
        ShardWriter.write(mixed, rows);
        Path parts = folder.resolve("halves");
        soup("split", mixed, "--disjoint", 2, "-o", parts)
                .fails(1, mixed.toString(), "[one, two]", "--provider");
        assertThat(folder.resolve("halves-1.tar")).doesNotExist();
        assertThat(folder.resolve("halves-2.tar")).doesNotExist();
        assertThat(
                        json("split", mixed, "--disjoint", 2, "-o", parts, "--provider", "both")
                                .path("shards"))
                .hasSize(2);
        assertThat(folder.resolve("halves-2.tar")).exists();

        // One of the tars is there: none is written.
        Path again = folder.resolve("again");
        Files.writeString(folder.resolve("again-2.tar"), "mine");
        soup("split", mixed, "--disjoint", 2, "-o", again, "--provider", "both")
                .fails(1, "again-2.tar");
        assertThat(folder.resolve("again-1.tar")).doesNotExist();
    }

    /** Nothing else is looked at first: what is named here is not even there. */
    @Test
    void aNameIsRefusedBeforeAnythingLong() {
        Path none = folder.resolve("none");
        soup("shard", "add", "12", "--data", none).fails(1, "'12' cannot name a shard");
        soup("shard", "add", "sA", "--data", none).fails(1, "There is a shard 'sA'");
        soup("ingredient", "add", "12", "--weights", none, "--base", "none", "--shard", "none")
                .fails(1, "'12' cannot name an ingredient");
        soup("ingredient", "add", "sA", "--weights", none, "--base", "none", "--shard", "none")
                .fails(1, "There is an ingredient 'sA'");
        soup("base", "add", "12", none).fails(1, "'12' cannot name a base");
        soup("registry", "make", "12", "--follow").fails(1, "'12' cannot name a soup");
        Object[] train = {
            "train", "--registry", registry, "--base", none, "--shard", "sA", "--out", none
        };
        Run.of(with(train, "--name", "12")).fails(1, "'12' cannot name an ingredient");
        Run.of(with(train, "--name", "a b")).fails(1, "'a b' cannot name an ingredient");
        Run.of(with(train, "--name", "sA")).fails(1, "an ingredient 'sA'");
        soup("audit", "--soup", "nosuch", "--shard", "sA", "--judge", none)
                .fails(1, "There is no soup 'nosuch'");
    }

    private static Object[] with(Object[] words, Object... more) {
        return Stream.concat(Stream.of(words), Stream.of(more)).toArray();
    }

    /** The terms, the last day and withdrawn pictures, too: before a fingerprint is taken. */
    @Test
    void whatTheRegistryRefusesIsRefusedBeforeFingerprints() {
        Registry r = Registry.open(registry);
        Progress never =
                new Progress() {
                    @Override
                    public void start(String task, long total, String unit) {
                        throw new AssertionError("began to " + task);
                    }

                    @Override
                    public void advance(long units) {}

                    @Override
                    public void message(String note) {}

                    @Override
                    public void close() {}
                };
        String data = folder.resolve("sA.tar").toString();
        assertThatThrownBy(() ->
                        RegistryShards.describe(
                                "late",
                                data,
                                Optional.of("acme"),
                                Optional.of("CC0-1.0"),
                                "",
                                Optional.of(LocalDate.of(2020, 1, 1)),
                                r::checkShard,
                                never,
                                note -> {}))
                .hasMessageContaining("expired on 2020-01-01 already");
        soup("withdraw", "sA", "--reason", "asked").ok();
        assertThatThrownBy(() ->
                        RegistryShards.describe(
                                "back",
                                data,
                                Optional.of("acme"),
                                Optional.of("CC0-1.0"),
                                "",
                                Optional.empty(),
                                r::checkShard,
                                never,
                                note -> {}))
                .hasMessageContaining("withdrawn before");
    }

    @Test
    void aListOfNamesIsReadAsItWasMeant() throws IOException {
        for (String name : List.of("sA,sB", "a=b")) {
            ingredient(name, "sA", weights(3, DType.F16)).fails(1, "'" + name + "' cannot name an");
            soup("registry", "make", name, "--follow")
                    .fails(1, "'" + name + "' cannot name a soup");
            soup("base", "add", name, weights(4, DType.F16)).fails(1, "cannot name a base");
            soup("shard", "add", name, "--data", folder.resolve("sA.tar"))
                    .fails(1, "cannot name a shard");
        }
        // Before the work that would end with such a name.
        Path parts = folder.resolve("parts");
        soup("split", folder.resolve("sA.tar"), "--disjoint", 2, "-o", parts, "--name", "a,b")
                .fails(1, "'a,b-1' cannot name a shard");
        assertThat(folder.resolve("parts-1.tar")).doesNotExist();
        assertThat(json("registry", "make", "two", "--from", "sA,sB").path("ingredients").asInt())
                .isEqualTo(2);
        soup("registry", "make", "two", "--from", "sA,sB", "--weights", "1,2,3")
                .fails(2, "3 weights for 2 ingredients");
        // As ledgers of earlier versions have it: an ingredient called so.
        ingredient("third", "sA", weights(3, DType.F16)).ok();
        Ledger ledger = ledger();
        long third = json("show", "third").path("entry").asLong();
        ledger.write(t ->
                t.append(
                        Kind.INGREDIENT,
                        Json.object(t.entry(third).body()).put("name", "sA,sB").build()));
        assertThat(json("registry", "make", "one", "--from", "sA,sB").path("ingredients").asInt())
                .isOne();
        assertThat(
                        json("registry", "make", "more", "--from", "sA,sB", "--from", "sA")
                                .path("ingredients")
                                .asInt())
                .isEqualTo(2);
        soup("show", "sA,sB").ok();
    }

    @Test
    void aListOfPicturesMayBeginWithAMark() throws IOException {
        String gone = Shard.open(folder.resolve("sA.tar")).infos().get(1).sha256();
        Path list = Files.writeString(folder.resolve("gone.txt"), "\ufeff" + gone + "\n");
        soup("withdraw", "--samples", list, "--drop-ingredients", "--reason", "asked").ok();
        Files.write(list, new byte[] {(byte) 0xff, (byte) 0xfe, 'a', 0});
        soup("withdraw", "--samples", list, "--reason", "asked").fails(1, "is not UTF-8 text");
    }

    @Test
    void linesOfTheLogSayWhichAndWhat() throws IOException {
        soup("registry", "make", "all", "--from", "sA,sB").ok();
        assertThat(soup("lineage", "all").ok().out())
                .containsPattern("  1/2  sA \\(checkpoint [0-9a-f]{12}\\)")
                .contains("  1/2  sB ");
        soup("registry", "make", "all", "--from", "sA,sB", "--weights", "2,1").ok();
        assertThat(soup("lineage", "all").ok().out()).contains("  2/3  sA ", "  1/3  sB ");
        soup("publish", "all", "--to", "a shop").ok();
        soup("withdraw", "sB", "--reason", "asked").ok();
        assertThat(soup("log").ok().out())
                .contains(
                        " all@1 ",
                        " all@2 ",
                        " all@3 ",
                        " all@2 to a shop ",
                        " shard sB, 1 ingredient, 2 soups: asked ");
        soup("export", "all@1", "-o", folder.resolve("first.safetensors"))
                .fails(1, "Soup all@1 was withdrawn (entry ", "'soup certificate ");
        Path page = folder.resolve("lineage.html");
        soup("lineage", "-o", page).ok();
        assertThat(Files.readString(page))
                .doesNotContain("<title></title>", "…")
                .contains("<title>sA in all@1: 1/2</title>", "4 pictures");
    }
}
