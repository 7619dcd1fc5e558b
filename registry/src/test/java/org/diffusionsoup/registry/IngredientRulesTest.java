package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.registry.arrival.Arrivals;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.arrival.Retired;
import org.diffusionsoup.registry.certificate.CertificateCheck;
import org.diffusionsoup.registry.certificate.CertificateCheck.Verdict;
import org.diffusionsoup.registry.context.Calendar;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.near.SeenBefore;
import org.diffusionsoup.registry.withdraw.Gone;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What may be an ingredient, what leaves with one, and how one that was recorded wrongly is taken
 * out.
 */
class IngredientRulesTest {
    @TempDir private Path folder;
    private Registry registry;
    private Path base;

    @BeforeEach
    void make() {
        registry =
                Registry.init(folder.resolve("registry"), Optional.empty())
                        .with(SoupOptions.DEFAULT.withThreads(1));
        base = save("base", Map.of(), model(0, 0));
        registry.addBase("base", base);
        for (int i = 1; i <= 4; i++) {
            registry.addShard(Small.shard("s" + i));
        }
    }

    /** Most of it frozen, as with a model whose text encoder and autoencoder are not trained. */
    private static Map<String, double[]> model(long frozen, long trained) {
        Map<String, double[]> tensors = new LinkedHashMap<>();
        tensors.put("vae.frozen", normal(frozen, 400));
        tensors.put("unet.a", normal(100 + trained, 60));
        tensors.put("unet.b", normal(200 + trained, 40));
        return tensors;
    }

    /** Values that half precision has, so that every format stores them exactly. */
    private static double[] normal(long seed, int n) {
        Random r = new Random(seed);
        double[] values = new double[n];
        for (int i = 0; i < n; i++) {
            values[i] = Float.float16ToFloat(Float.floatToFloat16((float) r.nextGaussian()));
        }
        return values;
    }

    private Path save(String name, Map<String, String> metadata, Map<String, double[]> tensors) {
        return save(name, metadata, tensors, DType.F32);
    }

    private Path save(
            String name, Map<String, String> metadata, Map<String, double[]> tensors, DType to) {
        List<TensorEntry> entries = new ArrayList<>();
        tensors.forEach((tensor, values) -> {
            MemorySegment bytes = Arena.ofAuto().allocate((long) values.length * to.bytes(), 8);
            if (Double.isNaN(values[0])) {
                assertThat(to).isEqualTo(DType.F32);
                for (int i = 0; i < values.length; i++) {
                    bytes.setAtIndex(
                            java.lang.foreign.ValueLayout.JAVA_FLOAT, i, (float) values[i]);
                }
            } else {
                Elements.encode(to, values, bytes, values.length);
            }
            entries.add(
                    new TensorEntry(tensor, to, new long[] {values.length}, TensorBytes.of(bytes)));
        });
        Path file = folder.resolve(name + ".safetensors");
        SafetensorsWriter.write(file, metadata, entries);
        return file;
    }

    private Path trained(int seed) {
        return save("w" + seed, Map.of(), model(0, seed));
    }

    private NewIngredient ingredient(String name, String shard, Path weights) {
        return of("base", name, shard, weights);
    }

    private static NewIngredient of(String base, String name, String shard, Path weights) {
        return new NewIngredient(
                name, base, List.of(shard), weights, Json.object().build(), "test");
    }

    private IngredientRow add(String name, String shard, Path weights) {
        return registry.addIngredient(ingredient(name, shard, weights));
    }

    /** As an earlier version recorded it, which compared nothing. */
    private void addUnchecked(NewIngredient n) {
        try (var session = registry.store().open()) {
            String id = registry.store().put(n.weights());
            registry.context()
                    .ledger()
                    .write(t ->
                            new Arrivals(registry.context())
                                    .append(t, n, id, new java.util.TreeSet<>()));
        }
    }

    private Withdrawn withdraw(String... shards) {
        return registry.withdraw(WithdrawRequest.ofShards(List.of(shards), "contract ended"));
    }

    private static void refused(ThrowingCallable what, String... parts) {
        assertThatThrownBy(what)
                .isInstanceOf(RegistryException.class)
                .hasMessageContainingAll(parts);
    }

