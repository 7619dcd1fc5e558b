package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JudgeCommandTest {
    private static final Path DRAWINGS = Path.of("../shards/drawings");
    private static final Path MODELS = Path.of("../models");

    @TempDir private Path dir;

    @Test
    void captionsAloneGiveNoQuestions() throws IOException {
        Path out = dir.resolve("none.json");
        Path photos = Files.createDirectory(dir.resolve("photos"));
        for (int i = 0; i < 3; i++) {
            BufferedImage noise = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
            int seed = i;
            IntStream.range(0, 1024)
                    .forEach(k ->
                            noise.setRGB(k % 32, k / 32, new Random(seed * 1024L + k).nextInt()));
            ImageIO.write(noise, "png", photos.resolve(i + ".png").toFile());
            Files.writeString(photos.resolve(i + ".txt"), "picture " + i);
        }
        Path tar = dir.resolve("plain.tar");
        Run.of("data", "import", photos, "--provider", "me", "--licence", "CC0-1.0", "-o", tar)
                .ok();
        Run.of("judge", "questions", tar, "-o", out).fails(1, "Nothing can be asked about " + tar);
        assertThat(out).doesNotExist();
    }

    @Test
    void questionsAreWrittenAsTifaKeepsThem() throws IOException {
        Path shard = TinyTraining.shard(dir.resolve("a.tar"), 8, 16, "train");
        Path out = dir.resolve("questions.json");
        Run run = Run.of("judge", "questions", shard, "-o", out).ok();
        assertThat(run.out()).contains("questions.json: ").contains("color");
        assertThat(Files.readString(out))
                .contains("\"caption\" : \"plain square number 0\"")
                .contains("\"element_type\" : \"color\"");
        Run again = Run.of("judge", "questions", shard, "-o", dir.resolve("b.json"), "--json").ok();
        assertThat(again.out()).contains("\"byElementType\"").contains("\"questions\"");
        assertThat(dir.resolve("b.json")).hasSameBinaryContentAs(out);

        // A file of questions is replaced, as the help says, and no other JSON.
        assertThat(Run.of("judge", "questions", "--help").ok().out())
                .contains("The question file; replaced if it is one.");
        Path mine = dir.resolve("mine.json");
        for (String text : List.of("[]", "{\"caption\": \"a cat\"}", "[{\"id\": 1}]", "words")) {
            Files.writeString(mine, text);
            Run.of("judge", "questions", shard, "-o", mine).fails(1, "mine.json");
            assertThat(mine).hasContent(text);
        }
        Path fewer = TinyTraining.shard(dir.resolve("fewer.tar"), 4, 16, "train");
        Run.of("judge", "questions", fewer, "-o", out).ok();
        assertThat(Files.size(out)).isLessThan(Files.size(dir.resolve("b.json")));
    }

    @Test
    void aTrainedClipJudges() throws IOException {
        Path shard = TinyTraining.shard(dir.resolve("a.tar"), 8, 16, "train");
        Path work = dir.resolve("work");
        Path clip = dir.resolve("clip");
        Run.of(
                        "judge", "train", "clip", "--data", shard, "--work", work, "-o", clip,
                        "--steps", 2, "-q")
                .ok();
        assertThat(Files.readString(work.resolve("clip-loss.csv")).lines()).hasSize(3);
        Run inspected = Run.of("inspect", clip).ok();
        assertThat(inspected.out()).contains("judge train clip").contains("data_sha256");
        Run score = Run.of("score", "--judge", clip, "--shard", shard, "--split", "all").ok();
        assertThat(score.out()).contains("CLIP clip");
    }

    @Test
    void aBlipIsTrainedThenTurnedIntoARewardModel() throws IOException {
        Path shard = TinyTraining.shard(dir.resolve("a.tar"), 8, 64, "train");
        Path vqa = dir.resolve("vqa");
        Path reward = dir.resolve("reward");
        train("vqa", shard, vqa);
        assertThat(vqa).isDirectoryContaining("glob:**vocab.txt");
        train("reward", shard, reward, "--vqa", vqa, "--base", TinyTraining.BASE);
        assertThat(reward.resolve("vocab.txt")).hasSameBinaryContentAs(vqa.resolve("vocab.txt"));
        Run inspected = Run.of("inspect", reward.resolve("model.safetensors")).ok();
        assertThat(inspected.out()).contains("judge train reward").contains("from_sha256");

        // Heads and encoders are there, but nothing was learnt in two steps: a check says so.
        Path clip = dir.resolve("clip");
        Path aesthetic = dir.resolve("aesthetic");
        train("clip", shard, clip);
        train("aesthetic", shard, aesthetic, "--clip", clip, "--base", TinyTraining.BASE);
        Run.of(
                        "judge",
                        "check",
                        "--data",
                        shard,
                        "--reward",
                        reward,
                        "--base",
                        TinyTraining.BASE,
                        "-q")
                .fails(1, "needs both training and held-out rows");
    }

    private void train(String judge, Path shard, Path out, Object... more) {
        Object[] args = {
            "judge",
            "train",
            judge,
            "--data",
            shard,
            "--work",
            dir.resolve("w-" + judge),
            "-o",
            out,
            "--steps",
            2,
            "-q"
        };
        Run.of(Stream.concat(Arrays.stream(args), Arrays.stream(more)).toArray()).ok();
    }

    @Test
    void aStoppedTrainingOfOtherSettingsIsNotGoneOnWith() throws IOException {
        Path shard = TinyTraining.shard(dir.resolve("a.tar"), 8, 16, "train");
        Path out = dir.resolve("vqa");
        train("vqa", shard, out);
        byte[] first = Files.readAllBytes(out.resolve("model.safetensors"));
        train("vqa", shard, out); // everything was done: the same again
        assertThat(Files.readAllBytes(out.resolve("model.safetensors"))).isEqualTo(first);
        Run.of(
                        "judge",
                        "train",
                        "vqa",
                        "--data",
                        shard,
                        "--work",
                        dir.resolve("w-vqa"),
                        "-o",
                        out,
                        "--steps",
                        3,
                        "-q")
                .fails(
                        1,
                        "checkpoint of a different run",
                        "give another --work, or remove the folder");
        Run.of("judge", "train", "reward", "--scenes", "--work", dir.resolve("w"), "-o", out)
                .fails(2, "--vqa DIR is missing");
        Run.of("judge", "train", "aesthetic", "--scenes", "--work", dir.resolve("w"), "-o", out)
                .fails(2, "--clip DIR is missing");
    }

    @Test
    void scenesAreAskedAboutWhatIsOnThem() throws IOException {
        Path tar = dir.resolve("prompts.tar");
        Run.of(
                        "data",
                        "build-scenes",
                        "--drawings",
                        DRAWINGS,
                        "--rows",
                        0,
                        "--heldout",
                        12,
                        "-o",
                        tar,
                        "-q")
                .ok();
        Path out = dir.resolve("scene-questions.json");
        Run run = Run.of("judge", "questions", tar, "-o", out).ok();
        assertThat(run.out())
                .containsPattern("object +\\d")
                .containsPattern("counting +\\d")
                .containsPattern("location +\\d")
                .containsPattern("attribute +12");
        JsonNode questions = new ObjectMapper().readTree(out.toFile());
        assertThat(questions.findValuesAsText("question"))
                .contains("what is in the picture?", "what color is the background?");
        assertThat(questions.findValuesAsText("caption"))
                .allMatch(c -> c.contains(" background, "));
    }

    /** From a judge of emoji: its shape and vocabulary stay, and the header says what it was. */
    @Test
    void judgesGoOnWithScenes() throws IOException {
        for (String judge : List.of("clip", "vqa", "reward")) {
            Path from = MODELS.resolve(judge.equals("clip") ? "judge-clip" : "emoji-" + judge);
            Path out = dir.resolve(judge);
            Run.of(
                            "judge",
                            "train",
                            judge,
                            "--scenes",
                            "--drawings",
                            DRAWINGS,
                            "--from",
                            from,
                            "--work",
                            dir.resolve("w-" + judge),
                            "-o",
                            out,
                            "--steps",
                            1,
                            "-q")
                    .ok();
            Run inspected = Run.of("inspect", out.resolve("model.safetensors")).ok();
            assertThat(inspected.out()).contains("judge train " + judge).contains("from_sha256");
            String words = judge.equals("clip") ? "vocab.json" : "vocab.txt";
            assertThat(out.resolve(words)).hasSameBinaryContentAs(from.resolve(words));
        }
        assertThat(Files.readString(dir.resolve("clip/config.json")))
                .isEqualTo(Files.readString(MODELS.resolve("judge-clip/config.json")));
    }

    /** Judges of emoji fail the exam on scenes, and the report says where. */
    @Test
    void aCheckOnScenesSaysWhichGoalsAreMet() throws IOException {
        Object[] check = {
            "judge",
            "check",
            "--scenes",
            "--drawings",
            DRAWINGS,
            "--limit",
            8,
            "--clip",
            MODELS.resolve("judge-clip"),
            "--vqa",
            MODELS.resolve("emoji-vqa"),
            "--reward",
            MODELS.resolve("emoji-reward"),
            "--aesthetic",
            MODELS.resolve("emoji-aesthetic"),
            "--json"
        };
        JsonNode report = new ObjectMapper().readTree(Run.of(check).ok().out());
        Map<String, JsonNode> byTask = new HashMap<>();
        report.get("accuracies")
                .forEach(
                        a -> byTask.put(a.get("judge").asText() + " " + a.get("task").asText(), a));
        Map<String, Double> goals =
                Map.of(
                        "vqa objects", 0.95,
                        "vqa colours", 0.95,
                        "vqa counts", 0.9,
                        "vqa positions", 0.9,
                        "clip best of 100 prompts that differ in one attribute", 0.8,
                        "reward undamaged before damaged, both as captioned", 0.92);
        goals.forEach((task, goal) -> {
            assertThat(byTask).containsKey(task);
            JsonNode line = byTask.get(task);
            assertThat(line.get("goal").asDouble()).isEqualTo(goal);
            assertThat(line.get("met").asBoolean()).isEqualTo(line.get("right").asDouble() >= goal);
        });
        assertThat(byTask.get("vqa objects").get("met").asBoolean()).isFalse();
        // Eight damages and their mean for each, swapped captions for the three that read.
        assertThat(report.get("falls").size()).isEqualTo(4 * 9 + 3);
        long met = 0;
        // Only questions have answers that were frequent in training.
        byTask.forEach((task, line) ->
                assertThat(line.get("blind").isNumber())
                        .as(task)
                        .isEqualTo(task.startsWith("vqa")));
        for (JsonNode fall : report.get("falls")) {
            assertThat(fall.get("means").size()).isEqualTo(5);
            met += fall.get("monotone").asBoolean() ? 1 : 0;
        }
        for (JsonNode line : report.get("accuracies")) {
            met += line.has("met") && line.get("met").asBoolean() ? 1 : 0;
        }
        assertThat(report.get("goalsMet").asLong()).isEqualTo(met).isPositive();
        assertThat(report.get("goals").asLong()).isGreaterThan(met);
    }

    /** Bounds far from chance and far below what docs/embedded-judges.md states. */
    @Test
    void theEmbeddedJudgesAreRightFarMoreOftenThanChance() throws IOException {
        Path models = Path.of("../models");
        Run run =
                Run.of(
                                "judge",
                                "check",
                                "--data",
                                "../shards/emoji",
                                "--limit",
                                48,
                                "--clip",
                                models.resolve("judge-clip"),
                                "--vqa",
                                models.resolve("emoji-vqa"),
                                "--reward",
                                models.resolve("emoji-reward"),
                                "--aesthetic",
                                models.resolve("emoji-aesthetic"),
                                "--base",
                                models.resolve("emoji-base"),
                                "--json")
                        .ok();
        JsonNode report = new ObjectMapper().readTree(run.out());
        Map<String, JsonNode> byTask = new HashMap<>();
        report.get("accuracies")
                .forEach(
                        a -> byTask.put(a.get("judge").asText() + " " + a.get("task").asText(), a));
        for (String task :
                List.of(
                        "vqa all questions",
                        "vqa colour, yes or no",
                        "reward better of two: all kinds",
                        "aesthetic better of two: all kinds")) {
            assertThat(byTask).containsKey(task);
            assertThat(byTask.get(task).get("beatsChance").asBoolean())
                    .as(String.valueOf(byTask.get(task)))
                    .isTrue();
        }
        // Of few pictures the CLIP has few subjects to choose from: only better than chance.
        JsonNode clip = byTask.get("clip all providers: subject in top 5, by caption");
        assertThat(clip.get("right").asDouble()).isGreaterThan(clip.get("chance").asDouble());
        for (JsonNode fall : report.get("falls")) {
            JsonNode means = fall.get("means");
            assertThat(means.get(0).asDouble())
                    .as(fall.toString())
                    .isGreaterThan(means.get(means.size() - 1).asDouble());
        }
        assertThat(report.get("falls").size()).isEqualTo(7);
    }

    @Test
    void captionsThatCannotBeSwappedAreToldBeforeAnythingIsDone() {
        Object[] args = {
            "judge",
            "check",
            "--data",
            "../shards/emoji",
            "--clip",
            MODELS.resolve("judge-clip"),
            "--reward",
            MODELS.resolve("emoji-reward"),
            "--base",
            dir.resolve("nothing is drawn"),
            "--limit",
            10
        };
        Run few = Run.of(args);
        few.fails(
                2, "--limit 10 leaves rows about one subject", "style twemoji", "give 15 or more");
        assertThat(few.err()).doesNotContain("held-out pictures", "nothing is drawn");
        // With as many as it says, it gets as far as the base.
        args[args.length - 1] = 15;
        Run.of(args).fails(1, "nothing is drawn");

        Path alone = TinyTraining.shard(dir.resolve("one.tar"), 1, 16, "heldout");
        args[3] = alone;
        Run.of(args).fails(1, "are all about one subject", "a view of the shard without");
    }

    @Test
    void whatCannotBeTrainedIsOneSentence() {
        Path shard = TinyTraining.shard(dir.resolve("h.tar"), 3, 16, "heldout");
        Run.of(
                        "judge",
                        "train",
                        "clip",
                        "--data",
                        shard,
                        "--work",
                        dir.resolve("w"),
                        "-o",
                        dir.resolve("o"),
                        "--steps",
                        1,
                        "-q")
                .fails(1, "has no rows to train on");
        Run.of("judge", "train", "clip", "--work", "w", "-o", "o")
                .fails(2, "--data SHARD or --scenes");
        Run.of("judge", "check", "--scenes", "--data", shard).fails(2, "--data SHARD or --scenes");
        Path anyFolder = TinyModels.sd15();
        Run.of(
                        "judge",
                        "check",
                        "--scenes",
                        "--drawings",
                        DRAWINGS,
                        "--limit",
                        3,
                        "-q",
                        "--clip",
                        anyFolder)
                .fails(1, "8 scenes or more");
        // none is shipped, and before drawings are read
        Run.of("judge", "check", "--scenes", "--drawings", "nowhere")
                .fails(2, "ame judges of scenes", "--clip");
        Run.of("judge", "check", "--scenes", "--drawings", "nowhere", "--vqa", "none")
                .fails(1, "There is no judge none", "train vqa --scenes");
        Run.of("judge", "train", "clip", "--scenes", "--validation", "--work", "w", "-o", "o")
                .fails(2, "--validation");
        Run.of("judge", "train", "ear", "--data", shard, "--work", "w", "-o", "o").fails(2, "ear");
        Run.of("judge", "train", "clip", "--data", shard, "--work", "w", "-o", "o", "--steps", -1)
                .fails(2, "--steps");
    }
}
