package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.weights.DescentLinks;
import org.diffusionsoup.registry.withdraw.Gone;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What a search chose, and among what, through all that becomes of those. */
abstract class ChoiceContract extends DescentContract {
    /** Searches that are run again take in all that is left; what they were asked is noted. */
    private static WithdrawRequest choosingAll(List<Set<String>> asked, String... shards) {
        return new WithdrawRequest(
                List.of(shards),
                Set.of(),
                "asked",
                false,
                Optional.empty(),
                Optional.of(what -> {
                    asked.add(Set.copyOf(what.candidates().keySet()));
                    List<String> left = List.copyOf(what.candidates().keySet());
                    return Optional.of(
                            new WithdrawRequest.Choice(
                                    left.stream()
                                            .map(n -> new SoupPlan.Item(n, Coefficient.ONE))
                                            .toList(),
                                    new SoupPlan.Selection("greedy", left, Json.object().build())));
                }));
    }

    private List<String> members(SoupRow s) {
        return registry.read(q ->
                s.members().stream()
                        .map(m -> q.ingredient(m.ingredient()).orElseThrow())
                        .map(i -> i.name() + " of entry " + i.id())
                        .toList());
    }

    private String live(String ingredient) {
        return registry.read(
                q -> ingredient + " of entry " + q.ingredient(ingredient).orElseThrow().id());
    }

    /** The name of an ingredient that was retired goes to another, of another shard and base. */
    private void another(String name, String base, String shard, long seed) {
        registry.retire(name, "recorded wrongly");
        registry.addShard(Small.shard(shard));
        registry.addIngredient(child(name, base, shard, seed));
    }

    private static JsonObject without(JsonObject o, String... fields) {
        Json.Builder b = Json.object();
        o.fields()
                .forEach((k, v) -> {
                    if (!List.of(fields).contains(k)) {
                        b.put(k, v);
                    }
                });
        return b.build();
    }

    /** The next version of a soup, with what earlier versions recorded of a choice: names. */
    private SoupRow asBefore(SoupRow s) {
        return appended(
                Json.object(bodyOf(s))
                        .put("version", s.version() + 1)
                        .numbers("replaces", List.of(s.id()))
                        .build());
    }

    private JsonObject bodyOf(SoupRow s) {
        return registry.read(q -> q.entry(s.id()).body());
    }

    private SoupRow appended(JsonObject soup) {
        return appended(registry, soup);
    }

    private static SoupRow appended(Registry r, JsonObject soup) {
        JsonObject body = without(soup, "chosen_among");
        long id = r.context().ledger().write(t -> t.append(Kind.SOUP, body).seq());
        return r.read(q -> q.soup(id).orElseThrow());
    }

    private List<String> found(Registry r) {
        return r.check().stream().map(Finding::sentence).toList();
    }

    private void three() {
        Small.add(registry, folder, "a", 1);
        Small.add(registry, folder, "b", 2);
        Small.add(registry, folder, "c", 3);
    }

    @Test
    void aSearchThatIsRunAgainLooksAtNothingThatTookANameSince() {
        three();
        registry.addBase("web", Small.checkpoint(folder.resolve("web.safetensors"), 77));
        registry.make(chosen("best", List.of("a", "b", "c"), "a", "b"));
        SoupRow old = registry.make(chosen("old", List.of("a", "b", "c"), "a", "b"));
        asBefore(old);
        another("b", "web", "other", 4);
        refused(() -> registry.make(Small.of("mix", "b", "c")), "start from different bases");

        List<Set<String>> asked = new ArrayList<>();
        Withdrawn w = registry.withdraw(choosingAll(asked, "a"));
        assertThat(w.made()).extracting(SoupRow::label).containsExactly("best@2", "old@3");
        assertThat(w.made()).allSatisfy(s -> assertThat(members(s)).containsExactly(live("c")));
        assertThat(asked).as("one is left, and nothing to search").isEmpty();
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(found(registry)).isEmpty();
    }

    @Test
    void aRetiredCandidateIsNoneAnyMoreWhateverHasItsName() {
        Small.add(registry, folder, "a", 1);
        Small.add(registry, folder, "clone", 2);
        registry.make(chosen("best", List.of("a", "clone"), "a"));
        another("clone", "base", "other", 4);
        Withdrawn w = registry.withdraw(choosingAll(new ArrayList<>(), "a"));
        assertThat(w.made()).isEmpty();
        assertThat(w.emptied()).extracting(SoupRow::label).containsExactly("best@1");
        assertThat(found(registry)).isEmpty();
    }

