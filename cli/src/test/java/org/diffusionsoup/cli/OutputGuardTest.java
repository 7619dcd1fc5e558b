package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.ProjectFiles;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.OwnOutputs;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/**
 * No command replaces anything but an output of its own kind: not the program, not a person's
 * files, allowed to or not. {@link #COMMANDS} has every command that writes where it is told; one
 * that is missing fails {@link #everyCommandThatWritesIsHere}.
 */
@ResourceLock(ProjectFiles.HOME)
class OutputGuardTest {
    /** A command line in which OUT is the output; the guard comes before anything else is read. */
    private static final List<String> COMMANDS =
            List.of(
                    "make A B -o OUT --force",
                    "merge A B -o OUT --force",
                    "adjust A --add B -o OUT --force",
                    "cook RECIPE -o OUT --force",
                    "convert MODEL -o OUT --force",
                    "lora fuse --model MODEL --lora A:0.7 -o OUT --force",
                    "lora merge A B -o OUT --force",
                    "lora extract MODEL MODEL --rank 2 -o OUT --force",
                    "lora resize A --rank 2 -o OUT --force",
                    "reproduce A -o OUT",
                    "search greedy MODEL MODEL --judge CLIP --prompts PROMPTS --validation 3 -o OUT --force",
                    "search reverse-greedy MODEL MODEL --judge CLIP --prompts PROMPTS --validation 3 -o OUT --force",
                    "search leave-one-out MODEL MODEL --judge CLIP --prompts PROMPTS --validation 3 -o OUT --force",
                    "search simplex MODEL MODEL --judge CLIP --prompts PROMPTS --validation 3 -o OUT --force",
                    "search greedy A B --judge CLIP --prompts PROMPTS --validation 3 -o NEW --page OUT",
                    "search reverse-greedy A B --judge CLIP --prompts PROMPTS --validation 3 -o NEW --page OUT",
                    "search leave-one-out A B --judge CLIP --prompts PROMPTS --validation 3 -o NEW --page OUT",
                    "search simplex A B --judge CLIP --prompts PROMPTS --validation 3 -o NEW --page OUT",
                    "value MODEL MODEL --base MODEL --judge CLIP --prompts PROMPTS -o OUT",
                    "value A B --base A --judge CLIP --prompts PROMPTS -o TABLE --page OUT",
                    "study propositions --samples 100 --repeats 2 --training-steps 0 -o OUT",
                    "study costs --model MODEL --members 1,2 -o OUT",
                    "study linear --base MODEL --model A --model B -o OUT",
                    "study naf --samples 100 -o OUT",
                    "train --base MODEL --shard TAR -o OUT --force",
                    "pretrain --work NEW -o OUT",
                    "generate --model MODEL --prompt x -o OUT",
                    "generate --model MODEL --prompt x --each OUT",
                    "evaluate RECIPE -o OUT",
                    "diff A B --plot OUT",
                    "audit --model MODEL --shard TAR --judge CLIP --page OUT",
                    "judge train clip --data TAR --work NEW -o OUT",
                    "judge classifier --base MODEL --shard TAR --shard TAR --work NEW -o OUT",
                    "study report PHOTOS -o OUT",
                    "judge questions TAR -o OUT",
                    "data import PHOTOS --provider me --licence CC0-1.0 -o OUT --force",
                    "data damage TAR -o OUT --force",
                    "data filter TAR --clip-score 0.2 --judge CLIP -o OUT --force",
                    "data retrieve TAR --prompt x --k 1 --judge CLIP -o OUT --force",
                    "data split TAR --random 2 -o OUT --force",
                    "data dedup TAR -o OUT --force",
                    "data dedup TAR --page OUT --force",
                    "data sheet TAR -o OUT --force",
                    "data build-emoji -o OUT --force",
                    "data build-drawings --no-openclipart -o OUT --force",
                    "data drawings -o OUT --force",
                    "data scenes -o OUT --force",
                    "data build-scenes --rows 1 --heldout 0 -o OUT --force",
                    "bench make-model --shape sd-1.5 -o OUT",
                    "demo --quick -o OUT",
                    "lineage --registry REGISTRY -o OUT",
                    "certificate 1 --registry REGISTRY -o OUT",
                    "withdraw noto --reason ended --registry REGISTRY -o OUT",
                    "export everyone --registry REGISTRY -o OUT");

