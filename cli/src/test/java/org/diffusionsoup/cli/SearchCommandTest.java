package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup search} on tiny ingredients of one base: real models, drawn and judged. */
class SearchCommandTest {
    private static final Path JUDGE = TinyModels.clip();

    @TempDir static Path folder;
    private static final List<Path> INGREDIENTS = new ArrayList<>();
    private static Path prompts = Path.of("");

    /** Ingredients: the tiny model with its UNet's weights moved at random. */
    @BeforeAll
    static void make() throws IOException {
        Torch.setThreads(1);
        for (int i = 0; i < 3; i++) {
            INGREDIENTS.add(TinyModels.ingredient(folder.resolve("i" + i), i));
        }
        prompts = folder.resolve("prompts.txt");
        Files.write(prompts, List.of("a cat", "a dog", "a red apple", "a house", "a blue car"));
    }

    private static List<Object> args(String method, Path out, Object... more) {
        List<Object> args = new ArrayList<>(List.of("search", method));
        args.addAll(INGREDIENTS);
        args.addAll(
                List.of(
                        "--judge",
                        JUDGE,
                        "--prompts",
                        prompts,
                        "--validation",
                        3,
                        "--steps",
                        1,
                        "--seeds",
                        "0-1",
                        "-o",
                        out,
                        "--json"));
        args.addAll(List.of(more));
        return args;
    }

    private static JsonNode json(List<Object> args) throws IOException {
        return new ObjectMapper().readTree(Run.of(args.toArray()).ok().out());
    }

    @Test
    void greedyWritesTheSoupItScoredAndReportsItOnOtherPrompts() throws IOException {
        Path out = folder.resolve("greedy");
        Path page = folder.resolve("page.html");
        JsonNode json = json(args("greedy", out, "--page", page));
        assertThat(json.path("candidates")).hasSize(5);
        assertThat(json.path("scored_now").asInt()).isEqualTo(5);
        assertThat(json.path("validation_prompts")).hasSize(3);
        assertThat(json.path("test_prompts")).hasSize(2);
        String few = "Of 2 prompts bootstrap intervals are too narrow";
        assertThat(json.path("caution").asText()).startsWith(few);
        double best = 0;
        for (JsonNode c : json.path("candidates")) {
            best = Math.max(best, c.path("score").asDouble());
        }
        assertThat(json.path("score").asDouble()).isEqualTo(best);

        // What was written scores what the candidate in memory scored.
        for (String set : List.of("validation_prompts", "test_prompts")) {
            List<Object> score =
                    new ArrayList<>(
                            List.of(
                                    "score", "--judge", JUDGE, "--model", out, "--steps", 1,
                                    "--seeds", "0-1", "--json"));
            json.path(set).forEach(p -> score.addAll(List.of("--prompt", p.asText())));
            double mean =
                    json(score).path("models").get(0).path("score").path("estimate").asDouble();
            JsonNode last = json.path("test").get(json.path("test").size() - 1);
            double wanted =
                    set.equals("test_prompts")
                            ? last.path("score").path("estimate").asDouble()
                            : json.path("score").asDouble();
            assertThat(mean).as(set).isCloseTo(wanted, within(1e-6));
        }
        Path journal = folder.resolve("greedy.search.jsonl");
        try (Checkpoint soup = Checkpoint.open(out)) {
            Map<String, String> header = soup.part("unet").metadata();
            assertThat(header.get("soup.search.method")).isEqualTo("greedy");
            assertThat(header.get("soup.search.journal_sha256"))
                    .isEqualTo(json.path("journal_sha256").asText())
                    .isEqualTo(Hashes.sha256(journal));
        }
        assertThat(Files.readString(page))
                .contains("Decisions", few, "a cat".substring(0, 1), "<img");
        Run.of("reproduce", out, "--inputs", folder).ok();
    }

    @Test
    void aKilledSearchGoesOnFromItsJournal() throws IOException {
        Path journal = folder.resolve("j.jsonl");
        JsonNode whole = json(args("reverse-greedy", folder.resolve("r1"), "--journal", journal));
        List<String> lines = Files.readAllLines(journal);
        Files.write(journal, lines.subList(0, 4));
        Files.writeString(
                journal, lines.get(4).substring(0, 30), java.nio.file.StandardOpenOption.APPEND);
        JsonNode rest = json(args("reverse-greedy", folder.resolve("r2"), "--journal", journal));
        assertThat(rest.path("coefficients")).isEqualTo(whole.path("coefficients"));
        assertThat(rest.path("score")).isEqualTo(whole.path("score"));
        assertThat(rest.path("scored_now").asInt()).isEqualTo(whole.path("candidates").size() - 3);
        assertThat(Files.readAllLines(journal)).isEqualTo(lines);
        List<Object> other = args("greedy", folder.resolve("r3"), "--journal", journal);
        other.addAll(List.of("--guidance", 2));
        Run.of(other.toArray()).fails(1, "is not of this search", "guidance");
    }

