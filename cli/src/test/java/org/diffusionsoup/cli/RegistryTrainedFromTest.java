package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.workbench.registry.TrainingRecipe;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What was trained, outside, from recorded weights is trained on their data; its recipe says so.
 */
class RegistryTrainedFromTest {
    @TempDir private static Path first;
    private Path folder = Path.of("");
    private Path registry;
    private Path hers;
    private Path mine;

    /** All begin with the same registry, which is made once. */
    @BeforeEach
    void make() throws IOException {
        if (!Files.exists(first.resolve("registry"))) {
            folder = first;
            registry = first.resolve("registry");
            begin();
        }
        folder = Files.createTempDirectory(first, "test");
        for (String name : List.of("registry", "hers")) {
            copy(first.resolve(name), folder.resolve(name));
        }
        registry = folder.resolve("registry");
        hers = first.resolve("hers.tar");
        mine = first.resolve("mine.tar");
    }

    /** With the permissions of its key. */
    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : (Iterable<Path>) all::iterator) {
                Files.copy(
                        p,
                        to.resolve(from.relativize(p).toString()),
                        StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    private void begin() {
        soup("init").ok();
        soup("base", "add", "tiny", TinyTraining.BASE).ok();
        Path all = TinyTraining.shard(folder.resolve("all.tar"), 8, 64, "train");
        hers = part(all, "hers", 0);
        mine = part(all, "mine", 4);
        soup("shard", "add", "hers", "--data", hers).ok();
        soup("shard", "add", "mine", "--data", mine).ok();
        ingredient("hers", train("hers", TinyTraining.BASE, hers), "hers").ok();
    }

    private Path part(Path all, String name, int from) {
        Path tar = folder.resolve(name + ".tar");
        ShardWriter.write(tar, Shard.open(all).samples().subList(from, from + 4));
        return tar;
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private Path train(String name, Path base, Path shard, Object... more) {
        Path out = folder.resolve(name);
        List<Object> words =
                new ArrayList<>(
                        List.of(
                                "train", "--base", base, "--shard", shard, "--steps", 1, "--batch",
                                2, "--lr", "1e-2", "--out", out, "-q"));
        words.addAll(List.of(more));
        Run.of(words.toArray()).ok();
        return out;
    }

    private Run ingredient(String name, Path weights, String... shards) {
        return ingredientOf("tiny", name, weights, shards);
    }

    private Run ingredientOf(String base, String name, Path weights, String... shards) {
        List<Object> args =
                new ArrayList<>(
                        List.of("ingredient", "add", name, "--weights", weights, "--base", base));
        for (String s : shards) {
            args.addAll(List.of("--shard", s));
        }
        return soup(args.toArray());
    }

    private static String unsaid(String name, String of) {
        return "Ingredient '%s' was made of %s, as its recipe says, and so from the data of hers; name that, too (--shard hers)"
                .formatted(name, of);
    }

    @Test
    void whatIsTrainedOutsideFromAnIngredientBringsInItsData() {
        Path from = train("from", folder.resolve("hers"), mine);
        ingredient("ff", from, "mine").fails(1, unsaid("ff", "ingredient 'hers'"));
        ingredient("ff", from, "mine", "hers").ok();
        ingredient("own", train("own", TinyTraining.BASE, mine), "mine").ok();
        assertThat(soup("fsck").ok().out()).contains("sound");
        soup("withdraw", "hers", "--reason", "asked", "-o", folder.resolve("c.json")).ok();
        verify("c.json").ok();
        Path again = train("again", folder.resolve("hers"), mine, "--seed", 7);
        ingredient("back", again, "mine")
                .fails(
                        1,
                        "Ingredient 'back' was made of ingredient 'hers' (entry 4), which was"
                                + " withdrawn (entry 7, 'asked'): its recipe names the hash ");
        soup("base", "add", "back", again)
                .fails(
                        1,
                        "Base 'back' was made of ingredient 'hers' (entry 4), which was withdrawn");
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    @Test
    void twoShardsOfTheSamePicturesAreNotTrainedOnTogether() {
        Path again = folder.resolve("again.tar");
        ShardWriter.write(
                again,
                Shard.open(hers).samples().stream()
                        .map(s -> new Sample(s.info().withoutStyle(), s.png()))
                        .toList());
        soup("shard", "add", "again", "--data", again).ok();
        trainTogether("hers", "again")
                .fails(1, "shards 'hers' and 'again' have the same pictures", "name one of them");
        trainTogether("hers", "hers").fails(1, "shard 'hers' is named twice");
        soup("shard", "add", "all", "--data", first.resolve("all.tar")).ok();
        assertThat(trainTogether("hers", "all").ok().out())
                .contains("shards hers and all have 4 pictures in common, which counted double");
    }

    private Run trainTogether(String one, String other) {
        return soup(
                "train",
                "--base",
                TinyTraining.BASE,
                "--shard",
                one,
                "--shard",
                other,
                "--name",
                "together",
                "--steps",
                1,
                "--batch",
                2,
                "--out",
                folder.resolve("together"));
    }

    private String entryOf(String certificate) {
        return String.valueOf(
                Json.number(
                        Json.object(JsonValue.readObject(folder.resolve(certificate)), "ledger"),
                        "entry"));
    }

    private Run verify(String certificate) {
        return Run.of(
                "verify",
                folder.resolve(certificate),
                "--key",
                registry.resolve("registry.pub"),
                "--store",
                registry.resolve("store"));
    }

    /** Exported, in any version, kept in the store or collected, with factors or without. */
    @Test
    void whatIsTrainedOutsideFromASoupBringsInItsData() {
        soup("registry", "make", "all", "--from", "hers").ok();
        Path out = folder.resolve("all-out");
        ingredient("own", train("own", TinyTraining.BASE, mine), "mine").ok();
        soup("registry", "make", "both", "--from", "hers,own").ok();
        soup("export", "both", "-o", out).ok();
        soup("registry", "make", "both", "--from", "own").ok();
        soup("gc", "--superseded", "--grace-minutes", 0).ok();
        ingredient("fs", train("fs", out, mine), "mine").fails(1, unsaid("fs", "soup both@1"));
        Path lora = train("factors", out, mine, "--lora", 2);
        ingredient("fl", lora, "mine").fails(1, unsaid("fl", "soup both@1"));
    }

    /** The base that the ledger states is the one that the file names. */
    @Test
    void anIngredientIsOfTheBaseThatItsRecipeNames() {
        Path unknown = train("unknown", train("step", TinyTraining.BASE, mine), mine);
        ingredient("u", unknown, "mine")
                .fails(
                        1,
                        "Ingredient 'u': its recipe says that it was trained from weights with the"
                                + " hash ",
                        " (base_unet_sha256), which are not those of base 'tiny'; name the base that"
                                + " it was trained from (--base), which 'soup base add' records");
        soup("base", "add", "step", folder.resolve("step")).ok();
        ingredient("u", unknown, "mine").fails(1, "those of base 'step', not of base 'tiny'");
        ingredientOf("step", "u", unknown, "mine").ok();
        soup(
                        "train",
                        "--base",
                        folder.resolve("hers"),
                        "--shard",
                        "mine",
                        "--steps",
                        1,
                        "--out",
                        folder.resolve("no"))
                .fails(1, "is ingredient 'hers' and none of the registry's bases");
    }

    /** A base made, outside, from an ingredient leaves with it, and so does what comes of it. */
    @Test
    void aBaseThatWasTrainedFromAnIngredientLeavesWithIt() {
        Path from = train("from", folder.resolve("hers"), mine);
        soup("base", "add", "second", from).ok();
        ingredientOf("second", "third", train("third", from, mine), "mine").ok();
        soup("withdraw", "hers", "--reason", "asked")
                .fails(1, "base second (entry 5, made of ingredient hers, as its recipe says)");
        soup("withdraw", "hers", "--reason", "asked", "--yes").ok();
        soup("registry", "make", "made", "--from", "third").fails(1, "'third' was withdrawn");
        soup("train", "--base", from, "--shard", "mine", "--steps", 1, "--out", from + "-no")
                .fails(
                        1,
                        from
                                + " is base 'second', which was withdrawn (entry 7) with data that it"
                                + " holds; train from one that is not, [tiny].");
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    /** Whichever of the two was recorded first. */
    @Test
    void aBaseThatWasRecordedBeforeItsIngredientsLeavesWithThem() {
        Path own = train("own", TinyTraining.BASE, mine);
        Path other = train("other", TinyTraining.BASE, hers, "--seed", 9);
        Path mean = folder.resolve("mean");
        Run.of("merge", own, other, "-o", mean).ok();
        soup("base", "add", "second", mean).ok();
        ingredientOf("second", "third", train("third", mean, mine), "mine").ok();
        soup("registry", "make", "made", "--from", "third").ok();
        ingredientOf("second", "other", other, "hers")
                .fails(
                        1,
                        "Ingredient 'other'",
                        "was trained from weights with the hash",
                        "not of base 'second'");
        Run added =
                Run.of(
                        "ingredient",
                        "add",
                        "other",
                        "--weights",
                        other,
                        "--base",
                        "tiny",
                        "--shard",
                        "hers",
                        "--registry",
                        registry);
        assertThat(added.ok().err())
                .contains(
                        "base 'second', which was recorded before, was made of ingredient 'other',"
                                + " as its recipe says: it leaves with that");
        assertThat(soup("lineage", "made").ok().out()).contains("second", "other", "hers");
        soup("withdraw", "hers", "--reason", "asked")
                .fails(
                        1,
                        "base second (entry 5, made of ingredient other, as its recipe says)",
                        "ingredient third (entry 6, made from base second)");
        soup("withdraw", "hers", "--reason", "asked", "--yes", "-o", folder.resolve("c.json")).ok();
        verify("c.json").ok();
        soup("publish", "made", "--to", "hub").fails(1, "made");
        soup("base", "add", "again", mean).fails(1, "which was withdrawn");
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    /** A ledger of an earlier version, which took them without a word and knew no such hashes. */
    @Test
    void whatAnEarlierVersionTookLeavesAllTheSame() throws IOException {
        Path early = train("early", TinyTraining.BASE, hers, "--seed", 3);
        asBefore("early", early, "hers", "");
        Path from = train("from", early, mine);
        asBefore("ff", from, "mine", "");
        assertThat(soup("fsck").ok().out())
                .contains("'ff' was made of ingredient 'early'", "name that, too");
        soup("withdraw", "hers", "--reason", "asked")
                .fails(1, "ingredient ff (entry 6, made of ingredient early, as its recipe says)");
        Run done = soup("withdraw", "hers", "--reason", "asked", "--yes").ok();
        assertThat(done.out()).contains("withdrawn  ingredient ff: made of ingredient early");
        ingredient("back", train("back", early, mine, "--seed", 7), "mine")
                .fails(1, "was made of ingredient 'early' (entry 5), which was withdrawn");
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    /** Where the source left before anybody compared, the file still contradicts the ledger. */
    @Test
    void whatOutlivedItsSourceInAnEarlierVersionIsTold() throws IOException {
        asBefore("own", train("own", TinyTraining.BASE, mine), "mine", "5".repeat(64));
        String told = "weights with the hash 555555555555 (base_unet_sha256), which are not those";
        Run fsck = soup("fsck");
        assertThat(fsck.status()).isEqualTo(1);
        assertThat(fsck.out() + fsck.err()).contains(told, "soup ingredient retire own");
        soup("registry", "make", "made", "--from", "own").fails(1, told, "retire own");
    }

    /** Weights follow their pictures, and so does what was made of them. */
    @Test
    void whatWasMadeOfReadmittedDataComesBackWithIt() {
        Path weights = folder.resolve("hers");
        Path from = train("from", weights, mine);
        Path own = train("own", TinyTraining.BASE, mine);
        ingredient("own", own, "mine").ok();
        soup("registry", "make", "both", "--from", "hers,own").ok();
        Path mean = folder.resolve("mean");
        soup("export", "both", "-o", mean).ok();
        Path fromMean = train("from-mean", mean, mine);
        soup("withdraw", "hers", "--reason", "asked", "-o", folder.resolve("c.json")).ok();
        String gone = "Ingredient 'g' was made of ingredient 'hers' (entry 4), which was withdrawn";
        ingredient("g", from, "mine").fails(1, gone, "--readmit");
        soup("shard", "add", "hers2", "--data", hers, "--readmit", "contract 2027").ok();
        ingredient("g", from, "mine").fails(1, gone, "--readmit");
        ingredient("back", weights, "hers2").ok();
        ingredient("g", from, "hers2", "mine").ok();
        ingredient("m", mean, "hers2", "mine").ok();
        ingredient("fm", fromMean, "hers2", "mine").ok();
        assertThat(soup("fsck").ok().out()).contains("sound").doesNotContain("made of");
        soup("registry", "make", "all", "--from", "back,g,m,fm").ok();
        soup("registry", "make", "next", "--follow").ok();
        soup("update", "next").ok();
        soup("publish", "next", "--to", "hub").ok();
        Run then = verify("c.json"); // signed when there was no new agreement
        assertThat(then.status()).as(then.err()).isEqualTo(3);
        assertThat(then.out()).contains("agreed on anew since then").doesNotContain("wrong ");
        soup("certificate", entryOf("c.json"), "-o", folder.resolve("now.json")).ok();
        verify("now.json").ok();
        // Where the new agreement ends, all of it goes.
        soup("withdraw", "hers2", "--reason", "asked", "--yes", "-o", folder.resolve("d.json"))
                .ok();
        soup("registry", "make", "none", "--from", "g").fails(1, "'g' was withdrawn");
        verify("d.json").ok();
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    /** Readmitted in part, it stays away, and nobody is asked to name what was withdrawn. */
    @Test
    void whatWasMadeOfDataThatIsReadmittedInPartStaysAway() {
        Path from = train("from", folder.resolve("hers"), mine);
        soup("withdraw", "hers", "--reason", "asked").ok();
        Path some = folder.resolve("some.tar");
        ShardWriter.write(some, Shard.open(hers).samples().subList(0, 3));
        soup("shard", "add", "some", "--data", some, "--readmit", "contract 2027").ok();
        Run run = ingredient("g", from, "some", "mine");
        run.fails(1, "ingredient 'hers' (entry 4), which was withdrawn (entry 5", "--readmit");
        assertThat(run.err()).doesNotContain("--shard hers");
    }

    /** Trained afresh on withdrawn data, whichever shard is named for it. */
    @Test
    void whatIsTrainedAfreshOnWithdrawnDataIsKnownByItsHash() throws IOException {
        Path again = train("again", TinyTraining.BASE, hers, "--seed", 7);
        String says = ": its recipe says that it was trained on the data of shard 'hers'";
        ingredient("a", again, "mine").fails(1, "'a'" + says + "; name it, too (--shard hers)");
        soup("withdraw", "hers", "--reason", "asked").ok();
        String left = says + ", which was withdrawn (entry 5)";
        ingredient("a", again, "mine").fails(1, "Ingredient 'a'" + left, "--readmit");
        soup("base", "add", "a", again).fails(1, "Base 'a'" + left);
        asBefore("old", again, "mine", "");
        Run fsck = soup("fsck");
        assertThat(fsck.status()).isEqualTo(1);
        assertThat(fsck.out() + fsck.err()).contains("'old'" + left, "soup ingredient retire old");
        soup("registry", "make", "x", "--from", "old").fails(1, "'old'" + left);
        soup("ingredient", "retire", "old", "--reason", "mistaken").ok();
        soup("shard", "add", "hers2", "--data", hers, "--readmit", "contract 2027").ok();
        ingredient("a", again, "hers2").ok();
        assertThat(soup("fsck").ok().out()).contains("sound");
    }

    /**
     * Records an ingredient as earlier versions did, which looked at averages alone.
     *
     * @param from what its recipe names as its base's denoiser; empty: what it names
     */
    private void asBefore(String name, Path weights, String shard, String from) throws IOException {
        Ledger ledger =
                Ledger.open(
                        "jdbc:sqlite:" + registry.resolve("ledger.db"),
                        SigningKey.load(
                                registry.resolve("registry.key"), registry.resolve("registry.pub")),
                        Clock.systemUTC(),
                        Optional.empty());
        WeightStore store = new WeightStore(registry.resolve("store"));
        Json.Builder recipe = Json.object(TrainingRecipe.ofWeights(weights));
        if (!from.isEmpty()) {
            recipe.put("base_unet_sha256", from);
        }
        try (WeightStore.Session session = store.open()) {
            String checkpoint = store.put(weights);
            ledger.write(t ->
                    t.append(
                            Kind.INGREDIENT,
                            Json.object()
                                    .put("name", name)
                                    .put("base", 1)
                                    .numbers("shards", List.of(t.shard(shard).orElseThrow().id()))
                                    .put("checkpoint", checkpoint)
                                    .map("files", store.manifest(checkpoint).weightFiles())
                                    .put("recipe", recipe.build())
                                    .put("code_version", "")
                                    .build()));
        }
    }
}
