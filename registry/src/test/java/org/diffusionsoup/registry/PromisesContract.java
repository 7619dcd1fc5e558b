package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.certificate.CertificateCheck;
import org.diffusionsoup.registry.certificate.CertificateCheck.Report;
import org.diffusionsoup.registry.certificate.CertificateCheck.Verdict;
import org.diffusionsoup.registry.certificate.Seal;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.diffusionsoup.registry.withdraw.Withdrawn.HandedOut;
import org.junit.jupiter.api.Test;

/** What withdrawals and their certificates promise, against time and against comebacks. */
abstract class PromisesContract extends RegistryContract {
    Withdrawn withdraw(String... shards) {
        return registry.withdraw(WithdrawRequest.ofShards(List.of(shards), "contract ended"));
    }

    /** Withdraws a picture; its ingredients are "trained again" with a seed. */
    Withdrawn withdrawSample(String sha256, long seed, List<WithdrawRequest.Retraining> asked) {
        return registry.withdraw(
                new WithdrawRequest(
                        List.of(),
                        Set.of(sha256),
                        "a person asked",
                        false,
                        Optional.of(r -> {
                            asked.add(r);
                            retrained(r, seed);
                            return trained(seed);
                        }),
                        Optional.empty()));
    }

    private static WithdrawRequest.Trained trained(long seed) {
        return new WithdrawRequest.Trained(
                Json.object().put("seed", seed).build(), Optional.empty());
    }

    private static void retrained(WithdrawRequest.Retraining r, long seed) {
        try {
            Files.createDirectories(r.out().getParent());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        Small.checkpoint(r.out(), seed);
    }

    /** Copied to where nothing lies beside it. */
    Path alone(Path certificate) throws IOException {
        Path to = Files.createTempDirectory(folder, "alone").resolve("certificate.json");
        return Files.copy(certificate, to);
    }

    Report verify(Path certificate, List<Path> later) {
        return CertificateCheck.check(
                certificate,
                PublicKeyFile.read(registry.folder().resolve("registry.pub")),
                registry.store().folder(),
                later,
                SoupOptions.DEFAULT.withThreads(1));
    }

    private void addFour() {
        for (int i = 1; i <= 4; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
    }

    @Test
    void aCertificateIsAStatementAboutAMoment() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        Withdrawn first = withdraw("s1");
        Path mine = alone(first.certificate());
        assertThat(verify(mine, List.of()).verdict()).isEqualTo(Verdict.HOLDS);

        Withdrawn second = withdraw("s2");
        Report later = verify(mine, List.of());
        assertThat(later.verdict()).as("%s", later.wrong()).isEqualTo(Verdict.HELD);
        assertThat(later.since())
                .singleElement()
                .asString()
                .contains(
                        "soup@2: since then ingredient s2 was withdrawn (entry " + second.entry(),
                        "'contract ended'), so it can no longer be replayed here");
        assertThat(verify(alone(second.certificate()), List.of()).verdict())
                .isEqualTo(Verdict.HOLDS);
        // Issued again it speaks of today, when the soup made instead is gone, too.
        Path again = folder.resolve("again.json");
        write(again, registry.certificate(first.entry()));
        assertThat(verify(again, List.of()).verdict()).isEqualTo(Verdict.HOLDS);
        assertThat(Json.objects(JsonValue.readObject(again), "soups_withdrawn_since"))
                .singleElement()
                .satisfies(o -> assertThat(Json.number(o, "withdrawal")).isEqualTo(second.entry()));
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void anAbsenceThatNoLaterWithdrawalExplainsIsFalse() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        Withdrawn first = withdraw("s1");
        Withdrawn second = withdraw("s2");
        Path mine = alone(first.certificate());
        Path kept =
                registry.store().certificates().resolve("withdrawal-" + second.entry() + ".json");
        Path elsewhere = alone(second.certificate());

        // missing: by hand, fsck notes it, gc writes it
        Files.delete(kept);
        assertFalse(verify(mine, List.of()), "no certificate of a later withdrawal says");
        assertThat(verify(mine, List.of(elsewhere)).verdict()).isEqualTo(Verdict.HELD);
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> {
                    assertThat(f.severity()).isEqualTo(Severity.NOTE);
                    assertThat(f.sentence()).contains(kept.toString(), "missing");
                });
        registry.collect(false, 0);
        assertThat(verify(mine, List.of()).verdict()).isEqualTo(Verdict.HELD);

        // altered
        JsonObject c = JsonValue.readObject(kept);
        JsonObject withdrawn = Json.object(c, "withdrawn");
        write(
                kept,
                Json.object(c)
                        .put("withdrawn", Json.object(withdrawn).put("reason", "x").build())
                        .build());
        assertFalse(verify(mine, List.of()), "withdrawn: this section was changed");
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> assertThat(f.severity()).isEqualTo(Severity.ERROR));

        // signed by another, under whose key it is sound
        JsonObject sections = withoutSeal(c);
        write(kept, Seal.sign(sections, fresh("other").context().key()));
        assertFalse(verify(mine, List.of()), "key: the certificate names the key");

        // signed by the registry, but of another history, or from before
        JsonObject ledger = Json.object(sections, "ledger");
        resign(kept, sections, Json.object(ledger).objects("withdrawals", List.of()).build());
        assertFalse(verify(mine, List.of()), "its history is another one");
        resign(kept, sections, Json.object(ledger).put("entry", first.entry()).build());
        assertFalse(verify(mine, List.of()), "no certificate of a later withdrawal says");
        assertThat(registry.repair().left()).isEmpty();
        assertThat(verify(mine, List.of()).verdict()).isEqualTo(Verdict.HELD);