    @Test
    void aChangedScoreInTheJournalIsNotGoneOnWith() throws IOException {
        Path journal = folder.resolve("changed.jsonl");
        json(args("leave-one-out", folder.resolve("c1"), "--journal", journal));
        List<String> lines = new ArrayList<>(Files.readAllLines(journal));
        lines.set(2, lines.get(2).replaceFirst("scores\":\\[[^,]+", "scores\":[5.0"));
        Files.write(journal, lines);
        Run.of(args("leave-one-out", folder.resolve("c2"), "--journal", journal).toArray())
                .fails(1, "line 3 of the journal " + journal + " is damaged", "remove this line");
        assertThat(folder.resolve("c2")).doesNotExist();
        lines.remove(2);
        Files.write(journal, lines);
        JsonNode rest = json(args("leave-one-out", folder.resolve("c2"), "--journal", journal));
        assertThat(rest.path("scored_now").asInt()).isEqualTo(1);
    }

    @Test
    void leaveOneOutAndSimplexRunWithinTheirBudgets() throws IOException {
        JsonNode one = json(args("leave-one-out", folder.resolve("l"), "--accept", "clear"));
        assertThat(one.path("candidates")).hasSize(4);
        assertThat(one.path("steps")).hasSize(3);
        for (String optimizer : List.of("coordinate-descent", "cma-es")) {
            JsonNode simplex =
                    json(
                            args(
                                    "simplex",
                                    folder.resolve(optimizer),
                                    "--optimizer",
                                    optimizer,
                                    "--budget",
                                    6));
            assertThat(simplex.path("candidates")).hasSize(6);
            assertThat(simplex.path("note").asText()).contains("budget");
            assertThat(simplex.path("method").asText()).contains(optimizer);
        }
    }

    /** ImageReward, TIFA and the aesthetic head choose as CLIP does; their journals do not mix. */
    @Test
    void everyJudgeCanChoose() throws IOException {
        Path questions = folder.resolve("questions.json");
        List<String> rows = new ArrayList<>();
        for (String caption : Files.readAllLines(prompts)) {
            rows.add(
                    """
                    {"id": "%s", "caption": "%s", "question": "what color is it?",
                     "choices": ["red", "blue"], "answer": "red", "element_type": "color"}\
                    """
                            .formatted(caption, caption));
        }
        Files.writeString(questions, rows.toString());
        Path head = TinyModels.aestheticHead(folder.resolve("head.safetensors"));
        Map<String, String> judges =
                Map.of(
                        "imagereward:" + TinyModels.blip().resolve("tiny_imagereward.safetensors"),
                        "ImageReward",
                        "tifa:" + TinyModels.blip().resolve("tiny_blip_vqa.safetensors"),
                        "TIFA by",
                        "aesthetic:" + JUDGE + "," + head,
                        "aesthetic");
        for (Map.Entry<String, String> judge : judges.entrySet()) {
            Path out = folder.resolve("by-" + judge.getKey().substring(0, 4));
            List<Object> args = args("leave-one-out", out);
            args.set(args.indexOf("--judge") + 1, judge.getKey());
            if (judge.getKey().startsWith("tifa")) {
                args.addAll(List.of("--questions", questions));
            }
            JsonNode json = json(args);
            assertThat(json.path("judge").asText()).containsIgnoringCase(judge.getValue());
            assertThat(json.path("candidates")).hasSize(4);
            assertThat(json.path("judge_sha256").asText()).hasSize(64);
        }
        List<Object> mixed =
                args("leave-one-out", folder.resolve("m"), "--journal", folder + "/mixed.jsonl");
        json(mixed);
        mixed.set(mixed.indexOf("-o") + 1, folder.resolve("m2"));
        mixed.set(mixed.indexOf("--judge") + 1, "aesthetic:" + JUDGE + "," + head);
        Run.of(mixed.toArray()).fails(1, "is not of this search", "judge");

        // The questions are checked before anything is drawn.
        Files.writeString(questions, rows.subList(0, 4).toString());
        List<Object> few = args("greedy", folder.resolve("few"), "--questions", questions);
        few.set(
                few.indexOf("--judge") + 1,
                "tifa:" + TinyModels.blip().resolve("tiny_blip_vqa.safetensors"));
        Run.of(few.toArray()).fails(1, "no question about 'a blue car'");
    }

    @Test
    void whatIsMissingIsNamedInOneSentence() {
        Path out = folder.resolve("none");
        Object a = INGREDIENTS.getFirst();
        Run.of("search", "greedy", a, "--judge", JUDGE, "--prompts", prompts, "-o", out)
                .fails(2, "at least two ingredients");
        Run.of("search", "greedy", a, INGREDIENTS.get(1), "--judge", JUDGE, "-o", out)
                .fails(2, "no prompts");
        List<Object> asked = args("greedy", out);
        asked.set(asked.indexOf("--judge") + 1, "tifa:vqa");
        Run.of(asked.toArray()).fails(1, "name their file with --questions");
        asked.set(asked.indexOf("--judge") + 1, "nowhere");
        Run.of(asked.toArray()).fails(1, "Judge 'nowhere' needs the CLIP folder at nowhere");
        Run.of(args("greedy", out, "--accept", "maybe").toArray()).fails(2, "any or clear");
        Run.of(args("simplex", out, "--optimizer", "magic").toArray()).fails(2, "cma-es");
        Run.of(args("greedy", out, "--budget", 2).toArray()).fails(1, "2 evaluations");
        Run.of(args("greedy", INGREDIENTS.get(1)).toArray())
                .fails(1, INGREDIENTS.get(1).toString(), "it is not replaced");
        List<Object> few = args("greedy", out);
        few.set(few.indexOf("--validation") + 1, 5);
        Run.of(few.toArray()).fails(1, "2 to test on");
    }
}
