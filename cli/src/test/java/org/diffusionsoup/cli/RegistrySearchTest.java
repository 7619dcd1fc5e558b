package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A soup that a judge chose in the registry, and how it is chosen again when a shard leaves that
 * the judge saw: real models, drawn and judged.
 */
class RegistrySearchTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir private Path folder;
    private Path registry;
    private Path judge;
    private String method = "reverse-greedy";
    private Path prompts;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @BeforeEach
    void make() throws IOException {
        judge = TinyModels.copy(TinyModels.clip(), folder.resolve("judge"));
        prompts = folder.resolve("prompts.txt");
        Files.write(prompts, List.of("a cat", "a dog", "a red apple", "a house", "a blue car"));
        Path source = TinyTraining.shard(folder.resolve("all.tar"), 12, 16, "train");
        List<Sample> samples = Shard.open(source).samples();
        for (int i = 1; i <= 3; i++) {
            ShardWriter.write(folder.resolve("s" + i + ".tar"), samples.subList(3 * i, 3 * i + 3));
            TinyModels.ingredient(folder.resolve("w" + i), i);
        }
        registry = registry("registry", 1, 2, 3);
    }

    /** A registry with some of the ingredients. */
    private Path registry(String name, int... members) {
        Path at = folder.resolve(name);
        Run.at(at, "init").ok();
        Run.at(at, "base", "add", "base", TinyModels.sd15()).ok();
        for (int i : members) {
            String s = "s" + i;
            Run.at(at, "shard", "add", s, "--data", folder.resolve(s + ".tar")).ok();
            Run.at(
                            at,
                            "ingredient",
                            "add",
                            s,
                            "--weights",
                            folder.resolve("w" + i),
                            "--base",
                            "base",
                            "--shard",
                            s)
                    .ok();
        }
        return at;
    }

    private List<Object> words() {
        return List.of(
                "registry",
                "make",
                "best",
                "--search",
                method,
                "--judge",
                judge,
                "--prompts",
                prompts,
                "--validation",
                3,
                "--steps",
                1);
    }

    private Run choose(Path in, Object... more) {
        List<Object> words = new ArrayList<>(words());
        words.addAll(List.of(more));
        return Run.at(in, words.toArray());
    }

    private static JsonNode json(Run run) throws IOException {
        return JSON.readTree(run.ok().out());
    }

    private Path export(Path from, String name) {
        Path out = folder.resolve(name);
        Run.at(from, "export", "best", "-o", out).ok();
        return out.resolve("unet/diffusion_pytorch_model.safetensors");
    }

    @Test
    void aWithdrawalSearchesAgainAndEndsWhereARegistryWithoutTheShardDoes() throws IOException {
        JsonNode made = json(choose(registry, "--json"));
        JsonNode search = made.path("search");
        assertThat(search.path("method").asText()).isEqualTo("reverse-greedy");
        assertThat(search.path("candidates").size()).isBetween(4, 7);
        assertThat(made.path("ingredients").asInt()).isEqualTo(search.path("coefficients").size());

        // The judge has gone: nothing happens, and the sentence says what would help.
        Path moved = Files.move(judge, folder.resolve("moved"));
        Run.at(registry, "withdraw", "s2", "--reason", "asked")
                .fails(1, "is not at " + judge, "--judge", "--keep-selection");
        Files.move(TinyModels.otherClip(folder.resolve("other")), judge);
        Run.at(registry, "withdraw", "s2", "--reason", "asked")
                .fails(1, "has other weights than the one that chose before", "--keep-selection");
        assertThat(Run.at(registry, "show", "s2").ok().out()).doesNotContain("withdrawn");

        Path certificate = folder.resolve("certificate.json");
        JsonNode withdrawn =
                json(
                        Run.at(
                                registry,
                                "withdraw",
                                "s2",
                                "--reason",
                                "asked",
                                "--judge",
                                moved,
                                "-o",
                                certificate,
                                "--json"));
        assertThat(withdrawn.path("made")).hasSize(1);
        JsonNode soup = JSON.readTree(certificate.toFile()).path("soups").get(0);
        assertThat(soup.path("selection").asText())
                .startsWith("chosen by a search that saw none of the withdrawn data");
        Run.at(registry, "fsck").ok();
        Run.of(
                        "verify",
                        certificate,
                        "--key",
                        registry.resolve("registry.pub"),
                        "--store",
                        registry.resolve("store"))
                .ok();

        Path never = registry("never", 1, 3);
        judge = moved;
        choose(never).ok();
        assertThat(export(registry, "here")).hasSameBinaryContentAs(export(never, "there"));

        // One candidate left: no judge is needed.
        Files.move(moved, folder.resolve("away"));
        Run.at(registry, "withdraw", "s1", "--reason", "asked").ok();
        assertThat(Run.at(registry, "show", "best").ok().out()).contains("s3");
        Run.at(registry, "withdraw", "s3", "--reason", "asked").ok();
        Run.at(registry, "fsck").ok();
    }

    private Path[] journals() throws IOException {
        Path searches = registry.resolve("searches");
        if (!Files.isDirectory(searches)) {
            return new Path[0];
        }
        try (Stream<Path> files = Files.list(searches)) {
            return files.filter(f -> f.toString().endsWith(".jsonl")).toArray(Path[]::new);
        }
    }

    /** Whether a search that was not there before has scored a candidate. */
    private BooleanSupplier aScoreBeside(Path... known) {
        return () -> {
            try {
                for (Path journal : journals()) {
                    if (!List.of(known).contains(journal)
                            && Files.readAllLines(journal).size() > 1) {
                        return true;
                    }
                }
                return false;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    /** Stopped, searches say what is kept of them, and the same command goes on from there. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aSearchThatIsStoppedGoesOn() throws Exception {
        Object[] make = {
            "registry",
            "make",
            "best",
            "--search",
            "greedy",
            "--judge",
            judge,
            "--prompts",
            prompts,
            "--validation",
            3,
            "--steps",
            20,
            "--registry",
            registry,
            "--json"
        };
        Stopped stopped = Stopped.when(aScoreBeside(), folder, make);
        Path[] first = journals();
        assertThat(first).hasSize(1);
        assertThat(stopped.sentence())
                .contains("candidates scored so far are in " + first[0], "goes on from there");
        assertThat(Run.at(registry, "log").ok().out()).doesNotContain("best@1");
        JsonNode search = json(Run.of(make)).path("search");
        assertThat(search.path("scored_now").asInt()).isLessThan(search.path("candidates").size());

        Object[] withdraw = {
            "withdraw", "s2", "--reason", "asked", "--registry", registry, "--json"
        };
        stopped = Stopped.when(aScoreBeside(first), folder, withdraw);
        assertThat(stopped.sentence())
                .contains("nothing was withdrawn", "goes on from there", "searches");
        assertThat(Run.at(registry, "show", "s2").ok().out()).doesNotContain("withdrawn");
        Path[] both = journals();
        assertThat(both).hasSize(2);
        assertThat(json(Run.of(withdraw)).path("made")).hasSize(1);
        assertThat(journals()).containsExactlyInAnyOrder(both);
        Run.at(registry, "fsck").ok();
    }

    /** Scores without a checksum may be anybody's: nothing that is signed rests on them. */
    @Test
    void aJournalWithoutChecksumsIsNotGoneOnWith() throws IOException {
        Path other = registry("other", 1, 2, 3);
        JsonNode made = json(choose(registry, "--json"));
        json(choose(other, "--json"));
        assertThat(journals()).hasSize(1);
        Path journal = journals()[0];
        Path same = other.resolve("searches").resolve(journal.getFileName());
        List<String> lines = Files.readAllLines(same);
        List<String> forged = new ArrayList<>(lines.subList(0, 1));
        for (String line : lines.subList(1, lines.size())) {
            if (!line.startsWith("{\"shares\"")) {
                continue;
            }
            // Whoever has fewer ingredients is better, by far.
            String score = String.valueOf(9.0 - line.split("\"s[123]\"", -1).length);
            int scores = line.substring(line.indexOf("\"scores\"")).split(",").length - 1;
            forged.add(
                    line.replaceFirst(
                            "\"mean\".*",
                            "\"mean\":%s,\"scores\":[%s]}"
                                    .formatted(
                                            score,
                                            String.join(",", Collections.nCopies(scores, score)))));
        }
        Files.write(same, forged);
        List<Object> aloud = new ArrayList<>(words());
        aloud.addAll(List.of("--registry", other));
        Run again = Run.of(aloud.toArray()).ok();
        assertThat(again.err())
                .contains(same.toString(), "without a checksum", "scored anew")
                .contains(same.getFileName() + ".unchecked");
        assertThat(again.out()).containsPattern(" (\\d+) candidates \\(\\1 scored now\\)");
        assertThat(same.resolveSibling(same.getFileName() + ".unchecked"))
                .hasContent(String.join("\n", forged));
        // With checksums the same command scores nothing again.
        JsonNode search = json(choose(other, "--json")).path("search");
        assertThat(search.path("coefficients")).isEqualTo(made.path("search").path("coefficients"));
        assertThat(search.path("scored_now").asInt()).isZero();
    }

    /** What could not be made in the end is refused before a candidate is drawn. */
    @Test
    void whatCannotBeMadeIsRefusedBeforeTheSearch() throws IOException {
        choose(registry, "--from", "s1,s1,s2").fails(1, "'s1' is named twice");
        Run.at(
                        registry,
                        "registry",
                        "make",
                        "7",
                        "--search",
                        "greedy",
                        "--judge",
                        judge,
                        "--prompts",
                        prompts)
                .fails(1, "'7' cannot name a soup");
        assertThat(journals()).isEmpty();
    }

    @Test
    void keepingTheSelectionNeedsNoJudge() throws IOException {
        method = "leave-one-out"; // leaves at least two of three
        choose(registry).ok();
        Files.move(judge, folder.resolve("moved"));
        Path certificate = folder.resolve("certificate.json");
        Run.at(
                        registry,
                        "withdraw",
                        "s2",
                        "--reason",
                        "asked",
                        "--keep-selection",
                        "-o",
                        certificate)
                .ok();
        assertThat(Files.readString(certificate)).contains("with the help of the withdrawn data");
    }

    @Test
    void whatIsMissingIsNamed() {
        Run.at(registry, "registry", "make", "best", "--search", "greedy").fails(2, "--judge");
        choose(registry, "--follow").fails(2, "--follow");
        choose(registry, "--from", "s1").fails(1, "at least two ingredients");
        choose(registry, "--from", "s1,nobody").fails(1, "'nobody'");
        Run.at(registry, "registry", "make", "best", "--judge", judge, "--from", "s1,s2")
                .fails(2, "--search METHOD");
        Run.at(
                        registry,
                        "registry",
                        "make",
                        "best",
                        "--search",
                        "magic",
                        "--judge",
                        judge,
                        "--prompts",
                        prompts)
                .fails(2, "'magic'", "greedy, reverse-greedy");
    }
}
