package org.diffusionsoup.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.StringEntry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.diffusionsoup.cli.SoupCli;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.start.Commands;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The library speaks of settings; flags are what the command line calls them. */
class WordingTest {
    private static final String ROOT = "org.diffusionsoup.";

    /** {@code --steps}, {@code --%s}, {@code --} before a variable, or {@code -o} as a word. */
    private static final Pattern FLAG =
            Pattern.compile("(?<![\\w-])(--[a-z%\u0001]|-[A-Za-z](?=[\\s',;.)]|$))");

    private static final Pattern SETTING = Pattern.compile("`([A-Za-z0-9]+)`");

    /** Classes whose strings hold flags, and why they may. */
    private static final Map<String, String> FLAGGED =
            Map.of(
                    "core.torch.TorchZip", "flags of zip",
                    "data.artwork.NpmPackages", "flags of npm",
                    "registry.certificate.Certificates",
                            "a certificate, whose text is signed, names the commands that check it",
                    "bench.MergeBenchmark", "starts soup as a process",
                    "bench.RegistryBenchmark", "starts soup as a process",
                    "workbench.demo.DemoReport",
                            "the page, a file, shows the command that makes it again");

    /** What is no failure: caught where it is waited for, and of another kind by need. */
    private static final Map<String, String> SIGNALS =
            Map.of(
                    "core.safetensors.HeaderText$Bad", "checked, so that no reader forgets it",
                    "workbench.hub.Transfer$Stopped", "thrown through streams, as an IOException");

    private static final JavaClasses ALL =
            new ClassFileImporter()
                    .withImportOption(new ImportOption.DoNotIncludeTests())
                    .importPackages("org.diffusionsoup");

    private static final List<JavaClass> LIBRARY =
            ALL.stream().filter(c -> !c.getName().startsWith(ROOT + "cli.")).toList();

    @Test
    void theLibraryNamesNoFlags() {
        Map<String, Set<String>> found = new TreeMap<>();
        for (JavaClass c : LIBRARY) {
            strings(c)
                    .filter(s -> FLAG.matcher(s).find())
                    .forEach(s -> found.computeIfAbsent(own(c), k -> new TreeSet<>()).add(s));
        }
        assertThat(found.keySet()).as("strings %s", found).isEqualTo(FLAGGED.keySet());
    }

    @Test
    void everySettingThatTheLibraryNamesIsAnOption() {
        Set<String> settings =
                LIBRARY.stream()
                        .flatMap(WordingTest::strings)
                        .flatMap(s -> SETTING.matcher(s).results().map(m -> m.group()))
                        .collect(Collectors.toCollection(TreeSet::new));
        Set<String> options = new TreeSet<>();
        Commands.all().forEach(c -> addOptions(c, options));
        assertThat(settings).contains("`steps`", "`maxBits`", "`learningRate`");
        assertThat(settings).allSatisfy(s -> assertThat(Flags.in(s)).isIn(options));
    }

    @Test
    void theCommandLineNamesNoSettings() {
        List<JavaClass> cli = ALL.stream().filter(c -> !LIBRARY.contains(c)).toList();
        Predicate<String> named = s -> SETTING.matcher(s).results().anyMatch(WordingTest::isFlag);
        assertThat(cli).isNotEmpty();
        assertThat(cli.stream().flatMap(WordingTest::strings).filter(named))
                .allMatch(s -> s.contains("`predictionType` says it"));
    }

    @Test
    void exceptionsHaveOneRoot() {
        Set<String> others =
                ALL.stream()
                        .filter(c -> c.isAssignableTo(Throwable.class))
                        .filter(c -> !c.isAssignableTo(SoupException.class))
                        .map(WordingTest::name)
                        .collect(Collectors.toCollection(TreeSet::new));
        assertThat(others).isEqualTo(SIGNALS.keySet());
    }