    @Test
    void aCandidateThatIsRecordedAnewWhileItIsSearchedAmongIsNotTakenForTheOther() {
        three();
        SoupPlan plan = chosen("best", List.of("a", "b"), "a");
        SoupPlan.Selection looked =
                new SoupPlan.Selection(
                        "greedy",
                        List.of("a", "b"),
                        Map.of("a", checkpointOf("a"), "b", checkpointOf("b")),
                        Json.object().build());
        SoupPlan searched =
                new SoupPlan("best", plan.ingredients(), false, Optional.of(looked), true);
        another("b", "base", "other", 4);
        refused(
                () -> registry.make(searched),
                "Ingredient 'b' is not the one that the search looked at",
                "search again");
    }

    /** A choice that was kept stays one among what was looked at first. */
    @Test
    void aKeptChoiceIsAmongWhatItWasMadeAmong() {
        three();
        Small.add(registry, folder, "d", 4);
        SoupRow old =
                asBefore(registry.make(chosen("best", List.of("a", "b", "c", "d"), "a", "b")));
        another("d", "base", "other", 5);
        // As earlier versions kept it: the names go on.
        registry.withdraw(WithdrawRequest.ofShards(List.of("c"), "asked").keepingSelections());
        SoupRow kept = registry.read(q -> q.soup("best").orElseThrow());
        assertThat(kept.version()).isEqualTo(old.version() + 1);
        asBefore(kept);

        List<Set<String>> asked = new ArrayList<>();
        Withdrawn w = registry.withdraw(choosingAll(asked, "a"));
        assertThat(w.made())
                .singleElement()
                .satisfies(s -> assertThat(members(s)).containsExactly(live("b")));
        assertThat(found(registry)).isEmpty();
    }

    @Test
    void whatWasTrainedAgainStaysACandidate() {
        three();
        registry.make(chosen("best", List.of("a", "b", "c"), "a", "b"));
        asBefore(registry.make(chosen("old", List.of("a", "b", "c"), "a", "b")));
        String picture = Small.samples("b", 5).getFirst().sha256();
        List<Set<String>> asked = new ArrayList<>();
        WithdrawRequest request = choosingAll(asked);
        registry.withdraw(
                new WithdrawRequest(
                        List.of(),
                        Set.of(picture),
                        "asked",
                        true,
                        Optional.of(r -> {
                            r.out().toAbsolutePath().getParent().toFile().mkdirs();
                            Small.checkpoint(r.out(), 22);
                            return new WithdrawRequest.Trained(
                                    Json.object().put("seed", 22).build(), Optional.empty());
                        }),
                        request.reselector()));
        assertThat(asked).as("the choice was kept").isEmpty();
        String again = live("b");
        Withdrawn w = registry.withdraw(choosingAll(asked, "a"));
        assertThat(asked).containsExactly(Set.of("b", "c"), Set.of("b", "c"));
        assertThat(w.made()).hasSize(2);
        assertThat(w.made())
                .allSatisfy(
                        s -> assertThat(members(s)).containsExactlyInAnyOrder(again, live("c")));
        // Dropped and recorded anew, it is another.
        registry.withdraw(
                new WithdrawRequest(
                        List.of(),
                        Set.of(Small.samples("b", 5).get(1).sha256()),
                        "asked",
                        true,
                        Optional.empty(),
                        Optional.empty()));
        registry.addIngredient(child("b", "base", "b", 222));
        asked.clear();
        registry.withdraw(choosingAll(asked, "c"));
        assertThat(asked).isEmpty();
        assertThat(registry.read(q -> q.soup("best").orElseThrow()).isCurrent()).isFalse();
        assertThat(found(registry)).isEmpty();
    }

    @Test
    void candidatesAreOfOneBase() {
        three();
        registry.addBase("web", Small.checkpoint(folder.resolve("web.safetensors"), 77));
        another("c", "web", "other", 4);
        refused(
                () -> registry.make(chosen("best", List.of("a", "b", "c"), "a", "b")),
                "The ingredients that soup 'best' was chosen among start from different bases (a, c)");
        // As an earlier version took it: what no average with the rest can be of is none.
        SoupRow best = registry.make(chosen("best", List.of("a"), "a"));
        JsonObject body = bodyOf(best);
        appended(
                Json.object(body)
                        .put("version", 2)
                        .numbers("replaces", List.of(best.id()))
                        .put(
                                "selection",
                                Json.object(Json.object(body, "selection"))
                                        .strings("candidates", List.of("a", "c"))
                                        .build())
                        .build());
        Withdrawn w = registry.withdraw(choosingAll(new ArrayList<>(), "a"));
        assertThat(w.made()).isEmpty();
    }

