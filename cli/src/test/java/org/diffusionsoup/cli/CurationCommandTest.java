package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup data retrieve|filter|split|dedup} on the committed emoji. */
class CurationCommandTest {
    private static final Path EMOJI =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("shards/emoji");
    private static final String VIEW = EMOJI + "#provider=noto&domain=clothes";
    private static final Path CLIP = TinyModels.clip();

    @TempDir Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private static JsonNode json(Run run) throws IOException {
        return new ObjectMapper().readTree(run.ok().out());
    }

    private static List<String> keys(Path tar) {
        return Shard.open(tar).infos().stream().map(SampleInfo::key).toList();
    }

    @Test
    void retrieveTakesWhatComparingAllTakes() {
        Path out = folder.resolve("r.tar");
        Run.of(
                        "data",
                        "retrieve",
                        VIEW,
                        "--prompt",
                        "a shoe",
                        "--k",
                        7,
                        "--judge",
                        CLIP,
                        "-o",
                        out,
                        "--json")
                .ok();
        List<Sample> all = ShardRef.parse(VIEW).open().samples();
        try (ClipJudge judge = ClipJudge.load(CLIP, ClipConvention.RAW_COSINE)) {
            double[][] cosines =
                    judge.cosines(
                            all.stream().map(s -> PictureScores.picture(s.image())).toList(),
                            List.of("a shoe"));
            assertThat(keys(out))
                    .containsExactlyInAnyOrderElementsOf(
                            IntStream.range(0, all.size())
                                    .boxed()
                                    .sorted(Comparator.comparingDouble(i -> -cosines[i][0]))
                                    .limit(7)
                                    .map(i -> all.get(i).key())
                                    .toList());
        }
        assertThat(Shard.open(out).infos().getFirst().licence()).isEqualTo("Apache-2.0");
    }

    @Test
    void retrieveSaysWhatIsHeldOutAndThatThereAreNoMore() throws IOException {
        Shard all = ShardRef.parse(VIEW).open();
        Path out = folder.resolve("r.tar");
        Run run =
                Run.of(
                                "data",
                                "retrieve",
                                VIEW,
                                "--prompt",
                                "a shoe",
                                "--k",
                                1000,
                                "--judge",
                                CLIP,
                                "-o",
                                out)
                        .ok();
        assertThat(run.out())
                .contains(
                        "%d of %d rows, %d to train on, %d held out"
                                .formatted(
                                        all.size(),
                                        all.size(),
                                        all.train().size(),
                                        all.heldOut().size()));
        assertThat(run.err()).contains("Fewer than --k 1,000: " + VIEW + " has no more rows.");
        Path registry = folder.resolve("registry");
        Run.at(registry, "init").ok();
        Run added = Run.of("shard", "add", "s", "--data", out, "--registry", registry).ok();
        assertThat(added.out()).contains(all.train().size() + " pictures");
        assertThat(added.err())
                .contains(all.heldOut().size() + " held-out row", "recorded: no model learns");
    }

    @Test
    void aShardOfWhichNothingIsLeftIsNamedAndOwnShardsAreNotReplaced() throws IOException {
        Path one = Files.copy(Path.of("../shards/emoji/lineart.tar"), folder.resolve("one.tar"));
        Path two = Files.copy(one, folder.resolve("two.tar"));
        Path out = folder.resolve("D");
        assertThat(Run.of("data", "dedup", one, two, "-o", out).ok().out())
                .contains("no tar of two: each of its rows is a near-duplicate of an earlier one");
        assertThat(out.resolve("one.tar")).exists();
        Run.of("data", "split", one, "--random", 2, "-o", out, "--force").ok();
        Path mine = Files.copy(two, out.resolve("mine.tar"));
        Run.of("data", "split", one, "--random", 2, "-o", out, "--force")
                .fails(1, "'mine.tar', which was not written there", "not even with --force");
        assertThat(mine).hasSameBinaryContentAs(two);
    }