    @Test
    void aFlagIsSeen() {
        assertThat(
                        Stream.of(
                                "--steps is 0",
                                "add --force",
                                "soup convert a -o b",
                                "(-q)",
                                "with --%s"))
                .allMatch(s -> FLAG.matcher(s).find());
        assertThat(Stream.of("a--b", "1 - x", "half-open", "`steps` is 0", "-1", "x-y"))
                .noneMatch(s -> FLAG.matcher(s).find());
        JavaClass own = new ClassFileImporter().importClass(WordingTest.class);
        assertThat(strings(own)).contains("add --force");
    }

    private static boolean isFlag(MatchResult setting) {
        return !Flags.in(setting.group()).equals(setting.group());
    }

    private static void addOptions(CommandLine command, Set<String> options) {
        options.addAll(command.getCommandSpec().optionsMap().keySet());
        options.addAll(command.getCommandSpec().negatedOptionsMap().keySet());
        command.getSubcommands().values().forEach(c -> addOptions(c, options));
    }

    /** {@code "%,d".formatted(1024)} is 1.024 on a German machine; our sentences are English. */
    @Test
    void numbersAreWrittenAlikeOnEveryMachine() throws IOException {
        String literal = "\"(?:[^\"\\\\\n]|\\\\.)*\"";
        Pattern formatted =
                Pattern.compile(
                        "(%s(?:\\s*\\+\\s*%s)*)\\s*\\)?\\s*\\.formatted\\("
                                .formatted(literal, literal));
        Pattern number = Pattern.compile("%[-+0 #]*(?:,|\\d*\\.\\d+[feg])");
        assertThat(number.matcher("%,d %s").find()).isTrue();
        assertThat(formatted.matcher("(\"%.2f \" + \"%s\").formatted(x)").find()).isTrue();
        Path root = Path.of("").toAbsolutePath().getParent();
        List<String> found = new ArrayList<>();
        for (String module :
                List.of(
                        "core",
                        "image",
                        "data",
                        "diffusion",
                        "eval",
                        "report",
                        "registry",
                        "workbench",
                        "bench",
                        "cli")) {
            try (Stream<Path> files = Files.walk(root.resolve(module).resolve("src/main/java"))) {
                for (Path f :
                        (Iterable<Path>)
                                files.filter(p -> p.toString().endsWith(".java"))::iterator) {
                    formatted
                            .matcher(Files.readString(f))
                            .results()
                            .map(m -> m.group(1))
                            .filter(text -> number.matcher(text).find())
                            .forEach(text -> found.add(f.getFileName() + ": " + text));
                }
            }
        }
        assertThat(found).as("String.format(Locale.ROOT, ...) says them alike").isEmpty();
    }

    /** What prints by the default locale, as printf does, prints by none. */
    @Test
    void aCommandSpeaksEnglishWhateverTheMachineSpeaks() {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.GERMANY);
            StringWriter out = new StringWriter();
            int status =
                    new SoupCli(new PrintWriter(out, true), new PrintWriter(out, true))
                            .run("data", "sheet", "no-such.tar", "-o", "x.png");
            assertThat(status).isEqualTo(1);
            assertThat(Locale.getDefault()).isEqualTo(Locale.ROOT);
        } finally {
            Locale.setDefault(before);
        }
    }

    /** String constants, and those that a concatenation is made of. */
    private static Stream<String> strings(JavaClass c) {
        try (InputStream in = c.getSource().orElseThrow().getUri().toURL().openStream()) {
            return StreamSupport.stream(
                    ClassFile.of().parse(in.readAllBytes()).constantPool().spliterator(), false)
                    .filter(StringEntry.class::isInstance)
                    .map(e -> ((StringEntry) e).stringValue())
                    .toList()
                    .stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String name(JavaClass c) {
        return c.getName().substring(ROOT.length());
    }

    /** The name of the class that it is written in. */
    private static String own(JavaClass c) {
        return name(c).replaceFirst("\\$.*", "");
    }
}
