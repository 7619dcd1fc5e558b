package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.certificate.CertificateCheck;
import org.diffusionsoup.registry.certificate.CertificateCheck.Verdict;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.registry.store.LeftOut;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What lies beside weights in a model's folder, and what of it a registry keeps. */
class BesideWeightsTest {
    private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";
    private static final byte[] PICTURE = {(byte) 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 1, 2};
    private static final byte[] DRAWING =
            "<svg><circle r='4'/></svg>".getBytes(StandardCharsets.UTF_8);

    @TempDir private Path folder;
    private Registry registry;

    @BeforeEach
    void make() throws IOException {
        registry =
                Registry.init(folder.resolve("registry"), Optional.empty())
                        .with(SoupOptions.DEFAULT.withThreads(1));
        registry.addBase("base", model("base", 0));
        List<NewShard.Sample> samples = new ArrayList<>(Small.samples("a", 3));
        samples.add(new NewShard.Sample(Hashes.sha256Hex(PICTURE), ""));
        samples.add(new NewShard.Sample(Hashes.sha256Hex(DRAWING), ""));
        registry.addShard(new NewShard("a", "acme", "CC0-1.0", "", Optional.empty(), "a", samples));
        registry.addShard(Small.shard("c"));
    }

    private Path model(String name, long seed) throws IOException {
        Path at = folder.resolve(name);
        Files.createDirectories(at.resolve("unet"));
        Files.writeString(
                at.resolve("model_index.json"),
                "{\"_class_name\": \"StableDiffusionPipeline\", \"unet\": [\"diffusers\","
                        + " \"UNet2DConditionModel\"], \"tokenizer\": [\"transformers\","
                        + " \"CLIPTokenizer\"]}");
        Files.createDirectories(at.resolve("tokenizer"));
        Files.write(
                at.resolve("tokenizer/sentencepiece.bpe.model"), new byte[] {0, 1, (byte) 0xff});
        Files.writeString(at.resolve("unet/config.json"), "{}");
        Small.checkpoint(at.resolve(WEIGHTS), seed);
        return at;
    }

    private static NewIngredient ingredient(String name, Path weights) {
        return new NewIngredient(
                name, "base", List.of(name), weights, Json.object().build(), "test");
    }

    private List<String> errors() {
        return registry.check().stream()
                .filter(f -> f.severity() == Finding.Severity.ERROR)
                .map(Finding::toString)
                .toList();
    }

    private Verdict verdict(Path certificate) {
        return CertificateCheck.check(
                        certificate,
                        registry.publicKey(),
                        registry.store().folder(),
                        SoupOptions.DEFAULT.withThreads(1))
                .verdict();
    }