    /** As earlier versions did it. */
    @Test
    void whatWasChosenAgainAmongOthersIsNamed() {
        three();
        registry.addBase("web", Small.checkpoint(folder.resolve("web.safetensors"), 77));
        Small.add(registry, folder, "gone", 9);
        SoupRow first = asBefore(registry.make(chosen("best", List.of("a", "b", "c"), "a")));
        registry.withdraw(choosingAll(new ArrayList<>(), "gone"));
        long withdrawal = registry.read(q -> q.withdrawals()).getLast();
        another("b", "web", "other", 4);
        JsonObject body = bodyOf(first);
        List<JsonObject> both = new ArrayList<>(Json.objects(body, "ingredients"));
        String b = live("b");
        long entry = registry.read(q -> q.ingredient("b").orElseThrow().id());
        both.add(
                Json.object(both.getFirst())
                        .put("entry", entry)
                        .put("name", "b")
                        .put("checkpoint", checkpointOf("b"))
                        .build());
        SoupRow wrong =
                appended(
                        Json.object(body)
                                .put("version", first.version() + 1)
                                .numbers("replaces", List.of(first.id()))
                                .put("withdrawal", withdrawal)
                                .objects("ingredients", both)
                                .put(
                                        "selection",
                                        Json.object(Json.object(body, "selection"))
                                                .put("journal", Json.object().build())
                                                .build())
                                .build());
        assertThat(found(registry))
                .contains(
                        "soup best@%d averages ingredients of different bases (a of base, b of web); make it again ('soup registry make')"
                                .formatted(wrong.version()),
                        "soup best@%d was chosen again by withdrawal %d among what the search before had not looked at: ingredient %s; make it again ('soup registry make')"
                                .formatted(wrong.version(), withdrawal, b));
        refused(
                () -> registry.withdraw(choosingAll(new ArrayList<>(), "c")),
                "Soup best@"
                        + wrong.version()
                        + " cannot be chosen again, and nothing was withdrawn: it holds ingredients"
                        + " of different bases (a of base, b of web)",
                "'soup registry make'");
        assertThat(shard(registry, "c").withdrawn()).isEmpty();
        Withdrawn kept =
                registry.withdraw(
                        WithdrawRequest.ofShards(List.of("c"), "asked").keepingSelections());
        assertThat(kept.made()).hasSize(1);
    }

    @Test
    void whatExpiredComesIntoNothingByASearchThatIsRunAgain() {
        lent(registry, folder, "lent", 8);
        three();
        registry.make(chosen("best", List.of("a", "lent"), "a"));
        Registry later = tomorrow();
        refused(() -> later.make(Small.of("new", "lent")), "Shard 'lent' expired");
        List<Set<String>> asked = new ArrayList<>();
        refused(
                () -> later.withdraw(choosingAll(asked, "a")),
                "Soup best@1 cannot be chosen again, and nothing was withdrawn: Shard 'lent' expired"
                        + " on "
                        + day(NOW)
                        + " and is in ingredient lent; 'soup expire' takes it out. Run that first,"
                        + " or withdraw both together.");
        assertThat(shard(later, "a").withdrawn()).isEmpty();
        registry.make(chosen("other", List.of("a", "b", "c"), "a"));
        Withdrawn w = later.withdraw(choosingAll(asked, "a", "lent"));
        assertThat(asked).containsExactly(Set.of("b", "c"));
        assertThat(w.emptied()).extracting(SoupRow::label).containsExactly("best@1");
        assertThat(later.check()).isEmpty();
    }