    @Test
    void aPageOfPairsShowsNoThresholdThatWasNotApplied() throws IOException {
        Path page = folder.resolve("pairs.html");
        Run.of("data", "dedup", VIEW, "--page", page).ok();
        assertThat(Files.readString(page))
                .contains("embeddings were not compared")
                .doesNotContain("embeddings 0");
        Run.of("data", "dedup", VIEW, "--page", page, "--judge", CLIP, "--force").ok();
        assertThat(Files.readString(page)).contains("embeddings 0.1");
    }

    @Test
    void filterKeepsTheRowsAboveTheThreshold() throws IOException {
        JsonNode all =
                json(
                        Run.of(
                                "data",
                                "filter",
                                VIEW,
                                "--clip-score",
                                -1,
                                "--judge",
                                CLIP,
                                "-o",
                                folder.resolve("all.tar"),
                                "--json"));
        assertThat(all.path("rows")).isEqualTo(all.path("rows_read"));
        double mean = all.path("means").get(0).asDouble();
        JsonNode some =
                json(
                        Run.of(
                                "data",
                                "filter",
                                VIEW,
                                "--clip-score",
                                mean,
                                "--judge",
                                CLIP,
                                "-o",
                                folder.resolve("some.tar"),
                                "--json"));
        assertThat(some.path("rows").asInt()).isBetween(1, all.path("rows").asInt() - 1);
        Run.of(
                        "data",
                        "filter",
                        VIEW,
                        "--clip-score",
                        2,
                        "-q",
                        "--judge",
                        CLIP,
                        "-o",
                        folder.resolve("none.tar"))
                .fails(1, "No row of");
        assertThat(folder.resolve("none.tar")).doesNotExist();
        Run.of("data", "filter", VIEW, "-o", folder.resolve("x.tar")).fails(2, "--clip-score");
    }

    @Test
    void splitsArePartitions() throws IOException {
        Shard all = ShardRef.parse(VIEW).open();
        List<String> whole = all.infos().stream().map(SampleInfo::key).toList();
        List<String> train = all.train().infos().stream().map(SampleInfo::key).toList();
        assertThat(train).hasSizeLessThan(whole.size());
        List<List<Object>> ways =
                List.of(
                        List.of("--random", 3),
                        List.of("--random", 3, "--include-heldout"),
                        List.of("--random", 3, "--disjoint"),
                        List.of("--by", "split"),
                        List.of("--by", "clip-score", "--shards", 5, "--judge", CLIP));
        for (int i = 0; i < ways.size(); i++) {
            Path out = folder.resolve("s" + i);
            List<Object> words = new ArrayList<>(List.of("data", "split", VIEW));
            words.addAll(ways.get(i));
            words.addAll(List.of("-o", out, "--json"));
            JsonNode result = json(Run.of(words.toArray()));
            List<String> together = new ArrayList<>();
            double before = Double.POSITIVE_INFINITY;
            for (JsonNode part : result.path("shards")) {
                together.addAll(keys(Path.of(part.path("file").asText())));
                if (part.has("highest")) {
                    assertThat(part.path("highest").asDouble()).isLessThanOrEqualTo(before);
                    before = part.path("lowest").asDouble();
                }
            }
            if (ways.get(i).contains("--by")) {
                assertThat(result.path("shards").findValuesAsText("name")).isSorted();
            }
            boolean everything =
                    ways.get(i).contains("--include-heldout") || ways.get(i).contains("split");
            assertThat(together)
                    .as("%s", ways.get(i))
                    .containsExactlyInAnyOrderElementsOf(everything ? whole : train);
            assertThat(result.path("heldout_left_out").asInt(-1))
                    .isEqualTo(everything ? 0 : whole.size() - train.size());
        }
        Path out = folder.resolve("AE");
        Path models = EMOJI.getParent().resolveSibling("models");
        JsonNode five =
                json(
                        Run.of(
                                "data",
                                "split",
                                VIEW,
                                "--by",
                                "aesthetic",
                                "--shards",
                                5,
                                "--judge",
                                models.resolve("judge-clip"),
                                "--head",
                                models.resolve("emoji-aesthetic"),
                                "-o",
                                out,
                                "--json"));
        assertThat(five.path("shards").findValuesAsText("name"))
                .containsExactly("AE1", "AE2", "AE3", "AE4", "AE5");
        assertThat(five.path("shards").get(0).path("lowest").asDouble())
                .isGreaterThanOrEqualTo(five.path("shards").get(4).path("highest").asDouble());
        assertThat(
                        Run.of("data", "split", VIEW, "--random", 2, "-o", folder.resolve("said"))
                                .ok()
                                .out())
                .contains(whole.size() - train.size() + " held-out rows left out");
        assertThat(
                        Run.of(
                                        "data",
                                        "split",
                                        VIEW,
                                        "--by",
                                        "clip-score",
                                        "--shards",
                                        2,
                                        "--judge",
                                        CLIP,
                                        "-o",
                                        folder.resolve("four"))
                                .ok()
                                .out()
                                .lines()
                                .limit(2))
                .allMatch(l -> l.matches(".*rows, scores -?\\d\\.\\d{4} to -?\\d\\.\\d{4}"));
        Path held = TinyTraining.shard(folder.resolve("held.tar"), 3, 16, "heldout");
        Run.of("data", "split", held, "--random", 2, "-q", "-o", folder.resolve("x"))
                .fails(1, "All 3 rows", "--include-heldout");
        Run.of("data", "split", VIEW, "-o", folder.resolve("x")).fails(2, "--shards");
        Run.of("data", "split", VIEW, "--by", "provider", "--shards", 3, "-o", folder.resolve("x"))
                .fails(2, "--shards says nothing with --by provider");
        Run.of("data", "split", VIEW, "--by", "weather", "-q", "-o", folder.resolve("x"))
                .fails(2, "weather");
    }