    /** Options that say where something is written. */
    private static final Set<String> OUTPUTS =
            Set.of("--out", "--page", "--plot", "--each", "--clip-out", "--cache");

    /** Files go into a folder of these, under names of their own; or names are made from OUT. */
    private static final Set<String> OTHERWISE =
            Set.of(
                    "soup bench make-checkpoints --out",
                    "soup data build-emoji --cache",
                    "soup data build-drawings --cache",
                    "soup evaluate --cache",
                    "soup pull --cache",
                    "soup study run --cache",
                    "soup study run --out",
                    "soup split --out");

    @TempDir private Path temp;
    private Path home = Path.of("");
    private String homeBefore = "";

    @BeforeEach
    void project() throws IOException {
        homeBefore = System.getProperty(ProjectFiles.HOME, "");
        home = Files.createDirectory(temp.resolve("project"));
        System.setProperty(ProjectFiles.HOME, home.toString());
        write("soup", "#!/bin/sh\nexit 0\n");
        write("pom.xml", "<project/>");
        write("README.md", "# Read me\n");
        write("core/pom.xml", "<project/>");
        write("core/src/main/java/Main.java", "class Main {}");
        write(".git/HEAD", "ref: refs/heads/main\n");
        write("docs/page.md", "# A page\n");
        MergeModels.folder(home.resolve("models/base"), 1);
        write("mine/notes.txt", "notes");
        write("mine/run.sh", "#!/bin/sh\n");
        write("mine/data.json", "{\"mine\": true}");
        write("mine/index.html", "<!DOCTYPE html><title>mine</title>");
        write("mine/drawing.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
        Files.write(home.resolve("mine/photo.png"), PNG);
        Files.write(home.resolve("mine/diary.tar"), diary());
        PngFiles.write(
                home.resolve("docs/picture.png"),
                new RgbImage(8, 8, new byte[3 * 8 * 8]),
                OwnOutputs.MARK);
        MergeModels.folder(home.resolve("mine/model"), 2);
        write("mine/model/thesis/chapter1.txt", "It is");
        MergeModels.file(temp.resolve("a.safetensors"), 3);
        MergeModels.file(temp.resolve("b.safetensors"), 4);
        Files.writeString(temp.resolve("prompts.txt"), "a\nb\nc\nd\ne\nf\n");
        Files.writeString(temp.resolve("recipe.yaml"), "inputs: {}\n");
        Files.createDirectories(temp.resolve("photos"));
    }

    private static final byte[] PNG =
            "\u0089PNG\r\n\u001a\nsomebody's".getBytes(StandardCharsets.ISO_8859_1);

    @AfterEach
    void back() {
        System.setProperty(ProjectFiles.HOME, homeBefore);
    }

    private void write(String name, String text) throws IOException {
        Path file = home.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private Object[] words(String command, Path out) {
        Map<String, Object> values =
                Map.ofEntries(
                        Map.entry("OUT", out),
                        Map.entry("NEW", temp.resolve("new")),
                        Map.entry("TABLE", temp.resolve("new.csv")),
                        Map.entry("A", temp.resolve("a.safetensors")),
                        Map.entry("B", temp.resolve("b.safetensors")),
                        Map.entry("MODEL", TinyModels.sd15()),
                        Map.entry("CLIP", TinyModels.clip()),
                        Map.entry("RECIPE", temp.resolve("recipe.yaml")),
                        Map.entry("PROMPTS", temp.resolve("prompts.txt")),
                        Map.entry("PHOTOS", temp.resolve("photos")),
                        Map.entry("REGISTRY", temp.resolve("registry")),
                        Map.entry("TAR", temp.resolve("some.tar")));
        return Stream.of(command.split(" "))
                .map(w -> w.equals("A:0.7") ? values.get("A") + ":0.7" : values.getOrDefault(w, w))
                .toArray();
    }

    @TestFactory
    Stream<DynamicTest> everyCommandLeavesEverythingElseAlone() {
        return COMMANDS.stream()
                .map(command -> DynamicTest.dynamicTest(command, () -> leavesAlone(command)));
    }

    private void leavesAlone(String command) throws IOException {
        Map<String, String> before = contents(home);
        List<String> targets =
                List.of(
                        "soup",
                        "pom.xml",
                        "README.md",
                        "core",
                        "core/src",
                        ".git",
                        "models",
                        "docs",
                        ".",
                        "..",
                        "../project",
                        "mine",
                        "mine/notes.txt",
                        "mine/run.sh",
                        "mine/data.json",
                        "mine/index.html",
                        "mine/drawing.svg",
                        "mine/photo.png",
                        "mine/diary.tar",
                        "docs/picture.png",
                        "mine/model",
                        "core/src/../../soup");
        for (String target : targets) {
            if (target.equals("docs/picture.png") && !command.contains("--force")) {
                continue; // by such a command, which replaces what it drew before
            }
            Run run = Run.of(words(command, home.resolve(target)));
            assertThat(run.status()).as("%s -> %s: %s", command, target, run.out()).isNotZero();
            assertThat(run.err()).as("%s -> %s", command, target).doesNotContain("internal error");
            assertThat(contents(home).equals(before))
                    .as("%s -> %s: %s", command, target, run.err())
                    .isTrue();
            if (target.equals("soup")
                    && !command.contains("--each")
                    && !command.contains(
                            "lineage")) { // it is the guard that speaks, not another mistake
                assertThat(run.err()).as(command).contains("is the program's launcher");
            }
        }
    }

    /** A tar of something else than a shard. */
    private static byte[] diary() {
        byte[] tar = new byte[4 * 512];
        byte[] text = "dear diary".getBytes(StandardCharsets.US_ASCII);
        put(tar, 0, "diary.txt");
        put(tar, 124, "00000000012");
        put(tar, 156, "0");
        put(tar, 257, "ustar");
        System.arraycopy(text, 0, tar, 512, text.length);
        return tar;
    }

    private static void put(byte[] tar, int at, String text) {
        System.arraycopy(text.getBytes(StandardCharsets.US_ASCII), 0, tar, at, text.length());
    }

    @Test
    void everyCommandThatWritesIsHere() {
        Set<String> found = new TreeSet<>();
        collect(Parse.commandLine(), found);
        Set<String> tested =
                COMMANDS.stream()
                        .map(OutputGuardTest::outputOf)
                        .collect(Collectors.toCollection(TreeSet::new));
        tested.addAll(OTHERWISE);
        assertThat(tested).isEqualTo(found);
    }

    private static String outputOf(String command) {
        List<String> words = List.of(command.split(" "));
        String option = words.get(words.indexOf("OUT") - 1).replaceFirst("^-o$", "--out");
        CommandLine.ParseResult parsed =
                Parse.commandLine().parseArgs(words.toArray(String[]::new));
        while (parsed.hasSubcommand()) {
            parsed = parsed.subcommand();
        }
        return parsed.commandSpec().qualifiedName() + " " + option;
    }

    private static void collect(CommandLine line, Set<String> found) {
        for (OptionSpec option : line.getCommandSpec().options()) {
            for (String name : option.names()) {
                if (OUTPUTS.contains(name)) {
                    found.add(line.getCommandSpec().qualifiedName() + " " + name);
                }
            }
        }
        line.getSubcommands().values().forEach(sub -> collect(sub, found));
    }

    private static Map<String, String> contents(Path folder) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path f : all.filter(Files::isRegularFile).toList()) {
                contents.put(
                        folder.relativize(f).toString(),
                        new String(Files.readAllBytes(f), StandardCharsets.ISO_8859_1));
            }
        }
        return contents;
    }

    @Test
    void theSentenceSaysWhatIsThereAndWhatToDo() {
        Object a = temp.resolve("a.safetensors");
        Run.of("make", a, a, "-o", home.resolve("soup"), "--force")
                .fails(1, "is the program's launcher", "never replaced", "another --out");
        Run.of("make", a, a, "-o", home.resolve("core"), "--force")
                .fails(1, "a part of Diffusion Soup itself");
        Run.of("make", a, a, "-o", home, "--force").fails(1, "the folder of Diffusion Soup itself");
        Run.of("make", a, a, "-o", temp, "--force")
                .fails(1, "a folder around Diffusion Soup itself");
        Run.of("make", a, a, "-o", home.resolve("mine/notes"), "--force").ok();
        Run.of("make", a, a, "-o", home.resolve("mine/run.sh"), "--force")
                .fails(1, "its ending .sh does not say", "mine/run.safetensors");
        Run.of("make", a, a, "-o", home.resolve("mine"), "--force")
                .fails(1, "mine is a folder, not a model", "not even with --force");
        Run.of("make", a, a, "-o", home.resolve("mine/model"), "--force")
                .fails(1, "holds 'thesis', which is no part of a model");
        Run.of("make", a, a, "-o", home.resolve("models/base"), "--force")
                .fails(1, "models/ of Diffusion Soup itself");
        Run.of("make", a, a, "-o", "/dev/null", "--force").fails(1, "a device or a pipe");
    }

    @Test
    void aNameSaysWhatIsWritten() {
        Object a = temp.resolve("a.safetensors");
        for (String ending : List.of("ckpt", "pt", "bin", "PNG", "gguf", "json", "tar")) {
            Path out = temp.resolve("x." + ending);
            Run.of("make", a, a, "-o", out)
                    .fails(1, "ending ." + ending.toLowerCase(), "x.safetensors");
            Run.of("merge", a, a, "-o", out).fails(1, "ending ." + ending.toLowerCase());
            assertThat(out).doesNotExist();
        }
        Run.of(
                        "generate",
                        "--model",
                        TinyModels.sd15(),
                        "--prompt",
                        "x",
                        "-o",
                        temp.resolve("s.jpg"))
                .fails(1, "PNG", "ending .jpg", "s.png");
        Path model = TinyModels.sd15();
        Run.of("make", model, model, "-o", temp.resolve("m.safetensors"))
                .fails(
                        1,
                        "m.safetensors names a file, and a model folder is made here",
                        "as " + temp.resolve("m"));
        Run.of("convert", model, "-o", temp.resolve("m.ckpt")).fails(1, "ending .ckpt");
        Run.of("train", "--base", model, "--shard", "none.tar", "-o", temp.resolve("m.safetensors"))
                .fails(2, "names a LoRA's file: add --lora RANK, or name a folder");
        Run.of("make", a, a, "-o", temp.resolve("v1.5")).ok(); // no ending of any format
    }

    /** A file is never put where a slash says that a folder is meant. */
    @Test
    void aSlashAtTheEndNamesAFolder() throws IOException {
        Object a = temp.resolve("a.safetensors");
        String folder = temp.resolve("dir") + "/";
        Object model = TinyModels.sd15();
        List<List<Object>> files =
                List.of(
                        List.of("generate", "--model", model, "--prompt", "x", "-o", folder),
                        List.of("data", "sheet", "none.tar", "-o", folder),
                        List.of("data", "filter", "none.tar", "--aesthetic", 5, "-o", folder),
                        List.of("diff", a, a, "--plot", folder),
                        List.of("judge", "questions", "none.tar", "-o", folder),
                        List.of("data", "dedup", "none.tar", "--page", folder),
                        List.of("lineage", "-o", folder));
        for (List<Object> words : files) {
            Run.of(words.toArray())
                    .fails(2, folder + " names a folder by the slash at its end", "dir/NAME");
        }
        for (List<Object> words :
                List.<List<Object>>of(
                        List.of("make", a, a, "-o", folder),
                        List.of("merge", a, a, "-o", folder),
                        List.of("reproduce", a, "-o", folder),
                        List.of("convert", model, "-o", folder))) {
            Run.of(words.toArray()).fails(2, folder + " names a folder", "dir.safetensors");
        }
        assertThat(temp.resolve("dir")).doesNotExist();
        Run.of("make", model, model, "-o", folder).ok();
        assertThat(temp.resolve("dir/model_index.json")).isRegularFile();
    }

    /**
     * Without an ending nothing would say what a file holds; only models may be called anything.
     */
    @Test
    void filesOfOneFormatEndInIt() throws IOException {
        Path out = temp.resolve("cats");
        Object model = TinyModels.sd15();
        Run.of("generate", "--model", model, "--prompt", "x", "-o", out)
                .fails(1, "name it", ".png");
        Run.of("data", "sheet", "none.tar", "-o", out).fails(1, "name it", ".png");
        Run.of("data", "dedup", "none.tar", "--page", out).fails(1, "name it", ".html");
        Run.of("data", "filter", "none.tar", "--aesthetic", 5, "-o", out).fails(1, ".tar");
        Run.of("judge", "questions", "none.tar", "-o", out).fails(1, "name it", ".json");
        assertThat(out).doesNotExist();
    }

    /** What the command made it makes again; a checkpoint of somebody else it leaves alone. */
    @Test
    void checkpointsToMeasureWithReplaceTheirOwnKindOnly() throws IOException {
        Path bench = temp.resolve("bench");
        List<Object> make =
                List.of("bench", "make-checkpoints", "-o", bench, "--count", 2, "--divisor", 512);
        Run.of(make.toArray()).ok();
        Path second = bench.resolve("ingredient-02.safetensors");
        byte[] made = Files.readAllBytes(second);
        Run.of(make.toArray()).ok();
        assertThat(Files.readAllBytes(second)).isEqualTo(made);
        assertThat(Run.of("inspect", second).ok().out()).contains("bench make-checkpoints");

        Files.copy(
                temp.resolve("a.safetensors"),
                second,
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        byte[] others = Files.readAllBytes(second);
        Files.delete(bench.resolve("ingredient-01.safetensors"));
        Run.of(make.toArray()).fails(1, "ingredient-02.safetensors", "not a checkpoint by");
        assertThat(Files.readAllBytes(second)).isEqualTo(others);
        assertThat(bench.resolve("ingredient-01.safetensors")).doesNotExist();
        // a soup of such checkpoints is not taken for one of them
        Path soup = temp.resolve("bench-soup/ingredient-01.safetensors");
        Run.of(
                        make.toArray()[0],
                        "make-checkpoints",
                        "-o",
                        temp.resolve("b2"),
                        "--count",
                        1,
                        "--divisor",
                        512)
                .ok();
        Path one = temp.resolve("b2/ingredient-01.safetensors");
        Files.createDirectory(soup.getParent());
        Run.of("merge", one, one, "-o", soup).ok();
        Run.of("bench", "make-checkpoints", "-o", soup.getParent(), "--count", 1, "--divisor", 512)
                .fails(1, "not a checkpoint by");
    }

    @Test
    void outputsMayBeNamedInAnyWay() throws IOException {
        Path cwd = Path.of("").toAbsolutePath();
        Path up = cwd.relativize(temp.toRealPath());
        List<Path> made = new ArrayList<>();
        for (String name : List.of("./x", "sub/../y", "z/", "./w/./v")) {
            Path out = Path.of(up + "/" + name);
            Run.of("make", TinyModels.sd15(), TinyModels.sd15(), "-o", out).ok();
            made.add(out);
        }
        made.forEach(out -> assertThat(out.resolve("model_index.json")).isRegularFile());
        Run.of("make", TinyModels.sd15(), TinyModels.sd15(), "-o", Path.of(up + "/new/.."))
                .fails(1, "it ends in no name");
    }
}