    @Test
    void aWithdrawalWhoseSoupsLookAtNothingExpiredIsNotHindered() {
        lent(registry, folder, "lent", 8);
        three();
        registry.make(chosen("best", List.of("a", "b", "lent"), "a", "lent"));
        registry.make(Small.of("plain", "a", "lent"));
        registry.retire("lent", "wrong");
        Registry later = tomorrow();
        List<Set<String>> asked = new ArrayList<>();
        Withdrawn w = later.withdraw(choosingAll(asked, "a"));
        assertThat(w.made()).extracting(SoupRow::label).containsExactly("best@2");
        assertThat(w.made()).allSatisfy(s -> assertThat(members(s)).containsExactly(live("b")));
        later.withdraw(WithdrawRequest.ofShards(later.expired(), "last day"));
        assertThat(later.check()).isEmpty();
    }

    /** What holds it goes on holding it until 'soup expire' has run; nothing comes in anew. */
    @Test
    void whatExpiredAndCameInByAWithdrawalOfAnEarlierVersionIsNamed() {
        lent(registry, folder, "lent", 8);
        three();
        registry.make(Small.of("plain", "a", "b", "lent"));
        registry.make(chosen("kept", List.of("a", "b", "lent"), "b", "lent"));
        registry.make(chosen("best", List.of("b", "lent"), "b"));
        SoupRow with = registry.make(chosen("with", List.of("b", "lent"), "b", "lent"));
        Registry later = tomorrow();
        later.withdraw(WithdrawRequest.ofShards(List.of("a"), "asked").keepingSelections());
        String note = "the last day of shard lent is over; 'soup expire' takes it out";
        assertThat(found(later)).as("it was in these before").containsExactly(note);

        // As earlier versions searched again: among what had expired.
        long withdrawal = later.read(q -> q.withdrawals()).getLast();
        JsonObject body = Json.object(bodyOf(with)).put("withdrawal", withdrawal).build();
        JsonObject anew =
                Json.object(Json.object(body, "selection"))
                        .put("journal", Json.object().build())
                        .build();
        List<Long> wrong = new ArrayList<>();
        for (String name : List.of("best", "with")) {
            SoupRow old = later.read(q -> q.soup(name).orElseThrow());
            wrong.add(
                    appended(
                                    later,
                                    Json.object(body)
                                            .put("name", name)
                                            .put("version", 2)
                                            .numbers("replaces", List.of(old.id()))
                                            .put("selection", anew)
                                            .build())
                            .id());
        }
        assertThat(found(later))
                .hasSize(3)
                .anyMatch(f ->
                        f.startsWith("entry " + wrong.getFirst() + " (soup best@2) is dated ")
                                && f.contains("shard lent, whose last day was " + day(NOW))
                                && f.contains("is in soup best@2"))
                .anyMatch(
                        f -> f.startsWith("entry " + wrong.getLast() + " (soup with@2) is dated "));
        later.withdraw(choosingAll(new ArrayList<>(), "lent"));
        assertThat(found(later)).noneMatch(f -> f.contains("is over"));
    }

    /**
     * Ingredient {@code clone}, of shard {@code fluent}, has the weights of {@code seen}; soup
     * {@code best} was chosen with a look at the one, {@code direct} with a look at the other.
     */
    private void choicesByACopy() {
        lent(registry, folder, "seen", 8);
        three();
        Path weights =
                registry.export(checkpointOf("seen"), folder.resolve("seen-out.safetensors"));
        registry.addShard(Small.shard("fluent"));
        registry.addIngredient(
                new NewIngredient(
                        "clone",
                        "base",
                        List.of("fluent"),
                        rewritten(weights, "bare", Map.of()),
                        Json.object().build(),
                        "test"));
        registry.make(chosen("best", List.of("a", "clone"), "a"));
        registry.make(chosen("direct", List.of("a", "seen"), "a"));
        registry.publish("best", "hub");
        registry.publish("direct", "elsewhere");
    }

    @Test
    void aChoiceByACopyOfWhatLeavesIsMadeAgainToo() {
        choicesByACopy();
        refused(
                () -> registry.withdraw(WithdrawRequest.ofShards(List.of("seen"), "asked")),
                "Soup best@1 was selected by a search that saw this data",
                "`keepSelection`");
        List<Gone> all = new ArrayList<>();
        Withdrawn w =
                registry.withdraw(
                        choosingAll(new ArrayList<>(), "seen")
                                .with((WithdrawRequest.Consent) all::addAll));
        assertThat(w.ingredients()).containsExactlyInAnyOrder("seen", "clone");
        assertThat(w.withdrawn()).extracting(SoupRow::label).containsExactly("best@1", "direct@1");
        assertThat(w.made()).extracting(SoupRow::label).containsExactly("best@2", "direct@2");
        assertThat(all)
                .extracting(g -> g.label() + ": " + g.why())
                .contains(
                        "soup best@1: chosen with a look at ingredient clone",
                        "soup direct@1: chosen with a look at shard seen");
        assertThat(w.publications())
                .extracting(p -> p.soup() + " " + p.place())
                .containsExactly("best@1 hub", "direct@1 elsewhere");
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(found(registry)).isEmpty();
        registry.publish("best", "hub");
    }

