package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.arrival.Arrivals;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data that a recipe names by its hash is that of the shard which it was recorded for. */
class RecordedDataTest {
    private static final String DATA = " its recipe says that it was trained on the data of shard";

    @TempDir private Path folder;
    private Registry registry;
    private int seed = 1;

    @BeforeEach
    void make() {
        registry =
                Registry.init(folder.resolve("registry"), Optional.empty())
                        .with(SoupOptions.DEFAULT.withThreads(1));
        Small.base(registry, folder);
        for (int i = 1; i <= 4; i++) {
            registry.addShard(Small.shard("s" + i));
        }
    }

    /** A recipe as {@code soup train} writes it, of data each known by a letter. */
    private static JsonObject recipe(int rows, String... data) {
        List<JsonObject> shards = new ArrayList<>();
        for (String d : data) {
            shards.add(
                    Json.object()
                            .put("name", "x")
                            .put("rows", rows)
                            .put("sha256", d.repeat(64))
                            .build());
        }
        return Json.object().put("method", "fine-tune").objects("shards", shards).build();
    }

    private NewIngredient of(String name, JsonObject recipe, String... shards) {
        return new NewIngredient(
                name,
                "base",
                List.of(shards),
                Small.checkpoint(folder.resolve("w" + seed + ".safetensors"), seed++),
                recipe,
                "test");
    }

    private void add(String name, JsonObject recipe, String... shards) {
        registry.addIngredient(of(name, recipe, shards));
    }

    /** As an earlier version recorded it, which compared nothing. */
    private void addUnchecked(NewIngredient n) {
        try (var session = registry.store().open()) {
            String id = registry.store().put(n.weights());
            registry.context()
                    .ledger()
                    .write(t -> new Arrivals(registry.context()).append(t, n, id, new TreeSet<>()));
        }
    }

    private Withdrawn withdraw(List<String> shards, Set<String> pictures) {
        return registry.withdraw(
                new WithdrawRequest(
                        shards, pictures, "asked", false, Optional.empty(), Optional.empty()));
    }

    private static void refused(ThrowingCallable call, String... words) {
        assertThatThrownBy(call)
                .isInstanceOf(RegistryException.class)
                .hasMessageContainingAll(words);
    }

    private static NewShard copyOf(String shard, String name, int pictures) {
        return new NewShard(
                name, "p", "l", "", Optional.empty(), "x", Small.samples(shard, pictures));
    }

    @Test
    void withdrawnDataIsNotTrainedOnForAnotherShard() {
        add("i1", recipe(5, "a"), "s1");
        add("i2", recipe(5, "b"), "s2");
        registry.make(Small.follow("all"));
        addUnchecked(of("old", recipe(5, "a"), "s2"));
        long entry = withdraw(List.of("s1"), Set.of()).entry();
        String left = DATA + " 's1', which was withdrawn (entry " + entry + ")";
        refused(() -> add("again", recipe(5, "a"), "s2"), "'again':" + left, "`readmit`");
        refused(() -> add("again", recipe(5, "b", "a"), "s2"), left);
        refused(
                () ->
                        add(
                                "again",
                                Json.object()
                                        .strings("shards_sha256", List.of("a".repeat(64)))
                                        .build(),
                                "s2"),
                left);
        // What an earlier version took.
        assertThat(registry.check())
                .filteredOn(f -> f.severity() == Severity.ERROR)
                .singleElement()
                .satisfies(f ->
                        assertThat(f.sentence())
                                .contains("'old':" + left, "soup ingredient retire old"));
        refused(() -> registry.make(Small.of("x", "old")), left, "retire old");
        refused(() -> registry.update("all"), left);
        registry.retire("old", "recorded for another shard");
        registry.update("all");
        registry.publish("all", "hub");
        // Agreed anew.
        registry.addShard(copyOf("s1", "new", 5).readmitted("contract"));
        refused(() -> add("again", recipe(5, "a"), "s2"), left);
        add("again", recipe(5, "a"), "new");
        registry.make(Small.of("x", "again"));
        registry.publish("x", "hub");
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void liveDataIsThatOfAShardThatIsToBeNamed() {
        add("i1", recipe(5, "a"), "s1");
        refused(
                () -> add("other", recipe(5, "a"), "s2"),
                DATA + " 's1'; name it, too (`shard` s1)",
                "'i1' (entry ",
                "retire");
        add("both", recipe(5, "a", "c"), "s2", "s1");
        // The same pictures under another name, and hashes that nobody knows.
        registry.addShard(copyOf("s1", "copy", 5));
        add("of-copy", recipe(5, "a"), "copy");
        add("own-word", recipe(3, "9"), "s3");
        // Of several, any that it is known to be of; more exactly once that is known.
        add("i34", recipe(5, "d", "e"), "s3", "s4");
        add("i4", recipe(5, "d"), "s4");
        refused(() -> add("other", recipe(5, "d"), "s3"), DATA + " 's4'; name it");
        refused(() -> add("other", recipe(5, "e"), "s2"), DATA + "s 's3' and 's4'; name them");
        assertThat(registry.check()).isEmpty();
    }

    /** A soup from before it was known what one of its ingredients was trained on. */
    @Test
    void aSoupWithOtherDataIsNotHandedOut() {
        add("i1", recipe(5, "a"), "s1");
        add("i2", recipe(5, "b"), "s2");
        registry.make(Small.of("two", "i1", "i2"));
        registry.correctRecipe("i2", recipe(5, "a"), "it was other data");
        refused(() -> registry.publish("two", "hub"), "'i2':" + DATA + " 's1'", "retire i2");
    }

    /** What was recorded wrongly and taken out is no reason to refuse it where it belongs. */
    @Test
    void aRetiredMistakeTellsNothing() {
        add("wrong", recipe(5, "a"), "s2");
        refused(() -> add("right", recipe(5, "a"), "s1"), "'wrong'", "soup ingredient retire");
        registry.retire("wrong", "it was s1");
        add("right", recipe(5, "a"), "s1");
        assertThat(registry.check()).isEmpty();
    }

    /** A part of a shard that is itself recorded is where it is recorded. */
    @Test
    void aPartOfAShardMayBeAShardToo() {
        add("part-of-all", recipe(3, "f"), "s1");
        registry.addShard(copyOf("s1", "part", 3));
        add("of-part", recipe(3, "f"), "part");
        registry.addShard(copyOf("s1", "less", 2));
        refused(() -> add("of-less", recipe(3, "f"), "less"), DATA + " 's1'; name it");
    }

    /** Trained again on all pictures of a shard of which one was withdrawn. */
    @Test
    void dataWithAWithdrawnPictureIsRefusedForItsOwnShard() {
        add("i1", recipe(5, "a"), "s1");
        add("i2", recipe(5, "b"), "s2");
        String picture = Small.samples("s1", 1).getFirst().sha256();
        long entry = withdraw(List.of(), Set.of(picture)).entry();
        refused(
                () -> add("again", recipe(5, "a"), "s1"),
                DATA + " 's1', of which pictures were withdrawn (entry " + entry + ")");
        add("rest", recipe(4, "c"), "s1");
        assertThat(registry.check()).isEmpty();
    }
}
