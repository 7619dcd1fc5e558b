package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.diffusionsoup.cli.start.Commands;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

class SoupCliTest {
    private static final int USAGE = SoupCli.USAGE;

    @Test
    void noCommandShowsTheHelp() {
        assertThat(Run.of().ok().out())
                .contains("Usage: soup", "From data to a soup:", "inspect", "make");
    }

    @Test
    void helpAndVersionGoToTheOutput() {
        Run help = Run.of("--help").ok();
        assertThat(help.out()).contains("Examples:").doesNotContain("record-start");
        assertThat(help.err()).isEmpty();
        assertThat(Run.of("--version").ok().out())
                .matches("soup \\d+\\.\\d+\\S* \\(Java 2\\d.*\\)\n");
    }

    /** Only the wanted command's options are looked at; the list of commands has its name. */
    @Test
    void everyCommandIsFoundByItsName() {
        for (CommandLine command : Commands.all()) {
            String name = command.getCommandName();
            assertThat(Commands.named(name)).as(name).isPresent();
            assertThat(Commands.named(name).get().<Object>getCommand())
                    .as(name)
                    .hasSameClassAs(command.getCommand());
        }
        assertThat(Commands.named("recordstart")).isEmpty();
        assertThat(Commands.named("mkae")).isEmpty();
    }

    @Test
    void aMistypedCommandIsGuessed() {
        Run.of("mkae")
                .fails(
                        USAGE,
                        "soup: unknown command 'mkae'",
                        "did you mean 'make'?",
                        "soup --help");
        Run.of("xyzzy").fails(USAGE, "unknown command 'xyzzy'.");
    }

    @Test
    void aMistypedOptionIsGuessed() {
        Run.of("make", "a", "b", "-o", "c", "--wieghts", "1,2")
                .fails(USAGE, "soup make: unknown option '--wieghts'", "did you mean '--weights'?");
        Run.of("make", "a", "b", "-o", "c", "--wieghts=1,2")
                .fails(USAGE, "'--wieghts'", "did you mean '--weights'?");
        Run.of("inspect", "a", "--fast").fails(USAGE, "unknown option '--fast'. Try");
    }

    @Test
    void whatIsMissingIsNamed() {
        Run.of("inspect").fails(USAGE, "soup inspect: missing", "Try 'soup inspect --help'.");
        Run.of("make", "a", "b").fails(USAGE, "soup make: missing --out");
        Run.of("make", "a", "b", "-o=-o2.safetensors")
                .fails(
                        USAGE,
                        "'-o2.safetensors' of -o looks like an option",
                        "'./-o2.safetensors'");
    }

    @Test
    void theRecordingForTheStartCacheRuns() {
        assertThat(Run.of("record-start").ok().err()).isEmpty();
    }

    @TestFactory
    Stream<DynamicTest> everyCommandHasHelpWithExamplesThatParse() {
        CommandLine root = Parse.commandLine();
        return all(root).stream()
                .map(CommandLine::getCommandSpec)
                .filter(spec -> !spec.usageMessage().hidden())
                .map(spec -> DynamicTest.dynamicTest(spec.qualifiedName(), () -> examples(spec)));
    }

    private static void examples(CommandSpec spec) {
        List<String> examples =
                Stream.of(spec.usageMessage().footer())
                        .filter(line -> line.startsWith("  soup "))
                        .map(String::strip)
                        .toList();
        assertThat(examples).as("examples in the help of " + spec.qualifiedName()).isNotEmpty();
        for (String example : examples) {
            Parse.check(example);
        }
        assertThat(spec.usageMessage().description()).isNotEmpty().allSatisfy(SoupCliTest::formats);
        assertThat(spec.usageMessage().footer()).allSatisfy(SoupCliTest::formats);
        spec.args().forEach(arg -> assertThat(arg.description()).allSatisfy(SoupCliTest::formats));
        boolean leaf = spec.subcommands().isEmpty();
        assertThat(spec.optionsMap().containsKey("--json")).isEqualTo(leaf);
        assertThat(Objects.requireNonNull(spec.optionsMap().get("--help")).usageHelp()).isTrue();
    }

    /** picocli takes help texts as format strings: a percent sign has to be doubled. */
    private static void formats(String text) {
        assertThat(String.format(text)).isNotNull();
    }

    private static List<CommandLine> all(CommandLine from) {
        List<CommandLine> found = new ArrayList<>(List.of(from));
        from.getSubcommands().values().forEach(sub -> found.addAll(all(sub)));
        return found;
    }

