package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.weights.DescentLinks;
import org.diffusionsoup.registry.weights.EarlierBases;
import org.diffusionsoup.registry.withdraw.Gone;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.junit.jupiter.api.Test;

/**
 * What a soup that became a base carries on: last days, retired ingredients, shards that have to be
 * audited, and what a lineage tells.
 */
abstract class DescentContract extends MonthContract {
    static final Instant NOW = Instant.now();

    static LocalDate day(Instant at) {
        return LocalDate.ofInstant(at, ZoneOffset.UTC);
    }

    private Registry at(Instant when) {
        return Registry.open(registry.folder(), Clock.fixed(when, ZoneOffset.UTC))
                .with(SoupOptions.DEFAULT.withThreads(1));
    }

    Registry tomorrow() {
        return at(NOW.plus(Duration.ofDays(1)));
    }

    static void lent(Registry r, Path folder, String name, long seed) {
        r.addShard(
                new NewShard(
                        name,
                        "lender",
                        "CC0-1.0",
                        "",
                        Optional.of(day(NOW)),
                        name,
                        Small.samples(name, 5)));
        Small.ingredient(r, folder, name, seed);
    }

    NewIngredient child(String name, String base, String shard, long seed) {
        return new NewIngredient(
                name,
                base,
                List.of(shard),
                Small.checkpoint(folder.resolve(name + "-" + seed + ".safetensors"), seed),
                Json.object().put("seed", seed).build(),
                "test");
    }

    /** A lent shard's soup {@code first} is base {@code second}; {@code child} was made from it. */
    private SoupRow secondGeneration() {
        lent(registry, folder, "lent", 1);
        Small.add(registry, folder, "own", 2);
        Small.add(registry, folder, "other", 3);
        SoupRow first = registry.make(Small.of("first", "lent", "own"));
        registry.addBase("second", weightsOf(registry, first));
        registry.addIngredient(child("child", "second", "other", 44));
        return registry.make(Small.of("next", "child"));
    }

    /**
     * Soup {@code best@1} of {@code own} and {@code lent} was chosen with a look at {@code seen},
     * and left with that; it is base {@code second}, whose files name nothing, and of which {@code
     * next} was made.
     */
    private void secondOfAChoice() {
        Small.add(registry, folder, "seen", 5);
        lent(registry, folder, "lent", 1);
        Small.add(registry, folder, "own", 2);
        Small.add(registry, folder, "other", 3);
        SoupRow best = registry.make(chosen("best", List.of("seen", "lent", "own"), "lent", "own"));
        registry.addBase("second", rewritten(weightsOf(registry, best), "bare", Map.of()));
        registry.addIngredient(child("child", "second", "other", 44));
        registry.make(Small.of("next", "child"));
        registry.publish("next", "hub");
        registry.withdraw(WithdrawRequest.ofShards(List.of("seen"), "asked").keepingSelections());
        SoupRow left = registry.read(q -> q.soup("best", 1).orElseThrow());
        assertThat(left.withdrawn()).isPresent();
    }

    /** Searches that are run again choose the first of what is left, and with it another soup. */
    static WithdrawRequest choosingAnew(String shard) {
        return new WithdrawRequest(
                List.of(shard),
                Set.of(),
                "asked",
                false,
                Optional.empty(),
                Optional.of(what -> {
                    List<String> left = List.copyOf(what.candidates().keySet());
                    return Optional.of(
                            new WithdrawRequest.Choice(
                                    List.of(new SoupPlan.Item(left.getFirst(), Coefficient.ONE)),
                                    new SoupPlan.Selection("greedy", left, Json.object().build())));
                }));
    }

    static SoupPlan chosen(String name, List<String> among, String... ingredients) {
        return new SoupPlan(
                name,
                Small.of(name, ingredients).ingredients(),
                false,
                Optional.of(
                        new SoupPlan.Selection(
                                "greedy", among, Json.object().put("steps", 3).build())),
                true);
    }

