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
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup value} on tiny ingredients: real models, drawn and judged. */
class ValueCommandTest {
    private static final Path JUDGE = TinyModels.clip();

    @TempDir static Path folder;
    private static final List<Path> INGREDIENTS = new ArrayList<>();
    private static Path prompts = Path.of("");

    @BeforeAll
    static void make() throws IOException {
        Torch.setThreads(1);
        for (int i = 0; i < 3; i++) {
            INGREDIENTS.add(TinyModels.ingredient(folder.resolve("i" + i), i));
        }
        prompts = folder.resolve("prompts.txt");
        Files.write(prompts, List.of("a cat", "a dog", "a red apple"));
    }

    private static Object[] args(Path out, Object... more) {
        List<Object> args = new ArrayList<>(List.of("value"));
        args.addAll(INGREDIENTS);
        args.addAll(
                List.of(
                        "--base",
                        TinyModels.sd15(),
                        "--judge",
                        JUDGE,
                        "--prompts",
                        prompts,
                        "--steps",
                        1,
                        "--seeds",
                        "0-1",
                        "-o",
                        out,
                        "--json"));
        args.addAll(List.of(more));
        return args.toArray();
    }

    private static JsonNode json(Object... args) throws IOException {
        return new ObjectMapper().readTree(Run.of(args).ok().out());
    }

    private static double sum(JsonNode json) {
        double sum = 0;
        for (JsonNode p : json.path("players")) {
            sum += p.path("shapley").path("estimate").asDouble();
        }
        return sum;
    }

    private static double score(Path model) throws IOException {
        List<Object> score =
                new ArrayList<>(List.of("score", "--judge", JUDGE, "--model", model, "--steps", 1));
        score.addAll(List.of("--seeds", "0-1", "--json", "--prompts", prompts));
        return json(score.toArray())
                .path("models")
                .get(0)
                .path("score")
                .path("estimate")
                .asDouble();
    }

    @Test
    void theValuesOfThreeIngredientsAreThoseOfTheirEightSoups() throws IOException {
        Path out = folder.resolve("values.csv");
        Path page = folder.resolve("values.html");
        JsonNode json = json(args(out, "--page", page));
        assertThat(json.path("coalitions")).hasSize(8);
        assertThat(json.path("scored_now").asInt()).isEqualTo(8);
        String few = "prompts bootstrap intervals are too narrow";
        assertThat(json.path("caution").asText()).contains(few);
        assertThat(sum(json))
                .isCloseTo(json.path("gain").path("estimate").asDouble(), within(1e-9));

        // Nobody is the base, everyone is the soup that soup make writes, as soup score scores
        // them.
        Path soup = folder.resolve("soup");
        List<Object> make = new ArrayList<>(List.of("make"));
        make.addAll(INGREDIENTS);
        make.addAll(List.of("-o", soup));
        Run.of(make.toArray()).ok();
        assertThat(json.path("all").path("estimate").asDouble())
                .isCloseTo(score(soup), within(1e-6));
        assertThat(json.path("base").path("estimate").asDouble())
                .isCloseTo(score(TinyModels.sd15()), within(1e-6));
        assertThat(json.path("players").get(1).path("alone").path("estimate").asDouble())
                .isCloseTo(score(INGREDIENTS.get(1)) - score(TinyModels.sd15()), within(1e-6));

        List<String> lines = Files.readAllLines(out);
        assertThat(lines).hasSize(4);
        assertThat(lines.get(2)).startsWith("\"i1\",\"i1\",");
        assertThat(lines.get(2).split(",")).hasSize(12);
        assertThat(Files.readString(page))
                .contains("Shapley value", few, "<svg", "1/3 i0 + 1/3 i1");

        assertThat(page)
                .content()
                .containsPattern("Gain over the base: [+−]?0\\.\\d{4} \\[[+−]?0\\.\\d{4}, ");
        Object[] others = args(out);
        others[List.of(others).indexOf("0-1")] = "1-2";
        Run.of(others)
                .fails(
                        1,
                        "values.csv.journal.jsonl is not of this valuation: its scores were made with"
                                + " other settings (seeds [0, 1], now [1, 2])");

        // A killed run goes on; groups use what is known; the table is its own to replace.
        Path journal = folder.resolve("values.csv.journal.jsonl");
        List<String> whole = Files.readAllLines(journal);
        Files.write(journal, whole.subList(0, 5));
        JsonNode again = json(args(out));
        assertThat(again.path("scored_now").asInt()).isEqualTo(4);
        assertThat(again.path("players")).isEqualTo(json.path("players"));
        assertThat(Files.readAllLines(journal)).isEqualTo(whole);
        JsonNode groups = json(args(out, "--group", "pair=i0,i2"));
        assertThat(groups.path("scored_now").asInt()).isZero();
        assertThat(groups.path("coalitions")).hasSize(4);
        assertThat(groups.path("players").get(0).path("name").asText()).isEqualTo("pair");
        assertThat(groups.path("players").get(0).path("ingredients")).hasSize(2);
        assertThat(groups.path("gain")).isEqualTo(json.path("gain"));
        assertThat(sum(groups))
                .isCloseTo(json.path("gain").path("estimate").asDouble(), within(1e-9));
        JsonNode sampled = json(args(out, "--permutations", 4));
        assertThat(sampled.path("scored_now").asInt()).isZero();
        // Two pairs of three players name all eight coalitions: nothing is left to chance.
        assertThat(sampled.path("method").asText()).isEqualTo("exact");
        assertThat(sampled.path("players")).isEqualTo(json.path("players"));
        assertThat(sum(sampled))
                .isCloseTo(json.path("gain").path("estimate").asDouble(), within(1e-9));
        assertThat(sampled.path("players").get(0).path("leave_one_out"))
                .isEqualTo(json.path("players").get(0).path("leave_one_out"));
    }