    @Test
    void aChoiceByACopyIsMarkedWhereItIsKept() {
        choicesByACopy();
        registry.publish("best", "another hub");
        registry.withdraw(WithdrawRequest.ofShards(List.of("seen"), "asked").keepingSelections());
        for (String soup : List.of("best", "direct")) {
            SoupRow kept = registry.read(q -> q.soup(soup).orElseThrow());
            assertThat(kept.version()).isEqualTo(2);
            assertThat(Json.flag(Json.object(bodyOf(kept), "selection"), Choices.HELPED)).isTrue();
        }
        registry.publish("best", "hub");
        assertThat(found(registry)).isEmpty();
        // What it looked at left before; what it holds is asked for all the same.
        assertThat(
                        registry.withdraw(
                                        WithdrawRequest.ofShards(List.of("a"), "asked")
                                                .keepingSelections())
                                .publications())
                .extracting(p -> p.soup() + " " + p.place())
                .containsExactly(
                        "best@1 hub", "direct@1 elsewhere", "best@1 another hub", "best@2 hub");
        assertThat(found(registry)).isEmpty();
    }

    @Test
    void aChoiceByACopyOfWhatExpiredIsNotHandedOut() {
        choicesByACopy();
        Registry later = tomorrow();
        String over = "Shard 'seen' expired on " + day(NOW) + ", and soup ";
        refused(
                () -> later.publish("direct", "hub"),
                over + "direct@1 was chosen with a look at it; 'soup expire'");
        refused(
                () -> later.publish("best", "hub"),
                over + "best@1 was chosen with a look at ingredient clone, which ",
                "; 'soup expire' takes it out.");
        long late =
                later.context()
                        .ledger()
                        .write(t ->
                                t.append(
                                                Kind.PUBLICATION,
                                                Json.object()
                                                        .put(
                                                                "soup",
                                                                t.soup("best").orElseThrow().id())
                                                        .put("place", "hub")
                                                        .strings("required", List.of())
                                                        .build())
                                        .seq());
        assertThat(found(later))
                .anyMatch(f ->
                        f.startsWith("entry " + late + " (publication of soup best@1) is dated ")
                                && f.contains("was looked at when soup best@1 was chosen"));
    }

    /** As earlier versions did it. */
    @Test
    void aChoiceByACopyThatWasLeftAsItWasIsNamed() {
        choicesByACopy();
        SoupRow direct = registry.read(q -> q.soup("direct").orElseThrow());
        SoupRow best = registry.read(q -> q.soup("best").orElseThrow());
        long hub = registry.read(q -> q.publications(best.id()).getFirst().id());
        long elsewhere = registry.read(q -> q.publications(direct.id()).getFirst().id());
        long withdrawal =
                registry.context()
                        .ledger()
                        .write(t ->
                                t.append(
                                                Kind.WITHDRAWAL,
                                                Json.object()
                                                        .put("reason", "long ago")
                                                        .numbers(
                                                                "shards",
                                                                List.of(
                                                                        t.shard("seen")
                                                                                .orElseThrow()
                                                                                .id()))
                                                        .objects("samples", List.of())
                                                        .numbers(
                                                                "ingredients",
                                                                List.of(
                                                                        t.ingredient("seen")
                                                                                .orElseThrow()
                                                                                .id(),
                                                                        t.ingredient("clone")
                                                                                .orElseThrow()
                                                                                .id()))
                                                        .numbers("soups", List.of(direct.id()))
                                                        .numbers("publications", List.of(elsewhere))
                                                        .put("selections", "run again or none")
                                                        .build())
                                        .seq());
        assertThat(found(registry))
                .contains(
                        "soup best@1 was chosen with a look at ingredient clone, which entry "
                                + withdrawal
                                + " withdrew, and does not say so; make it again ('soup registry"
                                + " make')",
                        "publication "
                                + hub
                                + " of soup best@1 to hub is not listed by withdrawal "
                                + withdrawal
                                + ", though the soup was chosen with a look at ingredient clone,"
                                + " which that withdrew; ask there for the soup")
                .noneMatch(f -> f.contains("direct@1"));
        refused(
                () -> registry.publish("best", "hub"),
                "Soup best@1 was chosen with a look at ingredient 'clone', which was withdrawn"
                        + " since (entry "
                        + withdrawal
                        + "); make it again");
        registry.make(Small.of("best", "a"));
        registry.publish("best", "hub");
        assertThat(found(registry)).noneMatch(f -> f.contains("does not say so"));
    }

