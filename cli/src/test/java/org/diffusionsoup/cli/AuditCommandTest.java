package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.diffusionsoup.data.Shard;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup audit}, and the gate that asks for it. */
class AuditCommandTest {
    private static final List<Object> QUICK =
            List.of("--steps", 2, "--pictures", 6, "--judge", TinyModels.clip());

    @TempDir private Path folder;

    private Run audit(Path shard, List<Object> some, Object... more) {
        List<Object> all = new ArrayList<>(some);
        all.addAll(List.of(more));
        return audit(shard, all.toArray());
    }

    private Run audit(Path shard, Object... more) {
        List<Object> words = new ArrayList<>(List.of("audit", "--shard", shard));
        words.addAll(QUICK);
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    @Test
    void aSoupIsHandedOutOnlyAfterAnAuditThatPassed() throws IOException {
        Path shard = TinyTraining.shard(folder.resolve("shard.tar"), 5, 64, "train");
        Path reference = TinyTraining.shard(folder.resolve("other.tar"), 40, 64, "train");
        Path registry = folder.resolve("registry");
        List<Object> at = List.of("--registry", registry, "-q");
        run(at, "init").ok();
        run(at, "base", "add", "base", TinyModels.sd15()).ok();
        run(at, "shard", "add", "acme", "--data", shard, "--provider", "acme").ok();
        run(
                        at,
                        "ingredient",
                        "add",
                        "acme",
                        "--weights",
                        TinyModels.ingredient(folder.resolve("acme"), 7),
                        "--base",
                        "base",
                        "--shard",
                        "acme")
                .ok();
        run(at, "registry", "make", "everyone", "--follow").ok();
        run(at, "publish", "everyone", "--to", "hub", "--require", ",")
                .fails(1, "does not say what");
        run(at, "publish", "everyone", "--to", "hub", "--require", "audit")
                .fails(1, "audit(bound=0.05, pictures>=200)");
        String gate = "audit(bound=0.9, pictures>=6)";
        run(at, "publish", "everyone", "--to", "hub", "--require", gate)
                .fails(1, "has no audit of shard acme with at least 6 pictures", "soup audit");

        // None or few of six pictures are copies, and six pictures cannot show less than 1 %.
        List<Object> soup =
                List.of("--reference", reference, "--soup", "everyone", "--registry", registry);
        Run failed = audit(shard, soup, "--bound", 0.01, "-q");
        assertThat(failed.status()).isEqualTo(1);
        assertThat(failed.err()).contains("above --bound 0.01", "everyone");
        // Two steps are not the model's own sampling.
        run(at, "publish", "everyone", "--to", "hub", "--require", gate)
                .fails(1, "has no audit of shard acme");

        Path page = folder.resolve("audit.html");
        Run passed =
                audit(
                                shard,
                                soup,
                                "--bound",
                                1,
                                "--model",
                                folder.resolve("acme"),
                                "--page",
                                page,
                                "--json")
                        .ok();
        JsonNode json = new ObjectMapper().readTree(passed.out());
        assertThat(json.path("entry").asLong()).isPositive();
        assertThat(json.path("models")).hasSize(2);
        // The soup of one ingredient is that ingredient, and draws the same.
        assertThat(json.at("/models/0/nearest")).isEqualTo(json.at("/models/1/nearest"));
        assertThat(json.at("/models/0/pictures").asInt()).isEqualTo(6);
        assertThat(json.at("/shards/0/reference")).hasSize(40 - 5);
        assertThat(json.at("/shards/0/reference_sha256").asText()).hasSize(64);
        assertThat(page)
                .content()
                .contains("Memorization audit", "data:image/png")
                .contains("Bound<small>100.0 %</small>", "within", "of 6");

        // By its recorded name, in the model's own sampling, more pictures than there are prompts.
        Run own =
                Run.of(
                        "audit",
                        "--shard",
                        "acme",
                        "--reference",
                        reference,
                        "--soup",
                        "everyone",
                        "--pictures",
                        7,
                        "--judge",
                        TinyModels.clip(),
                        "--bound",
                        0.9,
                        "--registry",
                        registry);
        assertThat(own.ok().out()).contains("acme: 5 protected pictures, 7 drawn by each model");
        assertThat(own.err()).contains("To show a rate within --bound 0.9 takes");
        run(at, "publish", "everyone", "--to", "hub", "--require", gate).ok();
        run(at, "publish", "everyone", "--to", "hub", "--require", "audit(bound=0.9, pictures>=8)")
                .fails(1, "with at least 8 pictures");
        run(
                        at,
                        "publish",
                        "everyone",
                        "--to",
                        "hub",
                        "--require",
                        "audit(bound=0.9, pictures>=6, shards=initech)")
                .fails(1, "was not trained on a shard 'initech'; it has acme");
        // What it rests on is signed with it.
        JsonNode result =
                new ObjectMapper()
                        .readTree(run(at, "show", json.path("entry").asText(), "--json").ok().out())
                        .at("/body/result");
        assertThat(result.at("/reference/name").asText()).isEqualTo("other");
        assertThat(result.at("/reference/sha256").asText())
                .isEqualTo(Shard.open(reference).sha256());
        assertThat(result.at("/reference/pictures").asInt()).isEqualTo(35);
        assertThat(result.at("/reference/typical_distance").asDouble()).isPositive();
        assertThat(result.path("meaningful").isBoolean()).isTrue();
    }

    /** The rates are told: they may have taken hours. */
    @Test
    void theRatesOfASoupThatIsMadeAgainMeanwhileAreToldAndNotRecorded() throws Exception {
        Path registry = folder.resolve("registry");
        List<Object> at = List.of("--registry", registry, "-q");
        run(at, "init").ok();
        run(at, "base", "add", "base", TinyModels.sd15()).ok();
        for (String name : List.of("acme", "initech")) {
            int seed = name.length();
            Path tar = TinyTraining.shard(folder.resolve(name + ".tar"), seed, 64, "train");
            run(at, "shard", "add", name, "--data", tar, "--provider", name).ok();
            Path weights = TinyModels.ingredient(folder.resolve(name), seed);
            run(
                            at,
                            "ingredient",
                            "add",
                            name,
                            "--weights",
                            weights,
                            "--base",
                            "base",
                            "--shard",
                            name)
                    .ok();
        }
        run(at, "registry", "make", "overtaken", "--from", "acme").ok();
        Path reference = TinyTraining.shard(folder.resolve("other.tar"), 40, 64, "train");
        CompletableFuture<Run> again =
                CompletableFuture.supplyAsync(() -> {
                    awaitAudit();
                    return run(at, "registry", "make", "overtaken", "--follow");
                });
        Path page = folder.resolve("audit.html");
        Run audit =
                Run.of(
                        "audit",
                        "--shard",
                        "acme",
                        "--reference",
                        reference,
                        "--soup",
                        "overtaken",
                        "--pictures",
                        400,
                        "--steps",
                        10,
                        "--judge",
                        TinyModels.clip(),
                        "--page",
                        page,
                        "--registry",
                        registry);
        again.get().ok();
        assertThat(audit.status()).isEqualTo(1);
        assertThat(audit.err())
                .contains(
                        "overtaken was made again while it was being audited", "recorded nowhere");
        assertThat(audit.out()).contains("acme: 4 protected pictures, 400 drawn by each model");
        assertThat(page).exists();
        assertThat(run(at, "log").ok().out()).doesNotContain("audit");
    }

    /** Returns when the soup has been taken out of the registry, to be drawn with. */
    private static void awaitAudit() {
        Path tmp = Path.of(System.getProperty("java.io.tmpdir"));
        long until = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (System.nanoTime() < until) {
            try (Stream<Path> all = Files.list(tmp)) {
                if (all.filter(p -> p.getFileName().toString().startsWith("soup-audit-"))
                        .anyMatch(p -> Files.exists(p.resolve("overtaken")))) {
                    return;
                }
                Thread.sleep(5);
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
        throw new IllegalStateException("the soup is not being audited");
    }

    @Test
    void everyModelCanHaveAShardOfItsOwn() throws IOException {
        Path one = TinyTraining.shard(folder.resolve("one.tar"), 12, 64, "train");
        Path two = TinyTraining.shard(folder.resolve("two.tar"), 10, 32, "train");
        Path reference = TinyTraining.shard(folder.resolve("other.tar"), 40, 64, "train");
        Path model = TinyModels.copy(TinyModels.sd15(), folder.resolve("lr=1"));
        Path page = folder.resolve("audit.html");
        List<Object> words =
                List.of(
                        "--model",
                        TinyModels.sd15(),
                        "--model",
                        model, // an existing folder, whatever its name holds
                        "--model",
                        model + "=" + two + "#split=train",
                        "--reference",
                        reference,
                        "--bound",
                        1,
                        "--page",
                        page);
        List<Object> asJson = new ArrayList<>(words);
        asJson.add("--json");
        JsonNode json = new ObjectMapper().readTree(audit(one, asJson.toArray()).ok().out());
        assertThat(json.path("baseline").asText()).isEqualTo("tiny-sd15");
        assertThat(json.path("shards")).hasSize(2);
        assertThat(json.at("/shards/0/shard").asText()).isEqualTo(one.toString());
        assertThat(json.at("/shards/1/protected").asInt()).isEqualTo(10);
        assertThat(json.at("/models/0").has("minus_baseline")).isFalse();
        // The copy draws what the first model drew, and is compared with it picture by picture.
        assertThat(json.at("/models/1/shard").asText()).isEqualTo(one.toString());
        assertThat(json.at("/models/1/nearest")).isEqualTo(json.at("/models/0/nearest"));
        assertThat(json.at("/models/1/minus_baseline/paired").asBoolean()).isTrue();
        assertThat(json.at("/models/1/minus_baseline/estimate").asDouble()).isZero();
        assertThat(json.at("/models/2/shard").asText()).isEqualTo(two + "#split=train");
        assertThat(json.at("/models/2/shard_sha256")).isEqualTo(json.at("/shards/1/shard_sha256"));
        assertThat(json.at("/models/2/minus_baseline/paired").asBoolean()).isFalse();
        assertThat(json.at("/models/2/minus_baseline/high").asDouble()).isPositive();

        String text = audit(one, words.toArray()).ok().out();
        assertThat(text)
                .contains(one + ": 12 protected pictures", two + "#split=train: 10 protected")
                .contains("held against", "to tiny-sd15, 95 %", "] % paired", "] % unpaired");
        assertThat(text.lines().filter(l -> l.startsWith("(reference)"))).hasSize(2);
        assertThat(page).content().contains(one.toString(), two.toString());
    }

    @Test
    void aModelWithoutAShardIsNamedBeforeAnythingIsDrawn() {
        Path two = TinyTraining.shard(folder.resolve("two.tar"), 10, 32, "train");
        Path reference = TinyTraining.shard(folder.resolve("other.tar"), 40, 64, "train");
        Object[] own = {"--model", TinyModels.sd15() + "=" + two, "--reference", reference, "-q"};
        List<Object> words = new ArrayList<>(List.of("audit"));
        words.addAll(QUICK);
        words.addAll(List.of(own));
        words.addAll(List.of("--bound", 1));
        Run.of(words.toArray()).ok();
        words.addAll(List.of("--model", TinyModels.sd21()));
        Run.of(words.toArray()).fails(2, "tiny-sd21 has no pictures", "--shard SHARD");
        Run.of("audit", "--judge", TinyModels.clip(), "--soup", "s").fails(2, "missing --shard");
        audit(two, "--model", TinyModels.sd15() + "=").fails(2, "names no shard after '='");
        audit(two, "--model", folder.resolve("gone") + "=" + two)
                .fails(1, "no model " + folder.resolve("gone"));
    }

    @Test
    void whatIsMissingIsNamedInOneSentence() {
        Path shard = TinyTraining.shard(folder.resolve("shard.tar"), 12, 64, "train");
        audit(shard).fails(2, "--model DIR");
        audit(shard, "--model", TinyModels.sd15()).fails(1, "no held-out rows");
        audit(shard, "--model", TinyModels.sd15(), "--reference", shard).fails(1, "at least 20");
        audit(shard, "--model", TinyModels.sd15(), "--bound", 2).fails(2, "--bound");
    }

    private static Run run(List<Object> at, Object... words) {
        List<Object> all = new ArrayList<>(List.of(words));
        all.addAll(at);
        return Run.of(all.toArray());
    }
}