    @Test
    void permutationsTellWhatTheyKnowOfTheirError() throws IOException {
        List<Object> words = new ArrayList<>(List.of(args(folder.resolve("some.csv"))));
        words.remove("--json");
        words.addAll(List.of("--journal", folder.resolve("some.jsonl"), "--permutations", 4));
        Run three = Run.of(words.toArray()).ok();
        assertThat(three.err())
                .contains("The 4 permutations need all 8 coalitions; the values are exact.");
        assertThat(three.out())
                .contains("exact, from all 8 coalitions")
                .doesNotContain("sampling ±", "0.0000  ");
        for (int i = 3; i < 5; i++) {
            words.add(1, TinyModels.ingredient(folder.resolve("more" + i), i));
        }
        words.set(words.indexOf("--journal") + 1, folder.resolve("five.jsonl"));
        Path page = folder.resolve("some.html");
        words.addAll(List.of("--page", page));
        Run five = Run.of(words.toArray()).ok();
        assertThat(five.out())
                .contains("from 4 permutations in antithetic pairs, too few to tell")
                .contains("10 or more come with a standard error", "unknown");
        assertThat(page).content().contains("too few to tell");
        assertThat(Files.readAllLines(folder.resolve("some.csv")).get(1).split(",", -1)[5])
                .isEmpty();
        words.set(words.indexOf("--permutations") + 1, 10);
        words.add("--json");
        JsonNode ten = new ObjectMapper().readTree(Run.of(words.toArray()).ok().out());
        assertThat(ten.path("method").asText()).isEqualTo("permutations");
        assertThat(ten.at("/players/0/sampling_error").asDouble()).isPositive();
    }