    @Test
    void aSoupFollowsOrIsWhatASearchChose() {
        three();
        SoupPlan plan = chosen("best", List.of("a", "b"), "a");
        SoupPlan both = new SoupPlan("best", plan.ingredients(), true, plan.selection(), true);
        String no = "'best' either follows its shards or is what a search chose";
        refused(() -> registry.make(both), no, "Leave out `follow` or `selection`.");
        refused(() -> registry.checkMake(both), no);
    }

    /** As earlier versions took them: chosen among {@code c} and {@code b}, and grown since. */
    private void grownBeyondAChoice(String... candidates) {
        SoupRow first = registry.make(chosen("best", List.of(candidates), "c"));
        SoupRow all = registry.make(Small.follow("all"));
        SoupRow grown =
                appended(
                        Json.object(bodyOf(first))
                                .put("version", 2)
                                .put("follows", true)
                                .numbers("replaces", List.of(first.id()))
                                .put("checkpoint", all.checkpoint())
                                .objects("ingredients", Json.objects(bodyOf(all), "ingredients"))
                                .build());
        assertThat(grown.members()).hasSizeGreaterThan(1);
    }

    @Test
    void whatFollowedBeyondItsChoiceKeepsWhatDoesNotLeave() {
        three();
        Small.add(registry, folder, "d", 4);
        grownBeyondAChoice("c");
        assertThat(found(registry))
                .containsExactly(
                        "soup best@2 says that a search chose it, and holds what that did not choose"
                                + " among: ingredient a, ingredient b, ingredient d; make it again"
                                + " ('soup registry make')");
        refused(
                () -> registry.update("best"),
                "Soup best@2 follows its shards and says that a search chose it",
                "'soup registry make best `follow`'");

        // Of d the search knew nothing: nothing is to be chosen, and nothing else leaves.
        List<Set<String>> asked = new ArrayList<>();
        Withdrawn w = registry.withdraw(choosingAll(asked, "d"));
        assertThat(w.made())
                .filteredOn(s -> s.name().equals("best"))
                .singleElement()
                .satisfies(s ->
                        assertThat(members(s)).containsExactly(live("a"), live("b"), live("c")));
        SoupRow best = registry.read(q -> q.soup("best").orElseThrow());
        assertThat(Json.flag(Json.object(bodyOf(best), "selection"), Choices.HELPED)).isFalse();
        registry.withdraw(WithdrawRequest.ofShards(List.of("b"), "asked"));

        // Of c it knew, and cannot tell what to do with a.
        String no = "holds what that did not choose among (a), so that no search gives it again";
        refused(
                () -> registry.withdraw(WithdrawRequest.ofShards(List.of("c"), "asked")),
                no,
                "`keepSelection`");
        refused(() -> registry.withdraw(choosingAll(asked, "c")), no);
        assertThat(asked).isEmpty();
        registry.withdraw(WithdrawRequest.ofShards(List.of("c"), "asked").keepingSelections());
        SoupRow kept = registry.read(q -> q.soup("best").orElseThrow());
        assertThat(members(kept)).containsExactly(live("a"));
        assertThat(Json.flag(Json.object(bodyOf(kept), "selection"), Choices.HELPED)).isTrue();

        // The way out.
        registry.make(Small.follow("best"));
        assertThat(registry.update("best").version()).isEqualTo(kept.version() + 1);
        assertThat(found(registry)).isEmpty();
    }

    @Test
    void whatFollowedWithinItsChoiceIsChosenAgainAndFollowsNoMore() {
        three();
        grownBeyondAChoice("a", "b", "c");
        assertThat(found(registry)).isEmpty();
        refused(() -> registry.update("best"), "says that a search chose it");
        Withdrawn w = registry.withdraw(choosingAll(new ArrayList<>(), "a"));
        assertThat(w.made())
                .filteredOn(s -> s.name().equals("best"))
                .singleElement()
                .satisfies(s -> {
                    assertThat(members(s)).containsExactly(live("b"), live("c"));
                    assertThat(s.follows()).isFalse();
                });
        assertThat(found(registry)).isEmpty();
    }

