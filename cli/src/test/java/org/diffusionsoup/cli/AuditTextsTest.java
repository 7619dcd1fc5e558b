package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.RegistryShards;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An audit of a soup counts if it draws by the texts that the soup's ingredients were trained on.
 */
class AuditTextsTest {
    private static final String GATE = "audit(bound=0.9, pictures>=6)";

    @TempDir private Path folder;
    private Path registry;
    private Path tar;
    private Path reference;

    @BeforeEach
    void make() {
        registry = folder.resolve("registry");
        tar = TinyTraining.shard(folder.resolve("four.tar"), 5, 64, "train");
        reference = TinyTraining.shard(folder.resolve("other.tar"), 40, 64, "train");
        soup("init").ok();
        soup("base", "add", "tiny", TinyTraining.BASE).ok();
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private void train() {
        soup(
                        "train",
                        "--base",
                        TinyTraining.BASE,
                        "--shard",
                        "four",
                        "--steps",
                        1,
                        "--batch",
                        2,
                        "--out",
                        folder.resolve("four"))
                .ok();
        soup("registry", "make", "over", "--from", "four").ok();
    }

    /** As an earlier version recorded it: pictures alone. */
    private void recordedBefore() {
        NewShard all =
                RegistryShards.describe(
                        "four",
                        tar.toString(),
                        Optional.empty(),
                        Optional.empty(),
                        "",
                        Optional.empty(),
                        n -> {},
                        Progress.silent(),
                        n -> {});
        Registry.open(registry)
                .addShard(
                        new NewShard(
                                all.name(),
                                all.provider(),
                                all.licence(),
                                all.uses(),
                                all.expires(),
                                all.source(),
                                all.samples()));
    }

    /** The same pictures with other facts. */
    private Path with(String name, Path of, UnaryOperator<SampleInfo> change) {
        Path to = folder.resolve(name);
        ShardWriter.write(
                to,
                Shard.open(of).samples().stream()
                        .map(s -> new Sample(change.apply(s.info()), s.png()))
                        .toList());
        return to;
    }

    private static SampleInfo captioned(SampleInfo i) {
        return texts(i, "quite another thing " + i.key(), "", "");
    }

    /** What recipes do not name: their hash of the rows stays as it was. */
    private static SampleInfo renamed(SampleInfo i) {
        return texts(i, i.caption(), "quite another thing", "odd");
    }

    private static SampleInfo texts(SampleInfo i, String caption, String name, String style) {
        return new SampleInfo(
                i.key(),
                caption,
                name,
                style,
                i.subject(),
                i.provider(),
                i.licence(),
                i.group(),
                i.subgroup(),
                i.domain(),
                i.split(),
                i.sha256());
    }

    /** Draws six pictures in the model's own sampling; returns what was recorded. */
    private JsonNode audit(Object shard, String... said) {
        Run run =
                Run.of(
                        "audit",
                        "--registry",
                        registry,
                        "--soup",
                        "over",
                        "--shard",
                        shard,
                        "--reference",
                        reference,
                        "--pictures",
                        6,
                        "--judge",
                        TinyModels.clip(),
                        "--bound",
                        1);
        if (said.length == 0) {
            assertThat(run.ok().err()).doesNotContain("texts");
        } else {
            assertThat(run.ok().err()).contains(said);
        }
        try {
            String entry = run.err().replaceAll("(?s).*recorded as entry (\\d+).*", "$1");
            return new ObjectMapper()
                    .readTree(soup("show", entry, "--json").ok().out())
                    .at("/body/result");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private Run publish() {
        return Run.of("publish", "over", "--to", "hub", "--require", GATE, "--registry", registry);
    }

    private void refused() {
        publish().fails(1, "has no audit of shard four by the texts that ingredient 'four' (entry");
    }

    private void counts(JsonNode audited) {
        assertThat(audited.path("shard").asText()).isEqualTo("four");
        assertThat(audited.path("texts").asText()).isEqualTo("recorded");
        Run published = publish().ok();
        assertThat(published.err()).doesNotContain("texts");
    }

    @Test
    void onlyTheRecordedTextsOpenTheGate() {
        soup("shard", "add", "four", "--data", tar).ok();
        train();
        Path captions = with("four-y.tar", tar, AuditTextsTest::captioned);
        JsonNode other = audit(captions, "has the pictures of shard 'four', but other texts");
        assertThat(other.path("shard").asText()).isEqualTo("four");
        assertThat(other.path("texts").asText()).isEqualTo("other");
        refused();
        Path names = with("four-n.tar", tar, AuditTextsTest::renamed);
        assertThat(Shard.open(names).sha256()).isEqualTo(Shard.open(tar).sha256());
        assertThat(audit(names, "but other texts").path("texts").asText()).isEqualTo("other");
        refused();
        // It was measured, and somebody may answer for it.
        soup(
                        "publish",
                        "over",
                        "--to",
                        "hub",
                        "--require",
                        GATE,
                        "--overrule",
                        "Ann: the words mean the same")
                .ok();
        counts(audit("four"));
    }

    @Test
    void aPathAndAViewHaveTheRecordedTexts() {
        Path all = TinyTraining.shard(folder.resolve("all.tar"), 7, 64, "train");
        Path two =
                with(
                        "two.tar",
                        all,
                        i ->
                                i.key().compareTo("row005") < 0
                                        ? i
                                        : new SampleInfo(
                                                i.key(),
                                                i.caption(),
                                                i.name(),
                                                i.style(),
                                                i.subject(),
                                                "another",
                                                i.licence(),
                                                i.group(),
                                                i.subgroup(),
                                                i.domain(),
                                                i.split(),
                                                i.sha256()));
        soup("shard", "add", "four", "--data", two + "#provider=test").ok();
        train();
        counts(audit(two + "#provider=test"));
        counts(audit(tar)); // the same rows, in a tar of their own
    }

    @Test
    void whatWasRecordedBeforeIsComparedByItsRecipes() {
        recordedBefore();
        train();
        Path captions = with("four-y.tar", tar, AuditTextsTest::captioned);
        assertThat(audit(captions, "but other texts").path("texts").asText()).isEqualTo("other");
        refused();
        counts(audit(tar));
    }

    @Test
    void whatCannotBeComparedIsSaid() throws IOException {
        recordedBefore();
        soup(
                        "ingredient",
                        "add",
                        "four",
                        "--weights",
                        weights(),
                        "--base",
                        "tiny",
                        "--shard",
                        "four")
                .ok();
        soup("registry", "make", "over", "--from", "four").ok();
        JsonNode audited = audit("four", "is not recorded in full");
        assertThat(audited.path("texts").asText()).isEqualTo("unknown");
        assertThat(publish().ok().err())
                .contains("Which texts ingredient 'four' (entry 3) was trained on is not recorded");
    }

    /** Trained elsewhere: its header says nothing. */
    private Path weights() throws IOException {
        return TinyModels.ingredient(folder.resolve("elsewhere"), 7);
    }

    @Test
    void whatIsLeftOfAShardIsComparedToo() throws IOException {
        soup("shard", "add", "four", "--data", tar).ok();
        train();
        String gone = Shard.open(tar).infos().get(1).sha256();
        Path list = Files.writeString(folder.resolve("gone.txt"), gone + "\n");
        soup("withdraw", "--samples", list, "--reason", "asked").ok();
        Path left = folder.resolve("left.tar");
        ShardWriter.write(
                left,
                Shard.open(tar).samples().stream()
                        .filter(s -> !s.info().sha256().equals(gone))
                        .toList());
        audit(with("left-y.tar", left, AuditTextsTest::captioned), "but other texts");
        audit(with("left-n.tar", left, AuditTextsTest::renamed), "but other texts");
        refused();
        counts(audit(left));
        counts(audit("four"));
    }
}