    @Test
    void aProviderIsTheGroupOfItsIngredientsInTheLedger() throws IOException {
        Path registry = folder.resolve("registry");
        Run.at(registry, "init").ok();
        Run.at(registry, "base", "add", "tiny", TinyModels.sd15()).ok();
        List<String> providers = List.of("acme", "initech", "acme");
        for (int i = 0; i < 3; i++) {
            Path photos = Files.createDirectory(folder.resolve("photos" + i));
            DocumentsTest.photo(photos, "picture" + i);
            Path tar = folder.resolve("shard" + i + ".tar");
            Run.of(
                            "data",
                            "import",
                            photos,
                            "--provider",
                            providers.get(i),
                            "--licence",
                            "CC0-1.0",
                            "--size",
                            64,
                            "-o",
                            tar)
                    .ok();
            Run.at(registry, "shard", "add", "s" + i, "--data", tar).ok();
            Run.at(
                            registry,
                            "ingredient",
                            "add",
                            "n" + i,
                            "--base",
                            "tiny",
                            "--shard",
                            "s" + i,
                            "--weights",
                            INGREDIENTS.get(i))
                    .ok();
        }
        JsonNode json =
                json(args(folder.resolve("p.csv"), "--by", "provider", "--registry", registry));
        assertThat(json.path("players").findValuesAsText("name")).contains("acme", "initech");
        assertThat(json.path("players")).hasSize(2);
        assertThat(json.path("players").get(0).path("ingredients").toString())
                .isEqualTo("[\"i0\",\"i2\"]");
        Path other = TinyModels.ingredient(folder.resolve("i9"), 9);
        List<Object> unknown =
                new ArrayList<>(List.of(args(folder.resolve("q.csv"), "--by", "provider")));
        unknown.addAll(List.of("--registry", registry));
        unknown.add(1, other);
        Run.of(unknown.toArray()).fails(1, "no ingredient of the registry", "--group");
        recordedValuesLeaveWithTheirIngredient(registry);
    }

    private void recordedValuesLeaveWithTheirIngredient(Path registry) throws IOException {
        Run.at(registry, "registry", "make", "two", "--from", "n0,n1").ok();
        Run.at(registry, "registry", "make", "whole", "--from", "n0,n1,n2").ok();
        Object[] record = args(folder.resolve("r.csv"), "--record", "two", "--registry", registry);
        Run.of(record).fails(1, "Soup two@1 is made of other ingredients", "[n0, n1]");
        JsonNode recorded =
                json(args(folder.resolve("r.csv"), "--record", "whole", "--registry", registry));
        long entry = recorded.path("entry").asLong();
        assertThat(Run.at(registry, "log").ok().out()).contains("value of whole@1");
        Run gone = Run.at(registry, "withdraw", "s1", "--reason", "asked").ok();
        assertThat(gone.out())
                .containsPattern(
                        "worth +i1: [+-]0\\.\\d{4} \\[[+-]0\\.\\d{4}, [+-]0\\.\\d{4}] by .* in soup"
                                + " whole@1 \\(Shapley; left out .*; entry "
                                + entry
                                + "\\)");
        assertThat(gone.out()).doesNotContain("worth      i0");
        Run.at(registry, "fsck").ok();
    }

    @Test
    void whatIsMissingIsNamedInOneSentence() throws IOException {
        Path out = folder.resolve("none.csv");
        Object a = INGREDIENTS.getFirst();
        Run.of("value", a, "--base", a, "--judge", JUDGE, "--prompts", prompts, "-o", out)
                .fails(2, "at least two ingredients");
        Run.of(args(out, "--by", "colour")).fails(2, "use provider");
        Run.of(args(out, "--group", "x")).fails(2, "NAME=a,b");
        Run.of(args(out, a)).fails(1, "Two ingredients are called 'i0'");
        Run.of(args(out, "--group", "x=i0,nobody")).fails(2, "nobody", "none of the ingredients");
        Run.of(args(out, "--group", "x=i0,i1", "--group", "y=i1")).fails(1, "x and in y");
        Run.of(args(out, "--group", "i2=i0,i1")).fails(1, "name it otherwise");
        Run.of(args(out, "--group", "x=i0,i1,i2")).fails(1, "only [x] to value");
        Run.of(args(out, "--permutations", 5)).fails(2, "even number of at least 4");
        Run.of(args(folder.resolve("none.html"))).fails(1, ".csv");
        Path mine = Files.writeString(folder.resolve("mine.csv"), "name,phone\n");
        Run.of(args(mine)).fails(1, "not a table of values");
        assertThat(Files.exists(out)).isFalse();
    }
}
