package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.diffusion.torch.Processor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.TrainedOn;
import org.diffusionsoup.workbench.registry.TrainingRecipe;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What training again says of a certificate, with all that may be otherwise the second time. */
class VerifyDeepTest {
    /** Of a size at which layers are computed in another way with several threads. */
    private static final Path BASE = Path.of("../models/emoji-base");

    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private Path folder;
    private final int threadsBefore = Torch.threads();
    private Path registry;
    private Path food;
    private Path other;

    @BeforeEach
    void make() {
        Torch.setThreads(1);
        registry = folder.resolve("registry");
        Path all = TinyTraining.shard(folder.resolve("all.tar"), 10, 64, "train");
        List<Sample> rows = Shard.open(all).samples();
        food = tar("food.tar", rows.subList(0, 5));
        other = tar("other.tar", rows.subList(5, 9));
        soup("init");
        soup("shard", "add", "food", "--data", food);
        soup("shard", "add", "other", "--data", other);
    }

    @AfterEach
    void threads() {
        Torch.setThreads(threadsBefore);
    }

    private Path tar(String name, List<Sample> rows) {
        ShardWriter.write(folder.resolve(name), rows);
        return folder.resolve(name);
    }

    private Run soup(Object... args) {
        return Run.at(registry, args).ok();
    }

    private Path train(Path base, Object shard, String out, Object... more) {
        List<Object> words =
                new ArrayList<>(List.of("train", "--base", base, "--shard", shard, "--float32"));
        words.addAll(List.of("--out", folder.resolve(out), "--steps", 1, "--batch", 4, "-q"));
        words.addAll(List.of(more));
        Run.of(words.toArray()).ok();
        return folder.resolve(out);
    }

    /** A soup of two ingredients has to do without the one that is not food; that is certified. */
    private Path certificate(Path base) throws IOException {
        train(base, "other", "other", "--registry", registry);
        soup("registry", "make", "both", "--follow");
        soup("withdraw", "other", "--reason", "contract ended");
        return newest();
    }

    private Path newest() throws IOException {
        try (var all = Files.list(registry.resolve("certificates"))) {
            return all.max(Comparator.naturalOrder()).orElseThrow();
        }
    }

