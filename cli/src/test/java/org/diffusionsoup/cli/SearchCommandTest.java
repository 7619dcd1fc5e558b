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
import java.util.Random;
import java.util.stream.Stream;
import org.diffusionsoup.core.Checkpoint;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.SafetensorsFile;
import org.diffusionsoup.core.SafetensorsWriter;
import org.diffusionsoup.core.TensorEntry;
import org.diffusionsoup.core.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup search} on tiny ingredients of one base: real models, drawn and judged. */
class SearchCommandTest {
    private static final Path JUDGE = TinyModels.clip();
    private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

    @TempDir static Path folder;
    private static final List<Path> INGREDIENTS = new ArrayList<>();
    private static Path prompts = Path.of("");

    /** Ingredients: the tiny model with its UNet's weights moved at random. */
    @BeforeAll
    static void make() throws IOException {
        Torch.setThreads(1);
        for (int i = 0; i < 3; i++) {
            Path to = folder.resolve("i" + i);
            copy(TinyModels.sd15(), to);
            move(to.resolve(WEIGHTS), i);
            INGREDIENTS.add(to);
        }
        prompts = folder.resolve("prompts.txt");
        Files.write(prompts, List.of("a cat", "a dog", "a red apple", "a house", "a blue car"));
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path f : all.toList()) {
                Path target = to.resolve(from.relativize(f).toString());
                if (Files.isDirectory(f)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(f, target);
                }
            }
        }
    }

    private static void move(Path file, long seed) {
        Random random = new Random(seed);
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] w =
                        f.data(t.name())
                                .toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED);
                for (int j = 0; j < w.length; j++) {
                    w[j] += (float) (0.1 * random.nextGaussian() * w[j]);
                }
                entries.add(TensorEntry.ofFloats(t.name(), t.shape(), w));
            }
        }
        SafetensorsWriter.write(file, Map.of("format", "pt"), entries);
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
        assertThat(Files.readString(page)).contains("Decisions", "a cat".substring(0, 1), "<img");
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
        Run.of(other.toArray()).fails(1, "belongs to another search", "guidance");
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

    @Test
    void whatIsMissingIsNamedInOneSentence() {
        Path out = folder.resolve("none");
        Object a = INGREDIENTS.getFirst();
        Run.of("search", "greedy", a, "--judge", JUDGE, "--prompts", prompts, "-o", out)
                .fails(2, "at least two ingredients");
        Run.of("search", "greedy", a, INGREDIENTS.get(1), "--judge", JUDGE, "-o", out)
                .fails(2, "no prompts");
        Run.of(args("greedy", out, "--accept", "maybe").toArray()).fails(2, "any or clear");
        Run.of(args("simplex", out, "--optimizer", "magic").toArray()).fails(2, "cma-es");
        Run.of(args("greedy", out, "--budget", 2).toArray()).fails(1, "2 evaluations");
        Run.of(args("greedy", INGREDIENTS.get(1)).toArray()).fails(1, "exists already");
        List<Object> few = args("greedy", out);
        few.set(few.indexOf("--validation") + 1, 5);
        Run.of(few.toArray()).fails(1, "2 to test on");
    }
}