        // another of the same entry, by which the key has signed two histories
        Path copy = mine.resolveSibling("copy.json");
        Files.copy(kept, copy);
        assertThat(verify(mine, List.of()).verdict()).isEqualTo(Verdict.HELD);
        String other = "0".repeat(64);
        resign(
                copy,
                sections,
                Json.object(ledger)
                        .put("entry_hash", other)
                        .objects(
                                "withdrawals",
                                List.of(
                                        Json.objects(ledger, "withdrawals").getFirst(),
                                        Json.object()
                                                .put("entry", second.entry())
                                                .put("entry_hash", other)
                                                .build()))
                        .build());
        assertFalse(verify(mine, List.of()), "the key has signed two histories");
        Files.delete(copy);

        // one of something else explains nothing
        Withdrawn third = withdraw("s3");
        Files.delete(kept);
        assertFalse(verify(mine, List.of(third.certificate())), "has no ingredient s2");
    }

    @Test
    void whatWasRetiredStaysUntilItIsCollectedAndCertificatesHeld() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        Path mine = alone(withdraw("s1").certificate());
        registry.retire("s2", "wrong");
        registry.update("soup");
        registry.make(Small.of("other", "s3"));
        String s2 = checkpointOf("s2");

        Withdrawn second = withdraw("s3", "s4");
        assertThat(second.retired()).extracting(IngredientRow::name).containsExactly("s2");
        assertThat(second.emptied()).extracting(SoupRow::name).containsExactly("soup", "other");
        assertThat(registry.store().has(s2)).as("nobody asked for it to leave").isTrue();
        assertThat(verify(mine, List.of()).verdict()).isEqualTo(Verdict.HELD);

        registry.collect(false, 0);
        assertThat(registry.store().has(s2)).isFalse();
        Report held = verify(mine, List.of());
        assertThat(held.verdict()).as("%s", held.wrong()).isEqualTo(Verdict.HELD);
        assertThat(held.since())
                .anyMatch(s ->
                        s.contains(
                                "soup@2: since then the soup was withdrawn, and nothing live holds its"
                                        + " ingredient s2 (entry "
                                        + second.entry()));
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void aSoupsWithdrawalDoesNotExplainTheLossOfWhatAnotherHolds() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        registry.make(Small.of("pair", "s2", "s3"));
        Path mine = alone(withdraw("s1").certificate());
        registry.retire("s2", "wrong");
        withdraw("s4");
        registry.store().forget(checkpointOf("s2"));
        assertFalse(verify(mine, List.of()), "soup@2 cannot be replayed: the store");
    }

    final String checkpointOf(String ingredient) {
        return registry.read(q ->
                q.ingredients().stream()
                        .filter(i -> i.name().equals(ingredient))
                        .findFirst()
                        .orElseThrow()
                        .checkpoint());
    }

    @Test
    void aWithdrawalTellsOfIngredientsThatAreDamaged() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        Path object = objectOf("s2", 42 * 4);
        Files.delete(object);
        Withdrawn w = withdraw("s1");
        assertThat(w.lacking())
                .singleElement()
                .asString()
                .contains(object + ": missing (ingredient s2, file ");
        assertFalse(verify(alone(w.certificate()), List.of()), "cannot be replayed");

        Path original = Small.checkpoint(folder.resolve("original.safetensors"), 2);
        assertThat(registry.repair(List.of(), List.of(original)).left()).isEmpty();
        assertThat(verify(alone(w.certificate()), List.of()).verdict()).isEqualTo(Verdict.HOLDS);
        assertThat(withdraw("s3").lacking()).isEmpty();
    }

    @Test
    void aSectionThatIsMissingIsTheOnlyThingToldOfACertificate() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        JsonObject c = JsonValue.readObject(withdraw("s1").certificate());
        Json.Builder b = Json.object();
        c.fields()
                .forEach((k, v) -> {
                    if (!k.equals("withdrawn")) {
                        b.put(k, v);
                    }
                });
        Path file = folder.resolve("without.json");
        write(file, b.build());
        assertThat(verify(file, List.of()).wrong())
                .containsExactly("withdrawn: this section is missing");
    }

    /** A checkpoint of the same tensors in another file: its header says something else. */
    private Path resaved(String name, long seed) throws IOException {
        Path from = Small.checkpoint(folder.resolve("from-" + name), seed);
        return rewritten(from, name, Map.of("note", name));
    }

    @Test
    void aCopyThatLeftDoesNotComeBackBecauseItsOwnShardIsLive() throws Exception {
        addFour();
        Path weights = folder.resolve("s1-1.safetensors");
        ingredient("copy", "s2", resaved("copy", 1));
        Withdrawn w = withdrawAsked("s1");
        assertThat(w.ingredients()).containsExactlyInAnyOrder("s1", "copy");
        for (Path back : List.of(weights, folder.resolve("copy.safetensors"))) {
            assertThatThrownBy(() -> ingredient("back", "s2", back))
                    .hasMessageContaining("'back' holds weights of ingredient")
                    .hasMessageContaining("entry " + w.entry());
        }
        // With all pictures that any of them is known to be of.
        registry.addShard(
                new NewShard("again", "p", "l", "", Optional.empty(), "x", Small.samples("s1", 5))
                        .readmitted("contract of 2027"));
        assertThatThrownBy(() -> ingredient("back", "again", weights))
                .as("a copy of it was said to be of s2, too")
                .hasMessageContaining("holds weights of");
        registry.addIngredient(
                new NewIngredient(
                        "back",
                        "base",
                        List.of("again", "s2"),
                        weights,
                        Json.object().build(),
                        "test"));
        assertThat(registry.check()).isEmpty();
        registry.make(Small.of("soup", "back", "s3"));
        Path now = folder.resolve("now.json");
        write(now, registry.certificate(w.entry()));
        assertThat(verify(now, List.of()).wrong()).isEmpty();
    }

    @Test
    void whatWasMadeFromABaseThatLeftDoesNotComeBackFromAnother() throws Exception {
        addFour();
        registry.addBase("b2", resaved("b2", 1));
        Path child = Small.checkpoint(folder.resolve("child.safetensors"), 60);
        registry.addIngredient(
                new NewIngredient(
                        "child", "b2", List.of("s2"), child, Json.object().build(), "test"));
        Withdrawn w = withdrawAsked("s1");
        assertThat(w.ingredients()).containsExactlyInAnyOrder("s1", "child");
        assertThatThrownBy(() -> ingredient("child2", "s2", child))
                .hasMessageContaining("'child2' holds weights of ingredient 'child'");
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void whatWasMadeFromABaseThatLeavesLaterDoesNotComeBackFromAnother() throws Exception {
        addFour();
        registry.addBase("b2", resaved("b2", 1));
        Path child = Small.checkpoint(folder.resolve("child.safetensors"), 60);
        Path other = Small.checkpoint(folder.resolve("other.safetensors"), 61);
        registry.addIngredient(
                new NewIngredient(
                        "child", "b2", List.of("s2"), child, Json.object().build(), "test"));
        registry.addIngredient(
                new NewIngredient(
                        "other", "b2", List.of("s2"), other, Json.object().build(), "test"));
        SoupRow soup = registry.make(Small.of("mixed", "child", "other"));
        Path exported = registry.export(soup.checkpoint(), folder.resolve("mixed.safetensors"));
        withdraw("s2"); // child, other and their soup leave with their own shard, and then their
        // base
        withdrawAsked("s1");
        registry.addShard(
                new NewShard("again", "p", "l", "", Optional.empty(), "x", Small.samples("s2", 5))
                        .readmitted("contract of 2027"));
        assertThatThrownBy(() -> ingredient("back", "again", child))
                .hasMessageContaining("'back' holds weights of ingredient 'child'");
        assertThatThrownBy(() ->
                        ingredient("soup", "again", rewritten(exported, "stripped", Map.of())))
                .hasMessageContaining("'soup' holds weights of soup mixed@1");
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void tensorsThatAHeaderCallsIntegersAreKnown() throws Exception {
        addFour();
        registry.addBase("integers", asIntegers(folder.resolve("s1-1.safetensors")));
        Withdrawn w = withdrawAsked("s1");
        assertThat(w.bases()).containsExactly("integers");
        assertThatThrownBy(() ->
                        registry.addBase("again", asIntegers(folder.resolve("s1-1.safetensors"))))
                .hasMessageContaining("holds weights of");
    }

    private Path asIntegers(Path checkpoint) throws IOException {
        String text = Files.readString(checkpoint, java.nio.charset.StandardCharsets.ISO_8859_1);
        return Files.writeString(
                folder.resolve("integers.safetensors"),
                text.replace("\"F32\"", "\"I32\""),
                java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    @Test
    void whatIsTheBasesInAnotherFormatMakesNoCopies() throws Exception {
        addFour();
        Path base = Small.checkpoint(folder.resolve("frozen.safetensors"), 100);
        registry.addBase("frozen", base);
        for (int i = 1; i <= 2; i++) {
            Path one = Files.copy(base, folder.resolve("one" + i + ".safetensors"));
            replace(one, Small.checkpoint(folder.resolve("t" + i), 100 + i), "unet.t1");
            Path doubles = Files.move(asDoubles(one), folder.resolve("d" + i + ".safetensors"));
            registry.addIngredient(
                    new NewIngredient(
                            "f" + i,
                            "frozen",
                            List.of("s" + i),
                            doubles,
                            Json.object().build(),
                            "test"));
        }
        Files.move(asDoubles(base), folder.resolve("frozen64.safetensors"));
        registry.addBase("frozen64", folder.resolve("frozen64.safetensors"));
        registry.make(Small.of("frozen-soup", "f1", "f2"));
        Withdrawn w = withdraw("s1");
        assertThat(w.ingredients()).containsExactlyInAnyOrder("s1", "f1");
        assertThat(w.bases()).isEmpty();
        assertThat(w.emptied()).isEmpty();
        assertThat(registry.check()).isEmpty();
        ingredient64("f3", folder.resolve("d2.safetensors"));
    }

    /** The same weights once more, which nobody withdrew. */
    private void ingredient64(String name, Path weights) {
        registry.addIngredient(
                new NewIngredient(
                        name, "frozen", List.of("s2"), weights, Json.object().build(), "test"));
    }

    @Test
    void aCopyIsKnownThoughWhatItIsACopyOfWasCollected() throws Exception {
        addFour();
        registry.retire("s1", "wrong shard");
        registry.collect(false, 0);
        assertThat(registry.store().has(checkpointOf("s1"))).isFalse();
        ingredient("again", "s2", resaved("again", 1));
        SoupRow soup = registry.make(Small.of("soup", "s2", "s3"));
        Path exported = registry.export(soup.checkpoint(), folder.resolve("e.safetensors"));
        registry.make(Small.of("soup", "s3", "s4"));
        registry.collect(true, 0);
        ingredient("stripped", "s4", rewritten(exported, "stripped", Map.of()));

        Withdrawn w = withdrawAsked("s1");
        assertThat(w.all())
                .anyMatch(g ->
                        g.name().equals("again")
                                && g.why()
                                        .equals(
                                                "holds 100 % of the weights that are ingredient"
                                                        + " s1's own"));
        assertThat(w.unknown()).isEmpty();
        assertThatThrownBy(() -> ingredient("more", "s2", resaved("more", 1)))
                .hasMessageContaining("'more' holds weights of ingredient 's1'");
        assertThat(withdrawAsked("s3").ingredients()).contains("s3", "stripped");
        assertThat(registry.check()).isEmpty();
    }

    final Path rewritten(Path checkpoint, String name, Map<String, String> metadata) {
        Path to = folder.resolve(name + ".safetensors");
        try (SafetensorsFile file = SafetensorsFile.open(checkpoint)) {
            List<TensorEntry> entries = new ArrayList<>();
            for (TensorInfo t : file.tensors().values()) {
                MemorySegment data = Arena.ofAuto().allocate(t.byteSize(), 8);
                file.read(t.name(), 0, data);
                entries.add(
                        new TensorEntry(
                                t.name(),
                                t.dtype(),
                                t.shape(),
                                out -> TensorBytes.of(data).writeTo(out)));
            }
            SafetensorsWriter.write(to, metadata, entries);
        }
        return to;
    }

    @Test
    void aCopyIsKnownByItsContentsThoughTheManifestIsGoneAndThatIsTold() throws Exception {
        addFour();
        ingredient("copy", "s2", resaved("copy", 1));
        registry.store().forget(checkpointOf("s1"));
        Withdrawn w = withdrawAsked("s1");
        assertThat(w.unknown()).containsExactly("ingredient s1");
        assertThat(w.ingredients()).containsExactlyInAnyOrder("s1", "copy");
        assertThatThrownBy(() -> ingredient("more", "s2", resaved("more", 1)))
                .hasMessageContaining("'more' holds weights of ingredient");
    }

    @Test
    void whatNoManifestIsLeftOfIsNoted() throws Exception {
        addFour();
        registry.retire("s1", "wrong shard");
        registry.collect(false, 0);
        assertThat(registry.check()).isEmpty();
        Path known =
                registry.store().folder().resolve("known").resolve(checkpointOf("s1") + ".json");
        Files.delete(known);
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> {
                    assertThat(f.severity()).isEqualTo(Severity.NOTE);
                    assertThat(f.sentence()).contains("1 recorded checkpoint", "no manifest");
                });
    }

    @Test
    void weightsThatArePutBackIntoTheStoreAreToldByTheCertificate() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        String s1 = checkpointOf("s1");
        Path mine = alone(withdraw("s1").certificate());
        assertThat(verify(mine, List.of()).verdict()).isEqualTo(Verdict.HOLDS);
        registry.store().put(folder.resolve("s1-1.safetensors"));
        Report r = verify(mine, List.of());
        assertThat(r.verdict()).isEqualTo(Verdict.HELD);
        assertThat(r.since()).singleElement().asString().contains(s1, "put back");
        registry.collect(false, 0);
        assertThat(verify(mine, List.of()).verdict()).isEqualTo(Verdict.HOLDS);
    }

    @Test
    void aForgedCertificateAmongTheRegistrysOwnIsNamedAndWrittenAgain() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        Path own = withdraw("s1").certificate();
        String text = Files.readString(own);
        Files.writeString(own, text.replace("contract ended", "never"));
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> {
                    assertThat(f.severity()).isEqualTo(Severity.ERROR);
                    assertThat(f.sentence()).contains(own.toString());
                });
        assertThat(registry.repair().left()).isEmpty();
        assertThat(verify(own, List.of()).verdict()).isEqualTo(Verdict.HOLDS);
        assertThat(own).content().contains("contract ended");
    }

    /** A withdrawal that takes more along than what was named, which is consented to. */
    private Withdrawn withdrawAsked(String shard) {
        return registry.withdraw(
                new WithdrawRequest(
                        List.of(shard),
                        Set.of(),
                        "contract ended",
                        false,
                        Optional.empty(),
                        Optional.empty()));
    }

    @Test
    void aBaseThatCameLaterExcusesNothingThatIsInIt() throws Exception {
        addFour();
        Path s1 = folder.resolve("s1-1.safetensors");
        withdraw("s1");
        // The same values in another format: that it is a copy nobody can see.
        registry.addBase("later", asDoubles(s1));
        Path most = Small.checkpoint(folder.resolve("most.safetensors"), 70);
        replace(most, s1, "unet.t1");
        assertThatThrownBy(() ->
                        registry.addIngredient(
                                new NewIngredient(
                                        "most",
                                        "later",
                                        List.of("s2"),
                                        most,
                                        Json.object().build(),
                                        "test")))
                .hasMessageContaining("'most' holds weights of ingredient 's1'");
        assertThatThrownBy(() -> registry.addBase("old", s1))
                .hasMessageContaining("a base is of no shard")
                .hasMessageContaining("'soup ingredient add'");
    }

    @Test
    void tensorsAllOfWhoseValuesAreTheSameAreNobodys() throws Exception {
        addFour();
        Path zeros = Small.checkpoint(folder.resolve("zeros.safetensors"), 71);
        fill(zeros, "unet.t1", 0);
        add("zeros", "s1", zeros);
        withdraw("s1");

        Path fresh = Small.checkpoint(folder.resolve("fresh.safetensors"), 72);
        fill(fresh, "unet.t1", 0);
        registry.addBase("other", fresh);
        Path honest = Small.checkpoint(folder.resolve("honest.safetensors"), 73);
        fill(honest, "unet.t1", 0);
        add("honest", "s2", honest);
        registry.make(Small.of("soup", "honest", "s3"));
        assertThat(registry.check()).isEmpty();

        // one tensor more is too many
        Path back = Small.checkpoint(folder.resolve("back.safetensors"), 74);
        replace(back, zeros, "unet.t1");
        replace(back, zeros, "unet.t2");
        assertThatThrownBy(() -> add("back", "s2", back))
                .hasMessageContaining("'back' holds weights of ingredient 'zeros'")
                .hasMessageContaining("1 hash is the same");
    }

    private void add(String name, String shard, Path weights) {
        registry.addIngredient(
                new NewIngredient(
                        name, "base", List.of(shard), weights, Json.object().build(), "test"));
    }

    private static void fill(Path file, String tensor, float value) {
        List<TensorEntry> tensors = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (String name : f.tensors().keySet()) {
                TensorInfo t = f.tensor(name);
                float[] values = new float[(int) t.elements()];
                java.util.Arrays.fill(values, value);
                tensors.add(
                        name.equals(tensor)
                                ? TensorEntry.ofFloats(name, t.shape(), values)
                                : entry(f, name));
            }
        }
        SafetensorsWriter.write(file, Map.of(), tensors);
    }

    private Path asDoubles(Path checkpoint) throws IOException {
        Path to = folder.resolve("doubles.safetensors");
        try (SafetensorsFile file = SafetensorsFile.open(checkpoint)) {
            List<TensorEntry> entries = new ArrayList<>();
            for (TensorInfo t : file.tensors().values()) {
                MemorySegment data = Arena.ofAuto().allocate(t.byteSize(), 8);
                file.read(t.name(), 0, data);
                MemorySegment stored = data;
                if (t.dtype().isFloat()) {
                    double[] values = new double[(int) t.elements()];
                    Elements.decode(t.dtype(), data, values, values.length);
                    stored = MemorySegment.ofArray(values);
                }
                MemorySegment written = stored;
                entries.add(
                        new TensorEntry(
                                t.name(),
                                t.dtype().isFloat() ? DType.F64 : t.dtype(),
                                t.shape(),
                                out -> TensorBytes.of(written).writeTo(out)));
            }
            SafetensorsWriter.write(to, Map.of(), entries);
        }
        return to;
    }

    private static void assertFalse(Report report, String why) {
        assertThat(report.verdict()).isEqualTo(Verdict.FALSE);
        assertThat(report.wrong()).anySatisfy(s -> assertThat(s).contains(why));
    }

    private static JsonObject withoutSeal(JsonObject certificate) {
        Json.Builder b = Json.object();
        certificate
                .fields()
                .forEach((k, v) -> {
                    if (!Set.of("digests", "key", "signature").contains(k)) {
                        b.put(k, v);
                    }
                });
        return b.build();
    }

    private void resign(Path file, JsonObject sections, JsonObject ledger) throws IOException {
        write(
                file,
                Seal.sign(
                        Json.object(sections).put("ledger", ledger).build(),
                        registry.context().key()));
    }

    @Test
    void aCertificateSpeaksOfAllLiveSoups() throws Exception {
        addFour();
        registry.make(Small.of("touched", "s1", "s2"));
        registry.make(Small.of("untouched", "s3", "s4"));
        Withdrawn w = withdraw("s1");
        Report r = verify(w.certificate(), registry);
        assertThat(r.verdict()).isEqualTo(Verdict.HOLDS);
        assertThat(r.checked())
                .anyMatch(s -> s.contains("soup untouched@1") && s.contains("same bytes"));

        // A live soup that holds what left, signed or not, is told.
        JsonObject sections = withoutSeal(JsonValue.readObject(w.certificate()));
        JsonObject live = Json.object(sections, "live");
        String gone = registry.read(q -> q.ingredients().getFirst().checkpoint());
        List<JsonObject> parts = new ArrayList<>(Json.objects(live, "ingredients"));
        parts.set(0, Json.object(parts.getFirst()).put("checkpoint", gone).build());
        Path forged = folder.resolve("forged.json");
        write(
                forged,
                Seal.sign(
                        Json.object(sections)
                                .put(
                                        "live",
                                        Json.object(live).objects("ingredients", parts).build())
                                .build(),
                        registry.context().key()));
        assertFalse(verify(forged, registry), "untouched@1 still holds ingredient s3");
    }

    @Test
    void aWithdrawalListsEveryCopyThatEverHeldWhatLeaves() {
        for (int i = 1; i <= 3; i++) {
            Small.add(registry, folder, "s" + i, i);
        }
        registry.make(Small.follow("soup"));
        registry.publish("soup", "hub A");
        Small.add(registry, folder, "s4", 4);
        registry.update("soup");
        registry.publish("soup", "hub B");
        registry.make(Small.of("pair", "s2", "s4"));
        registry.publish("pair", "shop");
        registry.make(Small.of("others", "s3", "s4"));
        registry.publish("others", "elsewhere");

        assertThat(places(withdraw("s1"))).containsExactly("soup@1 hub A", "soup@2 hub B");
        // soup@1 and soup@2 left with s1 already; for s2 they have to be asked for again.
        Withdrawn second = withdraw("s2");
        assertThat(places(second)).containsExactly("soup@1 hub A", "soup@2 hub B", "pair@1 shop");
        JsonObject c = JsonValue.readObject(second.certificate());
        assertThat(Json.objects(Json.object(c, "withdrawn"), "publications"))
                .extracting(p -> Json.string(p, "name") + " " + Json.string(p, "place"))
                .containsExactly("soup hub A", "soup hub B", "pair shop");
        // An ingredient that was trained again had an earlier self, which was in them.
        String picture = Small.samples("s3", 1).getFirst().sha256();
        assertThat(places(withdrawSample(picture, 33, new ArrayList<>())))
                .containsExactly("soup@1 hub A", "soup@2 hub B", "others@1 elsewhere");
        assertThat(places(withdraw("s3")))
                .containsExactly("soup@1 hub A", "soup@2 hub B", "others@1 elsewhere");
        assertThat(registry.check()).isEmpty();
    }

    private static List<String> places(Withdrawn w) {
        return w.publications().stream().map((HandedOut p) -> p.soup() + " " + p.place()).toList();
    }

    private void ingredient(String name, String shard, Path weights) {
        registry.addIngredient(
                new NewIngredient(
                        name, "base", List.of(shard), weights, Json.object().build(), "test"));
    }

    @Test
    void whatWasWithdrawnDoesNotComeBackUnderAnotherName() {
        addFour();
        SoupRow soup = registry.make(Small.of("soup", "s1", "s2"));
        Path soupFile = registry.export(soup.checkpoint(), folder.resolve("soup.safetensors"));
        Withdrawn w = withdraw("s1");
        Path weights = folder.resolve("s1-1.safetensors");

        NewShard again =
                new NewShard("again", "p", "l", "", Optional.empty(), "x", Small.samples("s1", 7));
        assertThatThrownBy(() -> registry.addShard(again))
                .hasMessageContaining("5 of the 7 pictures of shard again were withdrawn")
                .hasMessageContaining("entry " + w.entry() + ", 'contract ended'")
                .hasMessageContaining("`readmit`");
        assertThatThrownBy(() -> ingredient("new", "s2", weights))
                .hasMessageContaining("'new' holds weights of ingredient 's1' (entry 3)")
                .hasMessageContaining("'contract ended'");
        assertThatThrownBy(() -> registry.addBase("new", weights))
                .hasMessageContaining("Base 'new' holds weights of ingredient 's1'");
        assertThatThrownBy(() -> ingredient("new", "s2", soupFile))
                .hasMessageContaining("holds weights of soup soup@1");
        // One tensor of it among others.
        Path mixed = Small.checkpoint(folder.resolve("mixed.safetensors"), 50);
        replace(mixed, weights, "unet.t1");
        assertThatThrownBy(() -> ingredient("new", "s2", mixed))
                .hasMessageContaining("1 hash is the same");
        registry.collect(false, 0);
        assertThat(registry.check()).isEmpty();

        // Agreed anew: pictures first, and weights with all of theirs.
        assertThatThrownBy(() -> registry.addShard(again.readmitted(" ")))
                .hasMessageContaining("`readmit`");
        registry.addShard(again.readmitted("contract of 2027"));
        JsonObject readmitted =
                registry.read(q -> q.entry(q.shard("again").orElseThrow().id()).body());
        assertThat(Json.string(Json.object(readmitted, "readmitted"), "agreement"))
                .isEqualTo("contract of 2027");
        ingredient("back", "again", weights);
        registry.make(Small.of("soup", "back", "s2"));
        assertThat(registry.check()).isEmpty();
        Path now = folder.resolve("now.json");
        try {
            write(now, registry.certificate(w.entry()));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        Report r = verify(now, registry);
        assertThat(r.wrong()).isEmpty();
        assertThat(r.checked()).anyMatch(s -> s.contains("live in its shards: ingredient back"));
    }

    @Test
    void aRefusalLeavesNothingOfWhatWasWithdrawnInTheStore() throws Exception {
        addFour();
        registry.make(Small.of("soup", "s1", "s2"));
        Withdrawn w = withdraw("s1");
        Path weights = folder.resolve("s1-1.safetensors");
        Set<String> before = stored();
        assertThatThrownBy(() -> ingredient("back", "s2", weights))
                .hasMessageContaining("holds weights of ingredient 's1'");
        assertThatThrownBy(() -> registry.addBase("back", weights))
                .hasMessageContaining("holds weights of ingredient 's1'");
        assertThat(stored()).isEqualTo(before);
        assertThat(registry.check()).isEmpty();

        // As earlier versions left it: the tensors without their manifest, or all of it.
        String id = putAgain(weights);
        registry.store().forget(id);
        assertThat(stored()).hasSize(before.size() + 3);
        assertThat(registry.check())
                .singleElement()
                .satisfies(f -> {
                    assertThat(f.severity()).isEqualTo(Severity.NOTE);
                    assertThat(f.sentence())
                            .contains(
                                    "withdrawn ingredient 's1' (entry 3)",
                                    "3 of its tensors are still in the store",
                                    "'soup gc' deletes it at once");
                });
        assertThat(registry.collect(false, 3_600_000)).isPositive();
        assertThat(stored()).isEqualTo(before);
        putAgain(weights);
        assertThat(registry.check())
                .singleElement()
                .satisfies(f ->
                        assertThat(f.sentence()).contains("ingredient s1: its weights are still"));
        assertThat(registry.collect(false, 3_600_000)).isPositive();
        assertThat(stored()).isEqualTo(before);

        // What was never withdrawn has the time that it is given; what was agreed anew stays.
        putAgain(Small.checkpoint(folder.resolve("stray.safetensors"), 77));
        Set<String> stray = stored();
        assertThat(registry.collect(false, 3_600_000)).isZero();
        assertThat(stored()).isEqualTo(stray);
        registry.addShard(
                new NewShard("again", "p", "l", "", Optional.empty(), "x", Small.samples("s1", 5))
                        .readmitted("contract of 2027"));
        ingredient("back", "again", weights);
        assertThat(registry.collect(false, 0)).isPositive(); // the stray
        assertThat(registry.check()).isEmpty();
        assertThat(w.freedBeside()).isFalse();
    }

    private String putAgain(Path weights) {
        try (var session = registry.store().open()) {
            return registry.store().put(weights);
        }
    }

    private Set<String> stored() throws IOException {
        try (var all = Files.walk(registry.store().folder().resolve("objects"))) {
            return all.filter(Files::isRegularFile)
                    .map(f -> f.getFileName().toString())
                    .collect(java.util.stream.Collectors.toSet());
        }
    }

    @Test
    void aWithdrawalWhoseWeightsAnotherCollectionDeletesSaysSo() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        List<Thread> beside = new ArrayList<>();
        Withdrawn w =
                registry.withdraw(
                        new WithdrawRequest(
                                List.of(),
                                Set.of(Small.samples("s1", 1).getFirst().sha256()),
                                "a person asked",
                                false,
                                Optional.of(r -> {
                                    retrained(r, 9);
                                    beside.add(collectWhenItMay());
                                    return trained(9);
                                }),
                                Optional.empty()));
        beside.getFirst().join();
        assertThat(w.bytesFreed()).isZero();
        assertThat(w.freedBeside()).isTrue();
        assertThat(registry.check()).isEmpty();
        Withdrawn alone = withdraw("s2");
        assertThat(alone.bytesFreed()).isPositive();
        assertThat(alone.freedBeside()).isFalse();
    }

    /** A collection that waits until nobody adds any more, the first in the queue. */
    private Thread collectWhenItMay() {
        Thread t = new Thread(() -> registry.collect(false, 0));
        t.start();
        while (t.isAlive()
                && (t.getState() != Thread.State.WAITING
                        || java.util.Arrays.stream(t.getStackTrace())
                                .noneMatch(f -> f.getMethodName().equals("alone")))) {
            Thread.onSpinWait();
        }
        return t;
    }

    @Test
    void whatWasWithdrawnSaysSoWhereItsWeightsAreAskedFor() {
        addFour();
        SoupRow soup = registry.make(Small.follow("soup"));
        String s1 = registry.read(q -> q.ingredient("s1").orElseThrow().checkpoint());
        Withdrawn w = withdraw("s1");
        assertThatThrownBy(
                        () -> registry.export(soup.checkpoint(), folder.resolve("a.safetensors")))
                .hasMessage(
                        "Soup soup@1 was withdrawn (entry "
                                + w.entry()
                                + "), and its weights are deleted; 'soup certificate "
                                + w.entry()
                                + "' writes the certificate that says so.");
        assertThatThrownBy(() -> registry.export(s1, folder.resolve("a.safetensors")))
                .hasMessageContaining("Ingredient 's1' was withdrawn (entry " + w.entry());
        registry.make(Small.of("soup", "s2", "s3"));
        registry.collect(true, 0);
        SoupRow second = registry.read(q -> q.soup("soup", 2)).orElseThrow();
        assertThatThrownBy(
                        () -> registry.export(second.checkpoint(), folder.resolve("a.safetensors")))
                .hasMessageContaining(
                        "Soup soup@2 was superseded (entry "
                                + second.superseded().orElseThrow()
                                + "), and its weights were deleted ('soup gc `superseded`')");
        assertThatThrownBy(() -> withdraw("s1"))
                .hasMessageContaining("'soup certificate " + w.entry() + "'");
    }

    /** Puts a tensor of another file in the place of a file's own. */
    private static void replace(Path file, Path from, String tensor) {
        List<TensorEntry> tensors = new ArrayList<>();
        try (SafetensorsFile a = SafetensorsFile.open(file);
                SafetensorsFile b = SafetensorsFile.open(from)) {
            a.tensors()
                    .keySet()
                    .forEach(name -> tensors.add(entry(name.equals(tensor) ? b : a, name)));
        }
        SafetensorsWriter.write(file, Map.of(), tensors);
    }

    private static TensorEntry entry(SafetensorsFile file, String name) {
        TensorInfo t = file.tensor(name);
        MemorySegment bytes = Arena.ofAuto().allocate(t.byteSize());
        file.read(name, 0, bytes);
        return new TensorEntry(name, t.dtype(), t.shape(), TensorBytes.of(bytes));
    }

    /** A text encoder that is not trained, saved in F16: not the base's bytes, but its values. */
    private Path half(long seed) {
        Path file = Small.checkpoint(folder.resolve("half-" + seed + ".safetensors"), seed);
        List<TensorEntry> tensors = new ArrayList<>();
        MemorySegment quarters = Arena.ofAuto().allocate(128);
        for (int i = 0; i < 64; i++) {
            quarters.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(0.25f));
        }
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (String name : f.tensors().keySet()) {
                tensors.add(
                        name.equals("vae.shared")
                                ? new TensorEntry(
                                        name, DType.F16, new long[] {64}, TensorBytes.of(quarters))
                                : entry(f, name));
            }
        }
        SafetensorsWriter.write(file, Map.of(), tensors);
        return file;
    }

    @Test
    void whatIsTheBasesInAnotherFormatIsNobodys() {
        for (int i = 1; i <= 3; i++) {
            registry.addShard(Small.shard("s" + i));
        }
        ingredient("h1", "s1", half(1));
        withdraw("s1"); // alone: nothing live shares its encoder
        ingredient("h2", "s2", half(2));
        ingredient("h3", "s3", half(3));
        registry.make(Small.of("soup", "h2", "h3"));
        Withdrawn w = withdraw("s2"); // and here h3 does
        assertThat(w.ingredients()).containsExactly("h2");
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(registry.check()).isEmpty();
    }

    @Test
    void aCloneThatWasRegisteredBeforeLeavesToo() {
        addFour();
        Path weights = folder.resolve("s1-1.safetensors");
        ingredient("clone", "s2", weights);
        SoupRow soup = registry.make(Small.of("soup", "clone", "s3"));
        // A next generation's base, made of a soup that holds it.
        registry.addBase(
                "second", registry.export(soup.checkpoint(), folder.resolve("soup.safetensors")));
        registry.addIngredient(
                new NewIngredient(
                        "child",
                        "second",
                        List.of("s4"),
                        Small.checkpoint(folder.resolve("child.safetensors"), 44),
                        Json.object().build(),
                        "test"));
        Withdrawn w = withdraw("s1");
        assertThat(w.ingredients()).containsExactlyInAnyOrder("s1", "clone", "child");
        assertThat(w.bases()).containsExactly("second");
        assertThat(w.made()).singleElement().satisfies(s -> assertThat(s.members()).hasSize(1));
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();
        assertThat(registry.check()).isEmpty();
        assertThatThrownBy(() ->
                        registry.addIngredient(
                                new NewIngredient(
                                        "other",
                                        "second",
                                        List.of("s4"),
                                        Small.checkpoint(folder.resolve("o.safetensors"), 45),
                                        Json.object().build(),
                                        "test")))
                .hasMessageContaining("Base 'second' was withdrawn");
    }

    @Test
    void aCloneInALedgerOfAnEarlierVersionIsFound() throws Exception {
        addFour();
        registry.make(Small.follow("soup"));
        IngredientRow s1 = registry.read(q -> q.ingredient("s1").orElseThrow());
        JsonObject entry = registry.read(q -> q.entry(s1.id()).body());
        // As earlier versions wrote them: no index of tensors, and nobody looked at clones.
        registry.context()
                .ledger()
                .write(t ->
                        t.append(
                                Kind.WITHDRAWAL,
                                Json.object()
                                        .put("reason", "long ago")
                                        .numbers("shards", s1.shards())
                                        .objects("samples", List.of())
                                        .numbers("ingredients", List.of(s1.id()))
                                        .numbers(
                                                "soups", List.of(t.soup("soup").orElseThrow().id()))
                                        .numbers("publications", List.of())
                                        .put("selections", "run again or none")
                                        .build()));
        long s2 = registry.read(q -> q.shard("s2").orElseThrow().id());
        registry.context()
                .ledger()
                .write(t ->
                        t.append(
                                Kind.INGREDIENT,
                                Json.object(entry)
                                        .put("name", "clone")
                                        .numbers("shards", List.of(s2))
                                        .build()));
        registry.addShard(
                new NewShard("later", "p", "l", "", Optional.empty(), "x", Small.samples("s1", 5))
                        .readmitted("x"));
        assertThat(registry.check())
                .filteredOn(f -> f.severity() == Severity.ERROR)
                .singleElement()
                .satisfies(f ->
                        assertThat(f.sentence())
                                .contains(
                                        "Ingredient 'clone' holds weights of ingredient 's1'",
                                        "'long ago'"));
        assertThatThrownBy(() -> registry.update("soup"))
                .hasMessageContaining("Ingredient 'clone' holds weights of ingredient 's1'")
                .hasMessageContaining("[s2]");
        assertThatThrownBy(() -> registry.make(Small.of("x", "clone", "s3")))
                .hasMessageContaining("holds weights of ingredient 's1'");
        SoupRow pair = registry.make(Small.of("pair", "s3", "s4"));
        JsonObject body = registry.read(q -> q.entry(pair.id()).body());
        long clone = registry.read(q -> q.ingredient("clone").orElseThrow().id());
        registry.context()
                .ledger()
                .write(t ->
                        t.append(
                                Kind.SOUP,
                                Json.object(body)
                                        .put("name", "old")
                                        .objects(
                                                "ingredients",
                                                List.of(
                                                        Json.object()
                                                                .put("entry", clone)
                                                                .put("name", "clone")
                                                                .put("checkpoint", s1.checkpoint())
                                                                .put("coefficient", "1")
                                                                .build()))
                                        .build()));
        assertThatThrownBy(() -> registry.publish("old", "hub"))
                .hasMessageContaining("holds weights of ingredient 's1'");
        withdraw("s2");
        assertThat(registry.check()).noneMatch(f -> f.severity() == Severity.ERROR);

        // The index is filled when such a ledger is opened.
        tamper(registry, "DELETE FROM weight");
        assertThat(registry.check()).anyMatch(f -> f.sentence().startsWith("table weight: row"));
        Registry.open(registry.folder());
        assertThat(registry.check()).noneMatch(f -> f.severity() == Severity.ERROR);
    }

    @Test
    void anIngredientThatIsDamagedItselfCanBeWithdrawn() throws Exception {
        addFour();
        Small.add(registry, folder, "s5", 5);
        registry.make(Small.follow("soup"));
        flip(object("s2"));
        assertThat(registry.repair().left()).isNotEmpty(); // nobody can make it again
        withdraw("s2");
        Files.delete(object("s3"));
        withdraw("s3");
        flip(registry.store().folder().resolve("manifests").resolve(checkpoint("s4") + ".json"));
        Withdrawn w = withdraw("s4");
        assertThat(registry.check()).isEmpty();
        assertThat(verify(w.certificate(), registry).wrong()).isEmpty();

        Registry never = fresh("never");
        Small.base(never, folder);
        Small.add(never, folder, "s1", 1);
        Small.add(never, folder, "s5", 5);
        assertThat(w.made().getFirst().checkpoint())
                .isEqualTo(never.make(Small.follow("soup")).checkpoint());
    }

    private JsonObject body(String ingredient) {
        return registry.read(q -> q.entry(q.ingredient(ingredient).orElseThrow().id()).body());
    }

    private String checkpoint(String ingredient) {
        return registry.read(q -> q.ingredient(ingredient).orElseThrow().checkpoint());
    }

    /** The file of an ingredient's second tensor. */
    private Path object(String ingredient) {
        String hash =
                registry
                        .store()
                        .manifest(checkpoint(ingredient))
                        .files()
                        .getFirst()
                        .pieces()
                        .stream()
                        .filter(p -> p.size() == 41 * 4)
                        .findFirst()
                        .orElseThrow()
                        .sha256();
        return registry.store()
                .folder()
                .resolve("objects")
                .resolve(hash.substring(0, 2))
                .resolve(hash);
    }

    @Test
    void aWrongRecipeIsCorrectedByAnEntryAndNotByAnEdit() {
        addFour();
        registry.make(Small.follow("soup"));
        JsonObject before = body("s2");
        JsonObject right = Json.object().put("method", "fine-tune").put("seed", 5).build();
        registry.correctRecipe("s2", Json.object().put("seed", 4).build(), "a first try");
        long entry = registry.correctRecipe("s2", right, "it was the base's");
        Kind kind = registry.read(q -> q.entry(entry).kind());
        assertThat(kind).isEqualTo(Kind.CORRECTION);
        assertThat(body("s2")).isEqualTo(before);
        assertThatThrownBy(() -> registry.correctRecipe("s2", right, "again"))
                .hasMessageContaining("has that recipe of ingredient 's2' already");
        assertThatThrownBy(() -> registry.correctRecipe("nobody", right, "x"))
                .hasMessageContaining("no ingredient 'nobody'");
        assertThat(registry.check()).isEmpty();

        // Certificates and training again go by it.
        Withdrawn w = withdraw("s1");
        JsonObject soup = Json.objects(JsonValue.readObject(w.certificate()), "soups").getFirst();
        assertThat(Json.objects(soup, "ingredients"))
                .filteredOn(i -> Json.string(i, "name").equals("s2"))
                .singleElement()
                .satisfies(i -> assertThat(Json.object(i, "recipe")).isEqualTo(right));
        List<WithdrawRequest.Retraining> asked = new ArrayList<>();
        withdrawSample(Small.samples("s2", 1).getFirst().sha256(), 22, asked);
        assertThat(asked).singleElement().satisfies(r -> assertThat(r.recipe()).isEqualTo(right));
        assertThat(registry.check()).isEmpty();
    }
}
