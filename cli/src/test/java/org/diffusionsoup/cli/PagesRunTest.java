package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.io.ProjectFiles;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * The shell blocks of README and of all pages of docs/, in the order of README's table, one after
 * the other in one folder, as somebody would type them who reads through. Training, drawing and
 * scoring take few steps and rows, and what runs for many minutes, or has to fetch packages, has
 * tests of its own; everything else is as it stands.
 */
@ResourceLock(ProjectFiles.HOME)
class PagesRunTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final Pattern PAGE = Pattern.compile("\\| \\[docs/([a-z-]+\\.md)\\]");
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```(\\S*)\n(.*?)^```$");
    private static final Pattern LONG =
            Pattern.compile(
                    "\\./soup (bench (?!make-checkpoints)|demo|evaluate|pretrain"
                            + "|judge (train|check)|data build-(emoji|drawings)).*");

    @TempDir private Path folder;
    private @Nullable String homeBefore;

    @BeforeEach
    void asTheLauncher() {
        homeBefore = System.setProperty(ProjectFiles.HOME, ROOT.toString());
    }

    @AfterEach
    void asBefore() {
        if (homeBefore == null) {
            System.clearProperty(ProjectFiles.HOME);
        } else {
            System.setProperty(ProjectFiles.HOME, homeBefore);
        }
    }

    @Test
    void everyPageRuns() throws IOException {
        prepare();
        List<String> failures = new ArrayList<>();
        List<String> times = new ArrayList<>();
        for (String page : pages()) {
            for (String command : commands(ROOT.resolve(page))) {
                if (LONG.matcher(command).matches()) {
                    continue;
                }
                String shortened = shortened(command);
                long start = System.nanoTime();
                Optional<String> failure = run(shortened);
                times.add("%6.1f s  %s".formatted((System.nanoTime() - start) / 1e9, shortened));
                failure.ifPresent(f -> failures.add(page + ": " + shortened + "\n" + f));
            }
        }
        Files.write(Path.of("target", "pages-run.txt"), times);
        assertThat(failures).isEmpty();
        assertThat(times).hasSizeGreaterThan(60);
    }

    /** Runs a line as if it were typed in the folder; what it says where it fails. */
    private Optional<String> run(String line) throws IOException {
        List<String> words = Parse.words(line);
        switch (words.getFirst()) {
            case "cp" -> {
                Files.copy(folder.resolve(words.get(1)), folder.resolve(words.get(2)));
                return Optional.empty();
            }
            case "mkdir" -> {
                Files.createDirectory(folder.resolve(words.get(1)));
                return Optional.empty();
            }
            case "echo" -> { // TEXT > FILE
                Files.writeString(folder.resolve(words.get(3)), words.get(1) + "\n");
                return Optional.empty();
            }
            default -> {}
        }
        Run run = Run.of(inFolder(words.subList(1, words.size())));
        // An audit that finds near copies says so with its status.
        boolean fine = run.status() == 0 || words.get(1).equals("audit") && run.status() == 1;
        return fine ? Optional.empty() : Optional.of(run.err());
    }

    /**
     * The same command line from anywhere: what picocli takes for a path, and tars and folders of
     * the project named as text, as absolute paths.
     */
    private Object[] inFolder(List<String> words) {
        CommandLine.ParseResult parsed =
                Parse.commandLine().parseArgs(words.toArray(String[]::new));
        while (parsed.hasSubcommand()) {
            parsed = parsed.subcommand();
        }
        Set<String> pathOptions = new HashSet<>();
        Set<String> paths = new HashSet<>();
        for (ArgSpec arg : parsed.matchedArgs()) {
            if (isPath(arg)) {
                if (arg instanceof OptionSpec option) {
                    pathOptions.addAll(List.of(option.names()));
                }
                paths.addAll(arg.originalStringValues());
            }
        }
        List<Object> placed = new ArrayList<>();
        String before = "";
        for (String word : words) {
            String w =
                    word.replaceAll("(^|[:,=])(models|shards|docs|recipes)/", "$1" + ROOT + "/$2/");
            boolean path =
                    before.startsWith("-") ? pathOptions.contains(before) : paths.contains(word);
            boolean file =
                    word.matches(".*\\.(tar|safetensors)") && Files.exists(folder.resolve(word))
                            || before.equals("--lora") && !word.matches("\\d+"); // no rank
            // a folder, perhaps with its shard or its weight behind it
            boolean model = before.equals("--model") || before.equals("--add");
            placed.add((path || file || model) && !w.startsWith("/") ? folder.resolve(w) : w);
            before = word;
        }
        if (parsed.commandSpec().findOption("--registry") != null
                && !words.contains("--registry")
                && !words.getFirst().equals("train")) {
            placed.addAll(List.of("--registry", folder.resolve("soup-registry")));
        }
        return placed.toArray();
    }

    private static boolean isPath(ArgSpec arg) {
        return arg.type() == Path.class || List.of(arg.auxiliaryTypes()).contains(Path.class);
    }

    /** Every page of the table with shell blocks has a place in it that is read. */
    @Test
    void theTableNamesEveryPage() throws IOException {
        List<String> listed = pages();
        try (var all = Files.list(ROOT.resolve("docs"))) {
            all.map(file -> "docs/" + file.getFileName())
                    .filter(name -> name.endsWith(".md"))
                    .forEach(name -> assertThat(listed).contains(name));
        }
    }

    private static List<String> pages() throws IOException {
        List<String> pages = new ArrayList<>(List.of("README.md"));
        Matcher m = PAGE.matcher(Files.readString(ROOT.resolve("README.md")));
        while (m.find()) {
            pages.add("docs/" + m.group(1));
        }
        return pages;
    }

    /** Lines of a page's shell blocks, without comments; a backslash joins lines. */
    private static List<String> commands(Path page) throws IOException {
        List<String> commands = new ArrayList<>();
        Matcher m = BLOCK.matcher(Files.readString(page));
        while (m.find()) {
            assertThat(m.group(1).isEmpty() && m.group(2).contains("./soup "))
                    .as("%s has a block of commands that is marked neither sh nor text", page)
                    .isFalse();
            if (m.group(1).equals("sh")) {
                for (String line : m.group(2).replace("\\\n", " ").split("\n", -1)) {
                    String command = line.replaceFirst("(^|\\s+)#( .*)?$", "").strip();
                    if (command.matches("(\\./soup|cp|mkdir|echo) .*")) {
                        commands.add(command);
                    }
                }
            }
        }
        return commands;
    }

    /** The same command with less work. */
    private static String shortened(String command) {
        String c =
                command.replaceAll("(provider=\\w+)(?=')", "$1&domain=body-parts")
                        .replaceAll("(domain=animals)(?=')", "$1&provider=noto")
                        .replaceAll("(domain=food)(?=')", "$1&provider=noto")
                        .replaceAll(
                                "shards/emoji(?=$| )",
                                "'shards/emoji#domain=body-parts&provider=noto'")
                        .replace("--split heldout", "--split train")
                        .replaceAll("--subjects \\d+", "--subjects 6")
                        .replace("--retrieval 5", "--retrieval 2")
                        .replace("docs/emoji-prompts.txt", "four-prompts.txt")
                        .replace("recipes/embedded/questions.json", "four-questions.json")
                        .replaceAll(
                                "(?<!provider=\\w{1,20}&)(split=heldout)(?=')",
                                "$1&provider=noto&domain=accessories")
                        .replace("--validation 20", "--validation 2")
                        .replace("--seeds 0-3", "--seeds 0")
                        .replace("--heldout 200", "--heldout 20")
                        .replace("--budget 40", "--budget 3")
                        .replaceAll("--k \\d+", "--k 12")
                        .replace("--steps 600 --keep-every 200", "--steps 6 --keep-every 2")
                        .replaceAll("step000([24])00", "step00000$1");
        String what = c.substring("./soup".length());
        if (what.startsWith(" train ")) {
            return c
                    + (c.contains("--steps") ? "" : " --steps 2")
                    + (c.contains("--batch") ? "" : " --batch 2");
        }
        if (what.startsWith(" judge classifier ")) {
            return c + " --steps 2";
        }
        if (what.startsWith(" study propositions ")) {
            return c + " --samples 100 --repeats 2 --training-steps 2";
        }
        if (what.startsWith(" study costs ")) {
            return c + " --members 1,2 --pictures 1 --steps 2 --repeats 2";
        }
        if (what.startsWith(" study linear ")) {
            return c + " --rows 2";
        }
        if (what.startsWith(" study naf ")) {
            return c + " --samples 100" + (c.contains("--soup") ? " --prompts 2 --steps 2" : "");
        }
        boolean draws =
                what.startsWith(" generate ")
                        || what.startsWith(" audit ")
                        || what.startsWith(" search ")
                        || what.startsWith(" value ")
                        || what.contains(" --search ")
                        || what.startsWith(" score ")
                                && !what.contains("--vae")
                                && !what.contains("--loss");
        if (!draws) {
            return c;
        }
        boolean rows =
                what.startsWith(" score ")
                        && what.contains("--shard ")
                        && !what.contains("--subjects");
        return c + " --steps 2" + (rows ? " --split TRAIN --subjects 3" : "");
    }

    private void prepare() throws IOException {
        Files.writeString(
                folder.resolve("four-prompts.txt"),
                "noto red apple\nnoto cat\nfluent car\ntwemoji heart\n");
        Files.writeString(folder.resolve("recipe.yaml"), firstRecipe());
        Files.writeString(
                folder.resolve("four-questions.json"),
                """
                [{"id": "1", "caption": "noto red apple", "question": "is this an apple?",
                  "choices": ["yes", "no"], "answer": "yes", "element_type": "object"},
                 {"id": "2", "caption": "noto cat", "question": "is this a cat?",
                  "choices": ["yes", "no"], "answer": "yes", "element_type": "object"},
                 {"id": "4", "caption": "fluent car", "question": "is this a car?",
                  "choices": ["yes", "no"], "answer": "yes", "element_type": "object"},
                 {"id": "3", "caption": "noto dog", "question": "is this a dog?",
                  "choices": ["yes", "no"], "answer": "yes", "element_type": "object"}]
                """);
    }

    private static String firstRecipe() throws IOException {
        Matcher m = BLOCK.matcher(Files.readString(ROOT.resolve("docs/recipes.md")));
        while (m.find()) {
            if (m.group(1).equals("yaml")) {
                return m.group(2);
            }
        }
        throw new AssertionError("docs/recipes.md shows no recipe");
    }
}