    @Test
    void helpAsPeopleTryItFirst() {
        assertThat(Run.of("help").ok().out()).isEqualTo(Run.of("--help").ok().out());
        assertThat(Run.of("help", "make").ok().out())
                .isEqualTo(Run.of("make", "--help").ok().out())
                .contains("--weights");
        assertThat(Run.of("help", "data", "import").ok().out()).contains("--licence");
        Run.of("help", "mkae").fails(2, "unknown", "mkae");
    }

    @Test
    void aDateIsExplainedWithoutJava() {
        Run r = Run.of("shard", "add", "x", "--data", "d", "--expires", "yesterday");
        r.fails(2, "'yesterday' is no date", "2027-06-30");
        assertThat(r.err()).doesNotContain("java");
    }

    @Test
    void numberFormatsAreNamedAsHeadersOrTorchDo() {
        for (String other : List.of("F17", "I64")) {
            Run.of("merge", "a", "b", "-o", "c", "--dtype", other)
                    .fails(
                            2,
                            "'%s' is no number format for weights; use one of F64, F32, F16, BF16, F8_E4M3, F8_E5M2."
                                    .formatted(other));
        }
        Run.of("generate", "--model", "a", "--prompt", "p", "-o", "c.png", "--dtype", "f64")
                .fails(2, "'f64' is no number format for weights; use one of F32, F16, BF16.");
        for (String half : List.of("fp16", "float16", "BF16", "bfloat16")) {
            Run.of("generate", "--model", "none", "--prompt", "p", "-o", "c.png", "--dtype", half)
                    .fails(1, "There is no model none");
        }
    }

    @Test
    void viewsLeaveOutAndNameTheNearest() {
        String emoji = "../shards/emoji";
        Run.of("data", "list", emoji + "#domain=animal")
                .fails(1, "zero rows", "did you mean animals");
        Run.of("data", "list", emoji + "#domain=zzz")
                .fails(1, "zero rows with domain=zzz", "there are");
        int all = rows(emoji + "#domain=animals");
        int cats = rows(emoji + "#domain=animals&subject=cat,dog");
        assertThat(cats).isPositive();
        assertThat(rows(emoji + "#domain=animals&subject!=cat,dog")).isEqualTo(all - cats);
        Run.of("data", "list", emoji + "#!=cat").fails(1, "write field=value");
    }

    private static int rows(String shard) {
        return org.diffusionsoup.data.ShardRef.parse(shard).open().size();
    }

    @Test
    void whatTheLocaleCouldNotReadIsNotTakenForText() {
        Run.of("generate", "--model", "m", "--prompt", "noto pi\uFFFD\uFFFData", "-o", "x.png")
                .fails(2, "has no characters for", "LC_ALL=C.UTF-8");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void twoOutputsShareNoPlaceBehindLinks(@TempDir Path folder) throws IOException {
        Path real = Files.createDirectory(folder.resolve("real"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), real);
        Object[] drawn = {"generate", "--model", "m", "--prompt", "a", "-o", link.resolve("x.png")};
        List<Object> same = new ArrayList<>(List.of(drawn));
        same.addAll(List.of("--each", real.resolve("x.png")));
        Run.of(same.toArray()).fails(2, "--out and --each are both");
        List<Object> inside = new ArrayList<>(List.of(drawn));
        inside.addAll(List.of("--each", real));
        Run.of(inside.toArray()).fails(2, "lies inside --each");
    }

    @Test
    void twoOutputsShareNoPlace() {
        List<Object> value = new ArrayList<>(List.of("value", "a", "b", "--base", "c"));
        value.addAll(List.of("--judge", "j", "--prompts", "p.txt", "-o", "w.csv"));
        value.addAll(List.of("--journal", "./x/../w.csv"));
        Run.of(value.toArray()).fails(2, "--out and --journal are both", "name two places");
        List<Object> search = List.of("search", "greedy", "a", "b", "--judge", "j");
        for (String inside : List.of("s/page.html", "s/deep/page.html")) {
            List<Object> words = new ArrayList<>(search);
            words.addAll(List.of("--prompts", "p.txt", "-o", "s", "--page", inside));
            Run.of(words.toArray()).fails(2, "--page " + inside + " lies inside --out s");
        }
        Run.of("generate", "--model", "m", "--prompt", "a", "--each", "d", "-o", "d/a.png")
                .fails(2, "--out d/a.png lies inside --each d");
    }
}