    @Test
    void picturesOfAnotherSizeThanTheBasesAreNotedOnce() {
        for (int side : new int[] {96, 64}) {
            Path shard = TinyTraining.shard(folder.resolve(side + ".tar"), 3, side, "train");
            Run run =
                    Run.of(
                                    "train",
                                    "--base",
                                    TinyTraining.BASE,
                                    "--shard",
                                    shard,
                                    "--steps",
                                    1,
                                    "--batch",
                                    1,
                                    "-o",
                                    folder.resolve("made" + side))
                            .ok();
            assertThat(run.err().lines().filter(l -> l.contains("was trained on 64×64")))
                    .hasSize(side == 64 ? 0 : 1);
        }
    }

    @Test
    void dedupReportsPairsAndWritesShardsWithoutThem() throws IOException {
        Path a = folder.resolve("a.tar");
        Run.of("data", "retrieve", VIEW, "--prompt", "a shoe", "--k", 5, "--judge", CLIP, "-o", a)
                .ok();
        Path clean = folder.resolve("clean");
        Path page = folder.resolve("pairs.html");
        JsonNode result =
                json(
                        Run.of(
                                "data", "dedup", a, VIEW, "--judge", CLIP, "-o", clean, "--page",
                                page, "--json"));
        int identical = 0;
        for (JsonNode pair : result.path("pairs")) {
            identical += pair.path("identical").asBoolean() ? 1 : 0;
        }
        assertThat(identical).isEqualTo(5);
        List<String> first = keys(clean.resolve("a.tar"));
        assertThat(result.path("written")).hasSize(2);
        List<String> second = keys(Path.of(result.path("written").get(1).asText()));
        assertThat(second).isNotEmpty().doesNotContainAnyElementsOf(first);
        assertThat(Files.readString(page)).contains("the same file", "data:image/png;base64,");
        Run.of("data", "dedup", a, "--max-bits", 40).fails(2, "--max-bits");
    }
}