    @Test
    void whatWasMadeOfASoupThatLeftForItsChoiceLeavesWithWhatThatHeld() {
        secondOfAChoice();
        Path copy = registry.export(base("second"), folder.resolve("copy.safetensors"));
        Registry later = tomorrow();
        String way =
                "through base second, which holds 100 % of the weights that are soup best@1's own";
        refused(
                () -> later.make(Small.of("new", "child")),
                "Shard 'lent' expired on " + day(NOW) + " and is in ingredient child " + way);
        refused(() -> later.publish("next", "elsewhere"), way);
        refused(() -> later.addBase("third", copy), "Shard 'lent' expired", "base third");
        Lineage of =
                registry.read(q -> Lineage.ofShard(q, shard(registry, "lent"), registry.store()));
        assertThat(of.soups()).extracting(Lineage.Node::name).contains("best@1", "next@1");

        Withdrawn w = later.withdraw(choosingAnew("lent"));
        assertThat(w.all())
                .extracting(Gone::label)
                .contains("base second", "ingredient child", "soup next@1", "soup best@2");
        assertThat(w.publications()).extracting(p -> p.place()).containsExactly("hub");
        assertThat(verify(w.certificate(), later).wrong()).isEmpty();
        refused(() -> later.addBase("third", copy), "holds weights of", "which was withdrawn");
        assertThat(later.check()).isEmpty();
    }