    /**
     * Whatever the registry holds (names that went to others, copies, bases that soups became,
     * shards whose last day is over), a choice is touched by what its candidates came of, and made
     * again among those of them that are left.
     */
    @Test
    void choicesAreMadeAgainAmongWhatIsLeftOfTheirCandidates() {
        int chosenAgain = 0;
        int refused = 0;
        for (int seed = 1; seed <= games(3); seed++) {
            Chances c = new Chances(seed);
            c.play();
            chosenAgain += c.chosenAgain;
            refused += c.refused;
        }
        assertThat(chosenAgain).as("soups that were chosen again").isGreaterThan(2 * games(3) - 1);
        assertThat(refused).as("withdrawals that had to wait").isPositive();
    }

    /** A registry at random, and what its soups were chosen among, as this test remembers it. */
    private final class Chances {
        private final int seed;
        private final Random random;
        private final Map<String, Set<Long>> candidates = new TreeMap<>();
        private final List<String> shards = new ArrayList<>();
        private final Set<String> published = new TreeSet<>();
        private int refused;
        private int chosenAgain;

        Chances(int seed) {
            this.seed = seed;
            this.random = new Random(seed);
        }

        void play() {
            registry = fresh("chances" + seed);
            Small.base(registry, folder);
            build();
            Registry later = tomorrow();
            List<String> order = new ArrayList<>(shards);
            Collections.shuffle(order, random);
            for (String shard : order) {
                if (random.nextInt(4) == 0) {
                    retireOne(later);
                }
                if (shard(later, shard).withdrawn().isEmpty()) {
                    withdraw(later, shard, random.nextInt(4) == 0);
                }
            }
            assertThat(later.check()).as("seed %d", seed).isEmpty();
        }

        private void build() {
            List<String> bases = new ArrayList<>(List.of("base"));
            for (int i = 0; i < 14; i++) {
                String shard = "s" + i;
                boolean isLent = random.nextInt(4) == 0;
                registry.addShard(
                        new NewShard(
                                shard,
                                "p",
                                "CC0-1.0",
                                "",
                                isLent ? Optional.of(day(NOW)) : Optional.empty(),
                                shard,
                                Small.samples(shard, 3)));
                shards.add(shard);
                String name = "n" + random.nextInt(9);
                if (registry.read(q -> q.ingredient(name)).isPresent()) {
                    registry.retire(name, "wrong");
                }
                String base = bases.get(random.nextInt(bases.size()));
                long weights = random.nextInt(3) == 0 ? 1000 + random.nextInt(2) : 100L * seed + i;
                try {
                    registry.addIngredient(child(name, base, shard, weights));
                } catch (RegistryException e) {
                    assertThat(e).hasMessageContaining("so it was trained on nothing");
                    continue;
                }
                if (i > 3) {
                    choose(base, "soup" + i, bases);
                }
            }
        }

        private void choose(String base, String soup, List<String> bases) {
            long of = registry.read(q -> Names.base(q, base).id());
            List<IngredientRow> kin =
                    new ArrayList<>(
                            registry.read(q -> q.ingredients()).stream()
                                    .filter(i -> i.isLive() && i.base() == of)
                                    .toList());
            Collections.shuffle(kin, random);
            List<IngredientRow> among = kin.subList(0, 1 + random.nextInt(kin.size()));
            String[] members =
                    among.subList(0, 1 + random.nextInt(among.size())).stream()
                            .map(IngredientRow::name)
                            .toArray(String[]::new);
            SoupRow made =
                    registry.make(
                            chosen(
                                    soup,
                                    among.stream().map(IngredientRow::name).toList(),
                                    members));
            candidates.put(soup, new TreeSet<>(among.stream().map(IngredientRow::id).toList()));
            try {
                registry.publish(soup, "place of " + soup);
                published.add(soup);
            } catch (RegistryException e) {
                assertThat(e).hasMessageContaining("was retired");
            }
            if (random.nextInt(4) == 0) {
                registry.addBase(
                        "b" + soup, rewritten(weightsOf(registry, made), "bare" + soup, Map.of()));
                bases.add("b" + soup);
            }
        }