    /** A backup of another's weights and a picture of its shard, in two folders alike. */
    @Test
    void whatIsNeitherWeightsNorTextIsNotKept() throws IOException {
        Path a = model("ia", 1);
        Path c = model("ic", 2);
        for (Path i : List.of(a, c)) {
            Files.copy(a.resolve(WEIGHTS), i.resolve(WEIGHTS + ".bak"));
            Files.write(i.resolve("unet/sample.png"), new byte[] {(byte) 0x89, 0});
            Files.write(i.resolve("tokenizer/tokenizer.model"), PICTURE);
            Files.writeString(i.resolve("unet/README.md"), "Ünet");
        }
        registry.addIngredient(ingredient("a", a));
        IngredientRow kept = registry.addIngredient(ingredient("c", c));
        assertThat(LeftOut.of(c, registry.store().manifest(kept.checkpoint())))
                .containsExactly("tokenizer/tokenizer.model", WEIGHTS + ".bak", "unet/sample.png");
        registry.make(Small.follow("all"));
        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("a"), "asked"));
        registry.collect(true, 0);
        Path out =
                registry.export(
                        registry.read(q -> q.soup("all").orElseThrow().checkpoint()),
                        folder.resolve("out"));
        assertThat(out.resolve("unet/README.md")).content().isEqualTo("Ünet");
        try (Stream<Path> all = Files.list(out.resolve("unet"))) {
            assertThat(all.map(p -> p.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "README.md", "config.json", "diffusion_pytorch_model.safetensors");
        }
        assertThat(out.resolve("tokenizer/sentencepiece.bpe.model")).exists();
        assertThat(out.resolve("tokenizer/tokenizer.model")).doesNotExist();
        assertThat(errors()).isEmpty();
        assertThat(verdict(w.certificate())).isEqualTo(Verdict.HOLDS);
    }

    /** A drawing is text: recorded before, it is left out; recorded since, it is named. */
    @Test
    void aDrawingThatWasWithdrawnIsNamed() throws IOException {
        byte[] later = "<svg><rect/></svg>".getBytes(StandardCharsets.UTF_8);
        Path c = model("ic", 2);
        Files.write(c.resolve("unet/notes.txt"), later);
        Files.write(c.resolve("unet/known.txt"), DRAWING);
        IngredientRow kept = registry.addIngredient(ingredient("c", c));
        assertThat(LeftOut.of(c, registry.store().manifest(kept.checkpoint())))
                .containsExactly("unet/known.txt");
        registry.addShard(
                new NewShard(
                        "l",
                        "acme",
                        "CC0-1.0",
                        "",
                        Optional.empty(),
                        "l",
                        List.of(new NewShard.Sample(Hashes.sha256Hex(later), ""))));
        registry.withdraw(WithdrawRequest.ofShards(List.of("l"), "asked"));
        String says =
                "Ingredient '%s' holds as 'unet/notes.txt' a file that was withdrawn (entry 6, 'asked')";
        assertThat(errors()).singleElement().asString().contains(says.formatted("c"));
        assertThatThrownBy(() -> registry.make(Small.of("one", "c")))
                .hasMessageContaining(says.formatted("c"));
        Path d = model("id", 3);
        Files.write(d.resolve("unet/notes.txt"), later);
        registry.addShard(Small.shard("d"));
        assertThatThrownBy(() -> registry.addIngredient(ingredient("d", d)))
                .hasMessageContaining(says.formatted("d"));
    }

    /** A registry of an earlier version goes on: its models are averaged, repaired, withdrawn. */
    @Test
    void whatAnEarlierVersionKeptOfABaseStays() throws IOException {
        Path base = model("old", 5);
        Path backup = base.resolve("unet/x.bak");
        asBefore(Kind.BASE, "old", base, base.resolve(WEIGHTS));
        Files.copy(base.resolve(WEIGHTS), backup);
        long old = registry.read(q -> q.bases().getLast().id());
        Path a = model("oa", 6);
        Path c = model("oc", 7);
        Files.copy(backup, a.resolve("unet/x.bak"));
        Files.copy(backup, c.resolve("unet/x.bak"));
        registry.addIngredient(
                new NewIngredient("a", "old", List.of("a"), a, Json.object().build(), "test"));
        IngredientRow other =
                registry.addIngredient(
                        new NewIngredient(
                                "c", "old", List.of("c"), c, Json.object().build(), "test"));
        Manifest kept = registry.store().manifest(other.checkpoint());
        assertThat(kept.otherFiles()).containsKey("unet/x.bak");
        registry.make(Small.of("both", "a", "c"));
        Withdrawn w = registry.withdraw(WithdrawRequest.ofShards(List.of("a"), "asked"));
        List<IngredientRow> all = registry.read(q -> q.ingredients());
        assertThat(all).filteredOn(IngredientRow::isLive).containsExactly(other);
        Optional<Long> gone = registry.read(q -> q.bases().getLast().withdrawn());
        assertThat(gone).as("base %d", old).isEmpty();
        assertThat(errors()).isEmpty();
        assertThat(verdict(w.certificate())).isEqualTo(Verdict.HOLDS);
        registry.collect(true, 0);

        // A tensor of an ingredient is lost, and its folder is at hand.
        String lost = kept.files().getLast().pieces().getLast().sha256();
        Files.delete(
                registry.folder().resolve("store/objects/" + lost.substring(0, 2) + "/" + lost));
        assertThat(errors()).isNotEmpty();
        registry.repair(List.of(), List.of(c));
        assertThat(errors()).isEmpty();
    }

    /** Earlier versions kept whatever lay there. */
    @Test
    void whatAnEarlierVersionKeptLeavesWithItsWeights() throws IOException {
        Path a = model("ia", 1);
        registry.addIngredient(ingredient("a", a));
        asBefore(Kind.INGREDIENT, "c", model("ic", 2), a.resolve(WEIGHTS));
        registry.withdraw(WithdrawRequest.ofShards(List.of("a"), "asked"));
        List<IngredientRow> all = registry.read(q -> q.ingredients());
        assertThat(all).hasSize(2).noneMatch(IngredientRow::isLive);
        registry.addShard(Small.shard("e"));
        asBefore(Kind.INGREDIENT, "e", model("ie", 3), a.resolve(WEIGHTS));
        assertThat(errors())
                .singleElement()
                .asString()
                .contains("Ingredient 'e' holds as 'unet/x.bak' a file that was withdrawn");
    }

    private void asBefore(Kind kind, String name, Path weights, Path backup) throws IOException {
        Path home = registry.folder();
        WeightStore store = new WeightStore(home.resolve("store"));
        Manifest kept = store.manifest(store.put(weights));
        String sha = Hashes.sha256(backup);
        long size = Files.size(backup);
        List<Manifest.StoredFile> files = new ArrayList<>(kept.files());
        files.add(
                new Manifest.StoredFile(
                        "unet/x.bak", size, sha, List.of(new Manifest.Piece(sha, size, "bytes"))));
        Path object = home.resolve("store/objects/" + sha.substring(0, 2) + "/" + sha);
        Files.createDirectories(object.getParent());
        if (!Files.exists(object)) {
            Files.copy(backup, object);
        }
        Manifest manifest = new Manifest(true, files);
        store.put(manifest);
        Ledger.open(
                        "jdbc:sqlite:" + home.resolve("ledger.db"),
                        SigningKey.load(home.resolve("registry.key"), home.resolve("registry.pub")),
                        Clock.systemUTC(),
                        Optional.empty())
                .write(t -> {
                    Json.Builder body =
                            Json.object()
                                    .put("name", name)
                                    .put("checkpoint", manifest.id())
                                    .map("files", manifest.weightFiles());
                    if (kind == Kind.INGREDIENT) {
                        body.put("base", 1)
                                .numbers("shards", List.of(t.shard(name).orElseThrow().id()))
                                .put("recipe", Json.object().build())
                                .put("code_version", "");
                    }
                    return t.append(kind, body.build());
                });
    }
}