    private CertificateCheck.Report verify(Withdrawn w) {
        return CertificateCheck.check(
                w.certificate(),
                registry.publicKey(),
                registry.store().folder(),
                SoupOptions.DEFAULT.withThreads(1));
    }

    @Test
    void aBasesOwnWeightsAreNoIngredientWhateverTheirHeaderOrFormat() {
        Path header = save("header", Map.of("format", "pt", "made", "elsewhere"), model(0, 0));
        Path half = save("half", Map.of(), model(0, 0), DType.F16);
        for (Path same : List.of(base, header, half)) {
            refused(
                    () -> add("noop", "s1", same),
                    "'noop' (" + same + ")",
                    "base 'base' and nothing else",
                    "no tensor differs",
                    "weights that were trained");
        }
        registry.addBase("other", save("other", Map.of(), model(0, 9)));
        refused(
                () -> add("noop", "s1", folder.resolve("other.safetensors")),
                "base 'other' and nothing else");
        registry.collect(false, 0);
        assertThat(registry.check()).isEmpty();
        assertThat(registry.store().ids()).hasSize(2);
        add("s1", "s1", trained(1));
    }

    /** As a trainer leaves them that computes in BF16. */
    private static Map<String, double[]> throughBfloat16(Map<String, double[]> tensors) {
        tensors.values()
                .forEach(values -> {
                    MemorySegment held = Arena.ofAuto().allocate(2L * values.length, 8);
                    Elements.encode(DType.BF16, values, held, values.length);
                    Elements.decode(DType.BF16, held, values, values.length);
                });
        return tensors;
    }

