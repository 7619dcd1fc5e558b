package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Lists in README.md and docs/ have what there is: folders, modules, options. */
class PagesSayWhatIsThereTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    /** What every command has, of which its own page need not speak. */
    private static final Set<String> EVERYWHERE = Set.of("--help", "--quiet", "--json", "--debug");

    private static String page(String name) throws IOException {
        return Files.readString(ROOT.resolve(name));
    }

    @Test
    void theReadmeNamesEveryModelAndEveryShard() throws IOException {
        String readme = page("README.md");
        try (Stream<Path> models = Files.list(ROOT.resolve("models"))) {
            assertThat(models.map(m -> "`" + m.getFileName() + "`")).allMatch(readme::contains);
        }
        try (Stream<Path> shards = Files.list(ROOT.resolve("shards"))) {
            assertThat(shards.map(s -> "`shards/" + s.getFileName() + "`"))
                    .allMatch(readme::contains);
        }
    }

    @Test
    void theModulesArePictured() throws IOException {
        String section = page("docs/architecture.md").split("## The modules")[1];
        String picture = section.split("```")[1];
        Matcher module = Pattern.compile("<module>([a-z]+)</module>").matcher(page("pom.xml"));
        int seen = 0;
        while (module.find()) {
            assertThat(picture).contains(" " + module.group(1) + " ");
            seen++;
        }
        assertThat(seen).isGreaterThan(5);
    }

    @Test
    void everyOptionOfDrawingIsOnItsPage() throws IOException {
        String page = page("docs/generate.md");
        String help = Run.of("generate", "--help").ok().out();
        Matcher option = Pattern.compile("(?m)^ +(?:-\\w, )?(--[a-z0-9-]+)").matcher(help);
        int seen = 0;
        while (option.find()) {
            if (!EVERYWHERE.contains(option.group(1))) {
                assertThat(page).contains(option.group(1));
                seen++;
            }
        }
        assertThat(seen).isGreaterThan(15);
    }

    /** Both spellings are taken; pages use the one that views and files use. */
    @Test
    void splitsAreSpeltInOneWay() throws IOException {
        try (Stream<Path> pages = Files.walk(ROOT.resolve("docs"))) {
            for (Path page : pages.filter(p -> p.toString().endsWith(".md")).toList()) {
                assertThat(Files.readString(page)).doesNotContainPattern("--split [A-Z]");
            }
        }
        for (String split : new String[] {"heldout", "HELDOUT"}) {
            Parse.check("./soup score --judge j --model m --shard s --split " + split);
        }
    }
}