    private Run deep(Path certificate, Path data, Object... more) {
        List<Object> words = new ArrayList<>(List.of("verify", certificate, "-q"));
        words.addAll(List.of("--key", registry.resolve("registry.pub")));
        words.addAll(List.of("--store", registry.resolve("store")));
        words.addAll(List.of("--deep", "food", "--shard", data));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    @Test
    void theRecordedNamesAndThreadsGiveTheSameBytes() throws Exception {
        soup("base", "add", "base", BASE);
        Torch.setThreads(2);
        Path out = train(BASE, "food", "food", "--registry", registry);
        Torch.setThreads(1);
        Path certificate = certificate(BASE);
        assertThat(soup("show", "food", "--json").out()).contains("\"threads\"");
        Path renamed = Files.copy(food, folder.resolve("some other name.tar"));
        assertThat(deep(certificate, renamed).ok().out())
                .contains("ingredient food: trained again, it has the same bytes")
                .endsWith("holds\n");
        assertThat(Torch.threads()).isEqualTo(1);
        assertThat(Hashes.sha256(train(BASE, food, "one").resolve(UNET)))
                .as("with one thread")
                .isNotEqualTo(Hashes.sha256(out.resolve(UNET)));
    }

    @Test
    void otherDataIsNamedBeforeAnythingIsTrained() throws Exception {
        soup("base", "add", "base", TinyTraining.BASE);
        train(TinyTraining.BASE, "food", "food", "--registry", registry);
        Path certificate = certificate(TinyTraining.BASE);
        String recorded = Shard.open(food).sha256().substring(0, 8);
        String given = Shard.open(other).sha256().substring(0, 8);
        deep(certificate, other)
                .fails(
                        1,
                        "This is not the data that ingredient food was trained on: 5 rows with the"
                                + " hash "
                                + recorded
                                + "… are recorded, "
                                + other
                                + " has 4 rows with the hash "
                                + given
                                + "…. Nothing was trained");
        deep(certificate, food, "--shard", other)
                .fails(1, "no more is recorded, " + other + " has 4 rows");

        // A recipe that is not the one which was followed: as many threads, other bytes.
        Registry r = Registry.open(registry);
        long food = r.read(q -> q.ingredient("food").orElseThrow().id());
        r.correctRecipe(
                "food",
                Json.object(r.read(q -> q.recipe(food))).put("seed", 9).build(),
                "to see it found");
        Path again = folder.resolve("again.json");
        String entry = entryOfWithdrawal(certificate);
        soup("certificate", entry, "-o", again);
        Run wrong = deep(again, this.food);
        assertThat(wrong.status()).as(wrong.err()).isEqualTo(1);
        assertThat(wrong.out())
                .contains(
                        "trained again with 1 thread on %s, as it is recorded, %s differs"
                                .formatted(Processor.name(), UNET))
                .endsWith("false\n");
    }

    @Test
    void onAnotherProcessorOtherBytesProveNothing() throws Exception {
        soup("base", "add", "base", TinyTraining.BASE);
        Path weights = train(TinyTraining.BASE, food, "food");
        Registry r = Registry.open(registry);
        IngredientRow i =
                r.addIngredient(
                        new NewIngredient(
                                "food",
                                "base",
                                List.of("food"),
                                weights,
                                TrainingRecipe.ofWeights(weights),
                                "test",
                                Optional.of(new TrainedOn(1, "an abacus"))));
        Path certificate = certificate(TinyTraining.BASE);
        assertThat(deep(certificate, food).ok().out()).as("the same bytes").endsWith("holds\n");
        r.correctRecipe(
                "food",
                Json.object(r.read(q -> q.recipe(i.id()))).put("seed", 9).build(),
                "for other bytes");
        Path again = folder.resolve("again.json");
        soup("certificate", entryOfWithdrawal(certificate), "-o", again);
        Run elsewhere = deep(again, food);
        assertThat(elsewhere.status()).as(elsewhere.err()).isEqualTo(4);
        assertThat(elsewhere.out())
                .contains(
                        "on " + Processor.name(),
                        "it was trained on an abacus then",
                        "proves nothing")
                .endsWith("does not show it either\n");
    }

    private static String entryOfWithdrawal(Path certificate) {
        return String.valueOf(
                Json.number(Json.object(JsonValue.readObject(certificate), "ledger"), "entry"));
    }

    @Test
    void whereNoThreadsAreRecordedOtherBytesProveNothing() throws Exception {
        soup("base", "add", "base", BASE);
        // As earlier versions called what was left of a shard.
        Path left = Files.copy(food, folder.resolve("0-food.tar"));
        Torch.setThreads(2);
        Path weights = train(BASE, left, "food");
        soup(
                "ingredient",
                "add",
                "food",
                "--weights",
                weights,
                "--base",
                "base",
                "--shard",
                "food");
        Path certificate = certificate(BASE);
        assertThat(deep(certificate, food).ok().out()).endsWith("holds\n");
        Torch.setThreads(1);
        Run elsewhere = deep(certificate, food);
        assertThat(elsewhere.status()).as(elsewhere.err()).isEqualTo(4);
        assertThat(elsewhere.out())
                .contains(
                        "untold ingredient food: trained again with 1 thread on "
                                + Processor.name())
                .contains(UNET + " differs; on what it was trained then is not recorded")
                .contains("proves nothing", "cannot tell")
                .doesNotContain("false");
        Run json = deep(certificate, food, "--json");
        assertThat(json.status()).isEqualTo(4);
        assertThat(json.out().replaceAll("\\s", "")).contains("\"verdict\":\"cannot_tell\"");
    }
}