        private void retireOne(Registry r) {
            List<IngredientRow> all =
                    r.read(q -> q.ingredients()).stream().filter(IngredientRow::isLive).toList();
            if (!all.isEmpty()) {
                r.retire(all.get(random.nextInt(all.size())).name(), "wrong");
            }
        }

        private void withdraw(Registry r, String shard, boolean keep) {
            String as = "%s of %d%s".formatted(shard, seed, keep ? ", kept" : "");
            Set<Long> leaving = descending(r, List.of(shard));
            List<String> over = new ArrayList<>(r.expired());
            over.remove(shard);
            Set<Long> expired = descending(r, over);
            Map<String, SoupRow> before = current(r);
            Map<String, Set<Long>> left = new TreeMap<>();
            for (SoupRow s : before.values()) {
                Set<Long> among = Objects.requireNonNull(candidates.get(s.name()));
                if (among.stream().anyMatch(leaving::contains)) {
                    Set<Long> still = new TreeSet<>(among);
                    still.removeAll(leaving);
                    still.removeIf(i -> !ingredient(r, i).isLive());
                    left.put(s.name(), still);
                }
            }
            WithdrawRequest request = choosingAll(new ArrayList<>(), shard);
            if (!keep
                    && left.values().stream()
                            .anyMatch(l -> l.stream().anyMatch(expired::contains))) {
                refused(() -> r.withdraw(request), "cannot be chosen again", "'soup expire'");
                assertThat(shard(r, shard).withdrawn()).as(as).isEmpty();
                assertThat(current(r)).as(as).isEqualTo(before);
                refused++;
                r.withdraw(choosingAll(new ArrayList<>(), r.expired().toArray(String[]::new)));
                candidates.replaceAll((soup, ids) -> {
                    Set<Long> rest = new TreeSet<>(ids);
                    rest.removeIf(i -> !ingredient(r, i).isLive());
                    return current(r).containsKey(soup) && touched(ids, expired) ? rest : ids;
                });
                if (shard(r, shard).withdrawn().isEmpty()) {
                    withdraw(r, shard, false);
                }
                return;
            }
            Withdrawn w = r.withdraw(keep ? request.keepingSelections() : request);
            assertThat(w.withdrawn()).as(as).extracting(SoupRow::name).containsAll(left.keySet());
            Map<String, SoupRow> now = current(r);
            before.forEach((soup, s) -> {
                SoupRow is = now.get(soup);
                Set<Long> still = left.get(soup);
                if (still == null) {
                    assertThat(is).as("%s: %s", as, soup).isEqualTo(s);
                } else if (keep) {
                    Set<Long> members = members(s);
                    members.removeAll(leaving);
                    members.removeIf(i -> !ingredient(r, i).isLive());
                    assertThat(members(is)).as("%s: %s", as, soup).isEqualTo(members);
                } else {
                    assertThat(members(is)).as("%s: %s", as, soup).isEqualTo(still);
                    candidates.put(soup, still);
                    chosenAgain++;
                }
            });
            assertThat(w.publications())
                    .as(as)
                    .extracting(p -> p.place())
                    .containsAll(
                            left.keySet().stream()
                                    .filter(published::contains)
                                    .map(n -> "place of " + n)
                                    .toList());
            assertThat(r.check()).as(as).allMatch(f -> f.sentence().startsWith("the last day of"));
        }

        private boolean touched(Set<Long> ids, Set<Long> leaving) {
            return ids.stream().anyMatch(leaving::contains);
        }

        private Set<Long> members(@Nullable SoupRow s) {
            Set<Long> ids = new TreeSet<>();
            if (s != null) {
                s.members().forEach(m -> ids.add(m.ingredient()));
            }
            return ids;
        }

        private Map<String, SoupRow> current(Registry r) {
            Map<String, SoupRow> all = new TreeMap<>();
            r.read(q -> q.soups()).stream()
                    .filter(SoupRow::isCurrent)
                    .forEach(s -> all.put(s.name(), s));
            return all;
        }

        private IngredientRow ingredient(Registry r, long id) {
            return r.read(q -> q.ingredient(id).orElseThrow());
        }

        private Set<Long> descending(Registry r, List<String> names) {
            List<Long> ids = names.stream().map(n -> shard(r, n).id()).toList();
            return r.read(q -> DescentLinks.ofLive(q, r.store()).madeOf(ids));
        }
    }
}