    /** The choice is what left, not the average: that may be made anew, and leaves then. */
    @Test
    void whatASoupThatLeftForItsChoiceHeldMayBeAveragedAgain() {
        secondOfAChoice();
        SoupRow again = registry.make(Small.of("again", "lent", "own"));
        registry.addBase("third", weightsOf(registry, again));
        Withdrawn w = registry.withdraw(choosingAnew("own"));
        assertThat(w.all())
                .extracting(Gone::label)
                .contains("base second", "base third", "soup again@1");
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void aCopyIsFoundThoughABaseLeftBefore() {
        secondGeneration();
        registry.withdraw(WithdrawRequest.ofShards(List.of("lent"), "asked"));
        Small.add(registry, folder, "new", 6);
        Path weights = registry.export(checkpointOf("new"), folder.resolve("out.safetensors"));
        registry.addBase("third", rewritten(weights, "anew", Map.of()));
        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("new"), "asked"));
        assertThat(w.all()).extracting(Gone::label).contains("base third");
    }

    @Test
    void anExpiredShardIsNotLookedAt() {
        lent(registry, folder, "lent", 1);
        Small.add(registry, folder, "own", 2);
        List<String> among = List.of("lent", "own");
        registry.make(chosen("best", among, "own"));
        Registry later = tomorrow();
        String over = "Shard 'lent' expired on " + day(NOW);
        refused(
                () -> later.make(chosen("more", among, "own")),
                over + " and is in ingredient lent; 'soup expire' takes it out.");
        refused(
                () -> later.publish("best", "hub"),
                over + ", and soup best@1 was chosen with a look at it; 'soup expire'");
        assertThat(later.check())
                .extracting(Finding::sentence)
                .containsExactly("the last day of shard lent is over; 'soup expire' takes it out");

        // As earlier versions wrote it.
        JsonObject best = registry.read(q -> q.entry(q.soup("best", 1).orElseThrow().id()).body());
        long late =
                later.context()
                        .ledger()
                        .write(t ->
                                t.append(Kind.SOUP, Json.object(best).put("name", "late").build())
                                        .seq());
        assertThat(later.check())
                .extracting(Finding::sentence)
                .anySatisfy(f ->
                        assertThat(f)
                                .contains(
                                        "entry " + late + " (soup late@1) is dated ",
                                        "shard lent, whose last day was " + day(NOW),
                                        "was looked at when soup late@1 was chosen"));
    }

    @Test
    void expiredPicturesComeBackByAnAgreementOnly() {
        lent(registry, folder, "lent", 1);
        NewShard same =
                new NewShard(
                        "same",
                        "p",
                        "CC0-1.0",
                        "",
                        Optional.empty(),
                        "same",
                        Small.samples("lent", 3));
        Registry later = tomorrow();
        refused(
                () -> later.addShard(same),
                "3 pictures of shard same are of shard lent, too, whose last day, "
                        + day(NOW)
                        + ", is over",
                "`readmit`");
        refused(() -> later.checkShard(same), "`readmit`");
        later.addShard(same.readmitted("prolonged"));
        assertThat(later.read(q -> q.entry(shard(later, "same").id()).body()).get("readmitted"))
                .isPresent();
        later.withdraw(WithdrawRequest.ofShards(later.expired(), "last day"));
        assertThat(later.check()).isEmpty();
    }

    @Test
    void blanksMakeNoOtherProvider() {
        NewShard s = Small.shard("s");
        registry.addShard(
                new NewShard("s", " acme ", "CC0-1.0", "", s.expires(), "s", s.samples()));
        assertThat(shard(registry, "s").provider()).isEqualTo("acme");
    }

    @Test
    void whatASearchChoseIsAmongWhatItLookedAt() {
        Small.add(registry, folder, "a", 1);
        Small.add(registry, folder, "b", 2);
        refused(
                () -> registry.make(chosen("best", List.of("a"), "a", "b")),
                "'best' holds ingredient 'b', which is not among those that the search chose from",
                "`candidates`");
    }

    @Test
    void nothingIsTrainedAgainOnWhatExpired() {
        lent(registry, folder, "lent", 1);
        Small.add(registry, folder, "own", 2);
        registry.addIngredient(
                new NewIngredient(
                        "both",
                        "base",
                        List.of("lent", "own"),
                        Small.checkpoint(folder.resolve("both.safetensors"), 9),
                        Json.object().put("seed", 9).build(),
                        "test"));
        WithdrawRequest request =
                new WithdrawRequest(
                        List.of(),
                        Set.of(Small.samples("own", 5).getFirst().sha256()),
                        "asked",
                        false,
                        Optional.of(r -> {
                            throw new AssertionError("trained " + r.ingredient());
                        }),
                        Optional.empty());
        refused(
                () -> tomorrow().withdraw(request),
                "Ingredient 'both' cannot be trained again, and nothing was withdrawn: Shard 'lent'"
                        + " expired on "
                        + day(NOW));
    }

    private List<String> handedOut(String leaving) {
        return registry
                .withdraw(WithdrawRequest.ofShards(List.of(leaving), "asked"))
                .publications()
                .stream()
                .map(p -> p.soup() + " " + p.place())
                .toList();
    }

    /** What a soup held stays true of its copies, whatever has left since. */
    @Test
    void copiesAreListedThoughWhatCameInBetweenHadLeftBefore() {
        secondGeneration();
        registry.publish("next", "hub");
        for (String leaving : List.of("other", "lent", "own")) {
            assertThat(handedOut(leaving)).as(leaving).containsExactly("next@1 hub");
        }
    }

    @Test
    void anExpiredShardIsInNothingNewByWayOfABase() {
        SoupRow next = secondGeneration();
        Path weights = registry.export(next.checkpoint(), folder.resolve("third.safetensors"));
        Registry later = tomorrow();
        String way = "through base second, which has the same weights as soup first@1";
        String over = "Shard 'lent' expired on " + day(NOW) + " and is in ";
        refused(() -> later.make(Small.of("new", "child")), over + "ingredient child " + way);
        refused(() -> later.checkMake(Small.of("new", "child")), over + "ingredient child " + way);
        refused(() -> later.publish("next", "hub"), over + "soup next@1 " + way);
        refused(
                () -> later.addIngredient(child("late", "second", "other", 45)),
                over + "base second, which has the same weights as soup first@1; 'soup expire'");
        refused(
                () -> later.addBase("third", weights),
                over + "base third, which has the same weights as soup next@1, " + way);
        Path second = folder.resolve("second.safetensors");
        registry.export(base("second"), second);
        refused(() -> later.baseOf(second), over + "base second");
        // What left another way is not touched.
        assertThatCode(() -> later.make(Small.of("fine", "own", "other")))
                .doesNotThrowAnyException();
        List<SoupRow> soups = registry.read(q -> q.soups());
        assertThat(soups).hasSize(3);

        Withdrawn w = later.withdraw(WithdrawRequest.ofShards(later.expired(), "last day"));
        assertThat(w.all())
                .extracting(Gone::label)
                .contains("base second", "ingredient child", "soup next@1");
        assertThat(later.check()).isEmpty();
    }

    @Test
    void aSoupThatFollowsIsNotUpdatedWithWhatExpiredBehindItsBase() {
        secondGeneration();
        registry.make(
                new SoupPlan(
                        "grows",
                        Small.of("x", "child").ingredients(),
                        true,
                        Optional.empty(),
                        true));
        refused(() -> tomorrow().update("grows"), "'lent' expired", "through base second");
    }

    @Test
    void aCopyOfWhatExpiredIsNotRecorded() {
        lent(registry, folder, "lent", 1);
        Small.add(registry, folder, "own", 2);
        Registry later = tomorrow();
        refused(
                () -> later.addIngredient(child("clone", "base", "own", 1)),
                "Shard 'lent' expired on "
                        + day(NOW)
                        + " and is in ingredient clone, which has the same weights as ingredient"
                        + " lent; 'soup expire' takes it out.");
    }

    /** Entries are dated by the later of clock and newest entry, and so are last days. */
    @Test
    void aClockThatIsALittleBehindLetsNothingExpiredThrough() {
        Instant noon = Instant.parse(day(NOW) + "T23:00:00Z");
        Registry before = at(noon);
        lent(before, folder, "lent", 1);
        before.make(Small.of("first", "lent"));
        Registry ahead = at(noon.plus(Duration.ofHours(2)));
        ahead.addShard(Small.shard("late"));
        assertThat(before.expired()).containsExactly("lent");
        refused(() -> before.make(Small.of("more", "lent")), "'lent' expired");
        refused(() -> before.publish("first", "hub"), "'lent' expired");
        refused(
                () ->
                        before.addShard(
                                new NewShard(
                                        "stale",
                                        "p",
                                        "CC0-1.0",
                                        "",
                                        Optional.of(day(NOW)),
                                        "stale",
                                        Small.samples("stale", 2))),
                "expired on " + day(NOW) + " already");
    }

    @Test
    void whatWasMadeAfterALastDayByAnEarlierVersionIsNamed() {
        Instant late = Instant.parse(day(NOW) + "T23:00:00Z");
        Registry before = at(late);
        lent(before, folder, "lent", 1);
        SoupRow first = before.make(Small.of("first", "lent"));
        Registry ahead = at(late.plus(Duration.ofHours(2)));
        JsonObject soup = before.read(q -> q.entry(first.id()).body());
        // As earlier versions wrote them.
        long second =
                ahead.context()
                        .ledger()
                        .write(t ->
                                t.append(
                                                Kind.SOUP,
                                                Json.object(soup)
                                                        .put("version", 2)
                                                        .numbers("replaces", List.of(first.id()))
                                                        .build())
                                        .seq());
        long handed =
                ahead.context()
                        .ledger()
                        .write(t ->
                                t.append(
                                                Kind.PUBLICATION,
                                                Json.object()
                                                        .put("soup", second)
                                                        .put("place", "hub")
                                                        .strings("required", List.of())
                                                        .build())
                                        .seq());
        List<String> said =
                ahead.check().stream()
                        .filter(f -> f.severity() == Severity.NOTE)
                        .map(Finding::sentence)
                        .toList();
        String when = day(late.plus(Duration.ofHours(2))).toString();
        assertThat(said)
                .anySatisfy(s ->
                        assertThat(s)
                                .contains(
                                        "entry " + second + " (soup first@2)",
                                        when,
                                        "shard lent",
                                        "last day was " + day(NOW)))
                .anySatisfy(s ->
                        assertThat(s)
                                .contains("entry " + handed + " (publication of soup first@2)"));
        assertThat(said).noneMatch(s -> s.contains("entry " + first.id() + " "));
    }

    @Test
    void aSoupWithARetiredIngredientBehindItsBaseIsNotPublished() {
        secondGeneration();
        long entry = registry.retire("own", "wrong pictures").entry();
        refused(
                () -> registry.publish("next", "hub"),
                "Ingredient 'own' was retired (entry " + entry + ") and is in soup next@1",
                "through base second, which has the same weights as soup first@1");
        // Recorded again, rightly, it is what it is.
        registry.addShard(Small.shard("right"));
        registry.addIngredient(child("again", "base", "right", 2));
        assertThatCode(() -> registry.publish("next", "hub")).doesNotThrowAnyException();
    }

    @Test
    void shardsBehindABaseAreAuditedToo() {
        secondGeneration();
        for (String shards : List.of("", ", shards=own", ", shards=other")) {
            String shard = shards.isEmpty() ? "lent" : shards.substring(", shards=".length());
            List<Requirement> audit =
                    List.of(Requirement.parse("audit(bound=0.05, pictures>=73" + shards + ")"));
            refused(
                    () -> registry.publish("next", "hub", audit, Optional.empty()),
                    "has no audit of shard " + shard);
        }
    }

    @Test
    void aLineageTellsWhatCameThroughABase() {
        secondGeneration();
        assertLineages(registry);
        registry.withdraw(WithdrawRequest.ofShards(List.of("lent"), "contract ended"));
        assertLineages(registry);
        Lineage of =
                registry.read(q -> Lineage.ofShard(q, shard(registry, "lent"), registry.store()));
        assertThat(of.bases()).allMatch(Lineage.Node::withdrawn);
    }

    private void assertLineages(Registry r) {
        Lineage lent = r.read(q -> Lineage.ofShard(q, shard(r, "lent"), r.store()));
        assertThat(lent.bases()).extracting(Lineage.Node::name).containsExactly("second");
        assertThat(lent.ingredients()).extracting(Lineage.Node::name).contains("lent", "child");
        assertThat(lent.soups()).extracting(Lineage.Node::name).contains("first@1", "next@1");
        Lineage next = r.read(q -> Lineage.ofSoup(q, q.soup("next", 1).orElseThrow(), r.store()));
        assertThat(next.shards())
                .extracting(Lineage.Node::name)
                .containsExactly("lent", "own", "other");
        long base =
                next.bases().stream()
                        .filter(b -> b.name().equals("second"))
                        .findFirst()
                        .orElseThrow()
                        .id();
        assertThat(next.edges())
                .anySatisfy(e -> {
                    assertThat(e.to()).isEqualTo(base);
                    assertThat(e.label()).isEqualTo("has the same weights as soup first@1");
                })
                .anySatisfy(e -> assertThat(e.from()).isEqualTo(base));
        Lineage all = r.read(q -> Lineage.of(q, r.store()));
        assertThat(all.bases()).extracting(Lineage.Node::name).containsExactly("second");
    }

    /** Weights that were made outside of files, which their recipe names. */
    private Path madeOutside(String name, long seed, Path... of) {
        List<JsonObject> sources = new ArrayList<>();
        for (Path file : of) {
            sources.add(Json.object().put("sha256", Hashes.sha256(file)).build());
        }
        String recipe =
                Json.object()
                        .put("method", "weighted average")
                        .objects("ingredients", sources)
                        .build()
                        .text();
        return rewritten(plain(seed), name, Map.of("format", "pt", "soup.recipe", recipe));
    }

    /** The file of an ingredient of a seed, recorded or not: all with one seed have one hash. */
    private Path plain(long seed) {
        return Small.checkpoint(folder.resolve("plain-" + seed + ".safetensors"), seed);
    }

    /**
     * Base {@code second} was averaged outside of the files of {@code noto} and {@code fluent},
     * which came afterwards; {@code mine} and its soup {@code next} were made from it.
     */
    private void baseBeforeItsSources() {
        registry.addBase("second", madeOutside("second", 70, plain(1), plain(2)));
        lent(registry, folder, "noto", 1);
        Small.add(registry, folder, "fluent", 2);
        registry.addShard(Small.shard("mine"));
        registry.addIngredient(child("mine", "second", "mine", 71));
        registry.make(Small.of("next", "mine"));
        registry.make(Small.of("both", "noto", "fluent"));
    }

    @Test
    void aBaseThatWasRecordedBeforeWhatItWasMadeOfLeavesWithThat() throws Exception {
        baseBeforeItsSources();
        registry.publish("next", "hub");
        Path second = registry.export(base("second"), folder.resolve("again.safetensors"));
        Lineage of =
                registry.read(q -> Lineage.ofShard(q, shard(registry, "noto"), registry.store()));
        assertThat(of.bases()).extracting(Lineage.Node::name).containsExactly("second");
        assertThat(of.soups()).extracting(Lineage.Node::name).contains("next@1", "both@1");
        assertThat(of.edges())
                .extracting(Lineage.Edge::label)
                .contains("made of ingredient noto, as its recipe says");
        List<String> earlier =
                registry.read(
                        q -> EarlierBases.of(q, registry.store(), q.ingredients().getFirst()));
        assertThat(earlier).containsExactly("second");

        List<Gone> asked = new ArrayList<>();
        Withdrawn w =
                registry.withdraw(
                        WithdrawRequest.ofShards(List.of("noto"), "asked")
                                .with((WithdrawRequest.Consent) asked::addAll));
        assertThat(asked)
                .extracting(g -> g.label() + ": " + g.why() + " " + g.beyond())
                .containsExactlyInAnyOrder(
                        "ingredient noto: trained on shard noto false",
                        "base second: made of ingredient noto, as its recipe says true",
                        "ingredient mine: made from base second true",
                        "soup next@1: holds ingredient mine true",
                        "soup both@1: holds ingredient noto false");
        assertThat(w.publications()).extracting(p -> p.place()).containsExactly("hub");
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(registry.check()).isEmpty();
        refused(() -> registry.addBase("third", second), "which was withdrawn");
        // The base of all is what it was.
        assertThatCode(() -> registry.addIngredient(child("more", "base", "fluent", 72)))
                .doesNotThrowAnyException();
    }

    @Test
    void whatRefusesAShardRefusesABaseThatWasRecordedBeforeIt() {
        baseBeforeItsSources();
        Registry later = tomorrow();
        String way = " through base second, which was made of ingredient noto, as its recipe says";
        String over = "Shard 'noto' expired on " + day(NOW) + " and is in ";
        refused(() -> later.make(Small.of("new", "mine")), over + "ingredient mine" + way);
        refused(() -> later.publish("next", "hub"), over + "soup next@1" + way);
        refused(
                () -> later.addIngredient(child("late", "second", "mine", 73)),
                over + "base second, which was made of ingredient noto");
        refused(
                () ->
                        registry.publish(
                                "next",
                                "hub",
                                List.of(Requirement.parse("audit(bound=0.05, pictures>=73)")),
                                Optional.empty()),
                "has no audit of shard fluent");
        long entry = registry.retire("fluent", "wrong pictures").entry();
        refused(
                () -> registry.publish("next", "hub"),
                "Ingredient 'fluent' was retired (entry " + entry + ") and is in soup next@1");
        Withdrawn w = later.withdraw(WithdrawRequest.ofShards(later.expired(), "last day"));
        assertThat(w.bases()).containsExactly("second");
    }

    /** A base and an ingredient of one frozen part: no recipe that names that says more. */
    @Test
    void aBaseIsNotMadeOfWhatHasNoMoreThanItsOwnOrAnotherBasesWeights() {
        Path start = plain(80);
        registry.addBase("start", start);
        registry.addBase("tuned", madeOutside("tuned", 81, start));
        Small.add(registry, folder, "s1", 1);
        registry.addShard(Small.shard("s2"));
        // As an earlier version took it: the weights that base 'tuned' was made of, and its own.
        for (String base : List.of("start", "tuned")) {
            String checkpoint = base(base);
            Map<String, String> files = registry.store().manifest(checkpoint).weightFiles();
            registry.context()
                    .ledger()
                    .write(t ->
                            t.append(
                                            Kind.INGREDIENT,
                                            Json.object()
                                                    .put("name", "x" + base)
                                                    .put("base", t.bases().getFirst().id())
                                                    .numbers(
                                                            "shards",
                                                            List.of(
                                                                    t.shard("s2")
                                                                            .orElseThrow()
                                                                            .id()))
                                                    .put("checkpoint", checkpoint)
                                                    .map("files", files)
                                                    .put("recipe", Json.object().build())
                                                    .put("code_version", "")
                                                    .build())
                                    .seq());
        }
        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("s2"), "asked"));
        assertThat(w.ingredients()).containsExactlyInAnyOrder("xstart", "xtuned");
        assertThat(w.bases()).isEmpty();
        assertThat(w.all()).noneMatch(Gone::beyond);
    }

    @Test
    void nothingIsTrainedFromABaseThatWasMadeOfIt() {
        registry.addBase("second", madeOutside("second", 70, plain(1)));
        registry.addShard(Small.shard("noto"));
        refused(
                () -> registry.addIngredient(child("noto", "second", "noto", 1)),
                "Ingredient 'noto' was not trained from base 'second': the base's recipe says that"
                        + " it was made of these weights",
                "`base`");
        assertThatCode(() -> registry.addIngredient(child("noto", "base", "noto", 1)))
                .doesNotThrowAnyException();
    }

    /** A ledger in which an earlier version let the base stay. */
    @Test
    void aBaseThatOutlivedWhatItWasMadeOfIsNamed() {
        registry.addBase("second", madeOutside("second", 70, plain(1)));
        Small.add(registry, folder, "noto", 1);
        long ingredient = registry.read(q -> q.ingredients().getFirst().id());
        registry.context()
                .ledger()
                .write(t ->
                        t.append(
                                        Kind.WITHDRAWAL,
                                        Json.object()
                                                .put("reason", "asked")
                                                .numbers(
                                                        "shards",
                                                        List.of(t.shard("noto").orElseThrow().id()))
                                                .objects("samples", List.of())
                                                .numbers("ingredients", List.of(ingredient))
                                                .numbers("bases", List.of())
                                                .numbers("soups", List.of())
                                                .numbers("publications", List.of())
                                                .put("selections", "run again or none")
                                                .objects(
                                                        "weights",
                                                        List.of(
                                                                Json.object()
                                                                        .put("entry", ingredient)
                                                                        .strings(
                                                                                "sha256",
                                                                                List.of(
                                                                                        Hashes
                                                                                                .sha256(
                                                                                                        plain(
                                                                                                                1))))
                                                                        .build()))
                                                .objects("shared", List.of())
                                                .build())
                                .seq());
        assertThat(registry.check())
                .extracting(Finding::sentence)
                .anySatisfy(s ->
                        assertThat(s)
                                .contains(
                                        "Base 'second' was made of ingredient 'noto'",
                                        "which was withdrawn"));
    }

    /**
     * Whatever the registry holds, and in whatever order it was recorded, what a withdrawal takes
     * along is what came of the shard.
     */
    @Test
    void aWithdrawalTakesJustWhatDescends() {
        for (int seed = 4; seed < 4 + games(5); seed++) {
            Random random = new Random(seed);
            Registry r = fresh("random" + seed);
            Small.base(r, folder);
            List<String> bases = new ArrayList<>(List.of("base"));
            List<String> shards = new ArrayList<>();
            List<List<String>> ingredients = new ArrayList<>(List.of(new ArrayList<>()));
            // Which plain files recipes name, and which plain file is in which shard's ingredient.
            Map<String, Set<Long>> named = new TreeMap<>();
            Map<String, Long> files = new TreeMap<>();
            for (int i = 0; i < 12; i++) {
                String shard = "s" + i;
                r.addShard(Small.shard(shard));
                shards.add(shard);
                if (random.nextInt(3) == 0) {
                    // Made outside of what is recorded, or will be.
                    long one = 100L * seed + random.nextInt(12);
                    long two = 100L * seed + random.nextInt(12);
                    r.addBase(
                            "o" + i,
                            madeOutside("o" + seed + "-" + i, 5000 + i, plain(one), plain(two)));
                    named.put("o" + i, Set.copyOf(List.of(one, two).stream().distinct().toList()));
                    bases.add("o" + i);
                    ingredients.add(new ArrayList<>());
                }
                int of = random.nextInt(bases.size());
                List<String> kin = ingredients.get(of);
                // Now and then weights that are there already, under another name.
                long weights = random.nextInt(4) == 0 ? 1000 + of : 100L * seed + i;
                NewIngredient n = child("i" + i, bases.get(of), shard, weights);
                if (random.nextInt(4) == 0 && i < 11) {
                    long later = 100L * seed + i + 1 + random.nextInt(11 - i);
                    Path file = madeOutside("n" + seed + "-" + i, weights, plain(later));
                    named.put("i" + i, Set.of(later));
                    n = new NewIngredient(n.name(), n.base(), n.shards(), file, n.recipe(), "test");
                }
                try {
                    r.addIngredient(n);
                } catch (RegistryException e) {
                    assertThat(e)
                            .message()
                            .containsAnyOf(
                                    "so it was trained on nothing",
                                    "'s recipe says that it was made of these weights");
                    continue;
                }
                if (!named.containsKey("i" + i)) {
                    files.put(shard, weights);
                }
                kin.add("i" + i);
                if (random.nextInt(3) > 0) {
                    String[] some =
                            kin.stream().filter(k -> random.nextBoolean()).toArray(String[]::new);
                    if (some.length > 0) {
                        boolean chosen = random.nextBoolean();
                        SoupRow s =
                                r.make(
                                        chosen
                                                ? chosen("soup" + i, List.copyOf(kin), some)
                                                : Small.of("soup" + i, some));
                        if (chosen || random.nextBoolean()) {
                            Path copy = weightsOf(r, s);
                            r.addBase(
                                    "b" + i, chosen ? rewritten(copy, "bare" + i, Map.of()) : copy);
                            bases.add("b" + i);
                            ingredients.add(new ArrayList<>());
                        }
                    }
                }
            }
            Collections.shuffle(shards, random);
            for (String shard : shards) {
                String as = "%s of %d".formatted(shard, seed);
                Set<String> naming = new TreeSet<>(named.keySet());
                naming.removeIf(n ->
                        !named.get(n).contains(files.getOrDefault(shard, -1L)) || isGone(r, n));
                assertLeavesWithAllThatDescends(r, shard, as);
                assertThat(naming).as(as).allMatch(n -> isGone(r, n));
            }
            assertThat(r.check()).as("%d", seed).isEmpty();
            List<BaseRow> stays = r.read(q -> q.bases());
            assertThat(stays.getFirst().withdrawn()).as("%d", seed).isEmpty();
        }
    }

    /** Whether a base or an ingredient was withdrawn, or never taken. */
    private static boolean isGone(Registry r, String name) {
        return r.read(q ->
                q.bases().stream().noneMatch(b -> b.name().equals(name) && b.withdrawn().isEmpty())
                        && q.ingredients().stream()
                                .noneMatch(i -> i.name().equals(name) && i.withdrawn().isEmpty()));
    }

    private static void assertLeavesWithAllThatDescends(Registry r, String shard, String as) {
        long id = shard(r, shard).id();
        Set<Long> descends = r.read(q -> DescentLinks.ofLive(q, r.store()).madeOf(List.of(id)));
        descends.remove(id);
        r.read(q -> q.soupsLeftForTheirChoice()).forEach(s -> descends.remove(s.id()));
        Set<Long> asked = new TreeSet<>();
        r.withdraw(
                choosingAnew(shard)
                        .with(
                                (WithdrawRequest.Consent)
                                        all ->
                                                all.stream()
                                                        .filter(g ->
                                                                !g.why().startsWith("chosen with"))
                                                        .forEach(g -> asked.add(g.entry()))));
        if (!asked.isEmpty()) {
            assertThat(descends).as(as).isEqualTo(asked);
        }
        // Asked or not, it is gone now.
        Set<Long> gone = new TreeSet<>();
        r.read(q -> {
            q.bases().stream()
                    .filter(b -> b.withdrawn().isPresent())
                    .forEach(b -> gone.add(b.id()));
            q.ingredients().stream()
                    .filter(i -> i.withdrawn().isPresent())
                    .forEach(i -> gone.add(i.id()));
            q.soups().stream()
                    .filter(s -> s.withdrawn().isPresent())
                    .forEach(s -> gone.add(s.id()));
            return true;
        });
        assertThat(gone).as(as).containsAll(descends);
    }

    Path weightsOf(Registry r, SoupRow s) {
        return r.export(
                s.checkpoint(), folder.resolve("export-" + System.nanoTime() + ".safetensors"));
    }

    static ShardRow shard(Registry r, String name) {
        return r.read(q -> q.shard(name).orElseThrow());
    }

    private String base(String name) {
        return registry.read(q ->
                q.bases().stream()
                        .filter(b -> b.name().equals(name))
                        .findFirst()
                        .orElseThrow()
                        .checkpoint());
    }

    static void refused(ThrowingCallable work, String... because) {
        assertThatThrownBy(work)
                .isInstanceOf(RegistryException.class)
                .satisfies(e -> {
                    for (String s : because) {
                        assertThat(e).hasMessageContaining(s);
                    }
                });
    }
}