    @Test
    void whatIsTheBasesRoundedTwiceMakesNoCopies() {
        for (int i = 1; i <= 2; i++) {
            add(
                    "s" + i,
                    "s" + i,
                    save("twice" + i, Map.of(), throughBfloat16(model(0, i)), DType.F16));
        }
        registry.make(Small.follow("soup"));
        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("s1"), "contract ended"));
        assertThat(w.ingredients()).containsExactly("s1");
        add("s3", "s2", save("twice3", Map.of(), throughBfloat16(model(0, 3)), DType.F16));
        assertThat(registry.check()).isEmpty();
    }

    /** Scales near 1, all moved by so many rounding steps of half precision. */
    private Path withScales(String name, long trained, int steps) {
        Map<String, double[]> tensors = model(0, trained);
        double[] scales = new double[48];
        java.util.Arrays.setAll(scales, i -> 1 + (i % 5 + steps) / 1024.0);
        tensors.put("unet.norm", scales);
        return save(name, Map.of(), tensors, DType.F16);
    }

    /**
     * Two trainings on different pictures move a small tensor by the same rounding step; moved
     * further, equal bytes are no chance.
     */
    @Test
    void aSmallTensorNextToTheBasesIsNoSignOfWithdrawnWeights() {
        registry.addBase("half", withScales("half", 0, 0));
        registry.addIngredient(of("half", "s1", "s1", withScales("h1", 1, 2)));
        registry.addIngredient(of("half", "s2", "s2", withScales("h2", 2, 3)));
        withdraw("s1", "s2");
        registry.addIngredient(of("half", "s3", "s3", withScales("h3", 3, 2)));
        refused(
                () -> registry.addIngredient(of("half", "s4", "s4", withScales("h4", 4, 3))),
                "holds weights of ingredient 's2'",
                "1 hash is the same");
        assertThat(registry.check()).isEmpty();
        registry.make(Small.of("soup", "s3"));
    }

    @Test
    void whatHasNothingOfItsOwnTakesNothingAlong() {
        Path header = save("header", Map.of("made", "elsewhere"), model(0, 0));
        addUnchecked(ingredient("noop", "s1", base));
        addUnchecked(ingredient("noop2", "s1", header));
        addUnchecked(ingredient("noop3", "s4", base));
        add("s2", "s2", trained(2));
        add("s3", "s3", trained(3));
        registry.make(Small.of("soup", "s2", "s3", "noop", "noop3"));
        Withdrawn w = withdraw("s1");
        assertThat(w.ingredients()).containsExactlyInAnyOrder("noop", "noop2");
        assertThat(w.bases()).isEmpty();
        assertThat(w.all()).noneMatch(Gone::beyond);
        assertThat(w.made()).singleElement().satisfies(s -> assertThat(s.members()).hasSize(3));
        assertThat(verify(w).wrong()).isEmpty();
        assertThat(registry.check()).isEmpty();
        // The base is as usable as before.
        add("s4", "s4", trained(4));
        registry.make(Small.of("soup", "s2", "s3", "s4"));
        Path out =
                registry.export(
                        registry.read(q -> q.bases().getFirst().checkpoint()),
                        folder.resolve("out.safetensors"));
        assertThat(out).hasSameBinaryContentAs(base);
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void aBaseLeavesOnlyIfItCanHaveBeenMadeOfWhatLeaves() {
        registry.addBase("other", save("other", Map.of(), model(7, 9)));
        // Recorded under the wrong base by an earlier version: its weights are the other base's.
        addUnchecked(ingredient("mistaken", "s1", folder.resolve("other.safetensors")));
        registry.addIngredient(of("other", "child", "s2", save("child", Map.of(), model(7, 11))));
        add("s3", "s3", trained(3));
        SoupRow soup = registry.make(Small.of("soup", "s3"));
        // A next generation, four fifths of it the frozen tensors of the first base.
        registry.addBase(
                "second", registry.export(soup.checkpoint(), folder.resolve("soup.safetensors")));
        registry.addIngredient(
                of("second", "grandchild", "s4", save("grand", Map.of(), model(0, 13))));

        Withdrawn first = withdraw("s1");
        assertThat(first.ingredients()).containsExactly("mistaken");
        assertThat(first.bases()).isEmpty();

        List<Gone> asked = new ArrayList<>();
        WithdrawRequest request = WithdrawRequest.ofShards(List.of("s3"), "contract ended");
        refused(
                () ->
                        registry.withdraw(
                                request.with(
                                        (WithdrawRequest.Consent)
                                                all -> {
                                                    asked.addAll(all);
                                                    throw new RegistryException("not asked for");
                                                })),
                "not asked for");
        assertThat(asked.stream().map(g -> g.label() + ": " + g.why() + " " + g.beyond()))
                .containsExactlyInAnyOrder(
                        "ingredient s3: trained on shard s3 false",
                        "base second: holds 100 % of the weights that are ingredient s3's own true",
                        "ingredient grandchild: made from base second true",
                        "soup soup@1: holds ingredient s3 false");
        assertThat(registry.check()).isEmpty();
        Withdrawn w = registry.withdraw(request);
        assertThat(w.bases()).containsExactly("second");
        assertThat(w.ingredients()).containsExactlyInAnyOrder("s3", "grandchild");
        assertThat(verify(w).wrong()).isEmpty();
        add("more", "s2", trained(5));
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void weightsThatCouldNotBeAveragedAreRefusedBeforeTheyAreRecorded() {
        add("s1", "s1", trained(1));
        registry.make(Small.follow("soup"));
        Map<String, double[]> missing = model(0, 2);
        missing.remove("unet.b");
        refused(
                () -> add("bad", "s2", save("missing", Map.of(), missing)),
                "'bad' (" + folder.resolve("missing.safetensors") + ") is no model of base 'base'",
                "it lacks the tensor 'unet.b'",
                "`base`");
        Map<String, double[]> more = model(0, 2);
        more.put("unet.c", normal(5, 3));
        refused(
                () -> add("bad", "s2", save("more", Map.of(), more)),
                "it has a further tensor 'unet.c'");
        Map<String, double[]> shape = model(0, 2);
        shape.put("unet.b", normal(5, 41));
        refused(
                () -> add("bad", "s2", save("shape", Map.of(), shape)),
                "tensor 'unet.b' is F32[41] instead of F32[40]");
        refused(
                () -> add("bad", "s2", save("format", Map.of(), model(0, 2), DType.F16)),
                "cannot be averaged with ingredient 's1'",
                "tensor 'unet.a' is F16[60] instead of F32[60], and 2 more",
                "soup merge WEIGHTS `dtype` F32 `out` NEW");
        Map<String, double[]> nan = model(0, 2);
        java.util.Arrays.fill(nan.get("unet.b"), Double.NaN);
        refused(
                () -> add("bad", "s2", save("nan", Map.of(), nan)),
                "'bad' (" + folder.resolve("nan.safetensors") + ")",
                "tensor 'unet.b' has NaN at element 0 of 40");
        refused(
                () -> registry.addBase("bad", folder.resolve("nan.safetensors")),
                "Base 'bad'",
                "tensor 'unet.b' has NaN");
        assertThat(registry.<Integer>read(q -> q.ingredients().size())).isEqualTo(1);
        registry.collect(false, 0);
        assertThat(registry.check()).isEmpty();
        assertThat(registry.update("soup").version()).isEqualTo(1);
        // Half precision is as good as any other, if all are of it.
        registry.retire("s1", "other format");
        add("h1", "s1", save("h1", Map.of(), model(0, 5), DType.F16));
        add("h2", "s2", save("h2", Map.of(), model(0, 6), DType.F16));
        assertThat(registry.update("soup").members()).hasSize(2);
    }

    @Test
    void messagesNameIngredientsAndAdviseOnlyWhatThereIs() {
        add("s1", "s1", trained(1));
        registry.make(Small.follow("soup"));
        Map<String, double[]> shape = model(0, 2);
        shape.put("unet.b", normal(5, 41));
        addUnchecked(ingredient("wide", "s2", save("shape", Map.of(), shape)));
        for (ThrowingCallable c :
                List.<ThrowingCallable>of(
                        () -> registry.update("soup"),
                        () -> registry.make(Small.of("pair", "s1", "wide")))) {
            assertThatThrownBy(c)
                    .hasMessageContaining(
                            "Ingredient 'wide' cannot be averaged with ingredient 's1'")
                    .hasMessageContaining("'unet.b' is F32[41] instead of F32[40]")
                    .hasMessageContaining("soup ingredient retire NAME `reason`")
                    .hasMessageNotContainingAny("`on", folder.toString(), "\n");
        }
        registry.retire("wide", "another model");
        Map<String, double[]> nan = model(0, 3);
        java.util.Arrays.fill(nan.get("unet.b"), Double.NaN);
        addUnchecked(ingredient("nan", "s3", save("nan", Map.of(), nan)));
        assertThatThrownBy(() -> registry.update("soup"))
                .hasMessageContaining("Ingredient 'nan' can be in no average")
                .hasMessageContaining("tensor 'unet.b' has NaN")
                .hasMessageContaining("soup ingredient retire nan")
                .hasMessageNotContainingAny("`allow", folder.toString(), "\n");
        registry.retire("nan", "diverged");
        add("s4", "s4", trained(4));
        assertThat(registry.update("soup").members()).hasSize(2);
    }

    @Test
    void aRetiredIngredientIsInNothingNewAndLeavesWithItsShardAllTheSame() throws Exception {
        for (int i = 1; i <= 3; i++) {
            add("s" + i, "s" + i, trained(i));
        }
        registry.make(Small.follow("soup"));
        registry.make(Small.of("pair", "s2", "s3"));
        Withdrawn first = withdraw("s1");
        Path before = Files.copy(first.certificate(), folder.resolve("before.json"));
        refused(() -> registry.retire("s2", " "), "`reason`");
        refused(() -> registry.retire("nobody", "x"), "no ingredient 'nobody'");
        Retired r = registry.retire("s2", "recorded with the wrong shard");
        assertThat(r.soups().stream().map(SoupRow::label))
                .containsExactlyInAnyOrder("soup@2", "pair@1");
        refused(() -> registry.retire("s2", "x"), "'s2' was retired (entry " + r.entry() + ")");
        refused(() -> registry.make(Small.of("x", "s2")), "'s2' was retired");
        refused(() -> registry.publish("pair", "hub"), "'s2', which was retired", "registry make");
        assertThat(registry.update("soup").members()).hasSize(1);
        registry.publish("soup", "hub");
        // What was said before can still be replayed.
        registry.collect(false, 0);
        assertThat(registry.check()).isEmpty();
        assertThat(
                        CertificateCheck.check(
                                        before,
                                        registry.publicKey(),
                                        registry.store().folder(),
                                        SoupOptions.DEFAULT.withThreads(1))
                                .verdict())
                .isEqualTo(Verdict.HOLDS);
        // The name is free, and the weights may be recorded rightly.
        IngredientRow again = add("s2", "s4", trained(2));
        assertThat(registry.update("soup").members()).hasSize(2);
        Withdrawn w = withdraw("s2");
        assertThat(w.all().stream().filter(g -> g.kind().equals("ingredient")))
                .extracting(Gone::entry, Gone::beyond)
                .containsExactlyInAnyOrder(
                        org.assertj.core.groups.Tuple.tuple(r.ingredient().id(), false),
                        org.assertj.core.groups.Tuple.tuple(again.id(), true));
        assertThat(verify(w).wrong()).isEmpty();
        assertThat(registry.check()).isEmpty();
        assertThat(registry.repair().left()).isEmpty();
    }

    @Test
    void eachWithdrawnPictureIsNamedWithItsOwnWithdrawal() {
        List<String> hashes =
                Small.samples("s1", 5).stream().map(NewShard.Sample::sha256).sorted().toList();
        Withdrawn one = withdrawPicture(hashes.getFirst());
        Withdrawn two = withdrawPicture(hashes.getLast());
        assertThat(one.samples()).isOne();
        NewShard copy =
                new NewShard("copy", "p", "l", "", Optional.empty(), "x", Small.samples("s1", 5));
        refused(
                () -> registry.addShard(copy),
                "2 of the 5 pictures of shard copy were withdrawn before",
                "entry "
                        + one.entry()
                        + ", 'a person asked': 1 of them, the first is "
                        + hashes.getFirst(),
                "entry "
                        + two.entry()
                        + ", 'a person asked': 1 of them, the first is "
                        + hashes.getLast());
        assertThat(registry.<Map<Long, Long>>read(q -> q.withdrawnPictures()).values())
                .containsExactly(2L);
        assertThat(registry.read(q -> Lineage.of(q, registry.store())).shards().getFirst().about())
                .contains("3 of 5 pictures");
        refused(
                () -> withdrawPicture("0".repeat(64)),
                "No live shard has a sample",
                "'soup data import' stores pictures anew",
                "soup data inspect SHARD `rows` N `json`");
        refused(
                () -> withdrawPicture(hashes.getFirst()),
                "withdrawn before (entry " + one.entry() + ")");
        // The same pictures elsewhere, and what is trained on them.
        registry.addShard(copy.readmitted("agreed"));
        long id = registry.read(q -> q.shard("copy").orElseThrow().id());
        assertThat(registry.<List<String>>read(q -> SeenBefore.of(q, List.of(id))))
                .hasSize(2)
                .allMatch(s -> s.contains("shard copy holds 1 picture that was withdrawn"));
        assertThat(withdraw("s1").samePictures()).containsExactly(Map.entry("copy", 5));
    }

    private Withdrawn withdrawPicture(String sha256) {
        return registry.withdraw(
                new WithdrawRequest(
                        List.of(),
                        Set.of(sha256),
                        "a person asked",
                        false,
                        Optional.empty(),
                        Optional.empty()));
    }

    @Test
    void aNewNameMeansOneThing() {
        add("s1", "s1", trained(1)); // an ingredient is called as its shard is
        registry.make(Small.of("soup", "s1"));
        refused(() -> registry.make(Small.of("s1", "s1")), "There is an ingredient 's1'");
        refused(() -> registry.make(Small.of("s2", "s1")), "a shard 's2'", "choose another name");
        refused(() -> registry.make(Small.of("12", "s1")), "'12' cannot name a soup", "number");
        refused(() -> registry.addShard(Small.shard("soup")), "There is a soup 'soup'");
        refused(() -> registry.addShard(Small.shard("12")), "'12' cannot name a shard");
        refused(() -> add("soup", "s2", trained(2)), "There is a soup 'soup'");
        refused(() -> add("12", "s2", trained(2)), "'12' cannot name an ingredient");
        refused(() -> registry.addBase("s1", trained(3)), "ingredient 's1'");
        assertThatCode(() -> registry.make(Small.of("soup", "s1"))).doesNotThrowAnyException();
    }

    @Test
    void aDateThatConfirmsNothingIsSaidToBeIgnored() {
        LocalDate today = LocalDate.of(2027, 1, 31);
        assertThat(Calendar.unused(Optional.of(today), today)).isEmpty();
        assertThat(Calendar.unused(Optional.empty(), today)).isEmpty();
        assertThat(Calendar.unused(Optional.of(today.plusDays(1)), today))
                .hasValueSatisfying(s ->
                        assertThat(s).contains("SOUP_TODAY=2027-02-01", "2027-01-31", "ignored"));
    }
}
