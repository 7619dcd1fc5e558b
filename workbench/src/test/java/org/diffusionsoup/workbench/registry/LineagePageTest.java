package org.diffusionsoup.workbench.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.registry.Lineage;
import org.diffusionsoup.registry.Lineage.Edge;
import org.diffusionsoup.registry.Lineage.Node;
import org.junit.jupiter.api.Test;

/** The page looks as other reports do and fits the window, whatever things are called. */
class LineagePageTest {
    private static final Pattern WIDTH = Pattern.compile("<svg xmlns[^>]* width=\"([0-9]+)\"");

    private static Lineage lineage(String name) {
        return new Lineage(
                List.of(
                        new Node(1, name, "acme, CC0-1.0, 4 pictures", false, false),
                        new Node(2, "gone", "acme, CC0-1.0, 4 pictures", true, false)),
                List.of(),
                List.of(new Node(3, name, "checkpoint 0123456789ab", false, false)),
                List.of(
                        new Node(4, name + "@1", "uniform, follows", false, true),
                        new Node(5, name + "@2", "uniform, follows", false, false)),
                List.of(new Edge(1, 3, ""), new Edge(3, 4, "1"), new Edge(3, 5, "1/2")));
    }

    /** A base that a soup became is right of it, with what was trained from it right of that. */
    @Test
    void whatCameOfASoupIsDrawnAfterIt() {
        Lineage l =
                new Lineage(
                        List.of(new Node(1, "noto", "acme", false, false)),
                        List.of(new Node(4, "second", "checkpoint", false, false)),
                        List.of(
                                new Node(2, "one", "checkpoint", false, false),
                                new Node(5, "two", "checkpoint", false, false)),
                        List.of(
                                new Node(3, "first@1", "uniform", false, false),
                                new Node(6, "next@1", "uniform", false, false)),
                        List.of(
                                new Edge(1, 2, ""),
                                new Edge(2, 3, "1"),
                                new Edge(3, 4, "has the same weights as soup first@1"),
                                new Edge(4, 5, ""),
                                new Edge(1, 5, ""),
                                new Edge(5, 6, "1")));
        String svg = LineageSvg.svg(l);
        List<Integer> at =
                List.of("noto", "one", "first@1", "second", "two", "next@1").stream()
                        .map(name -> {
                            Matcher m =
                                    Pattern.compile(
                                                    "class=\"name\" x=\"([0-9]+)\"[^>]*>"
                                                            + name
                                                            + "<")
                                            .matcher(svg);
                            assertThat(m.find()).as(name).isTrue();
                            return Integer.parseInt(m.group(1));
                        })
                        .toList();
        assertThat(at).isSorted().doesNotHaveDuplicates();
        assertThat(svg)
                .contains("<title>first@1 in second: has the same weights as soup first@1</title>");
        assertThat(LineagePage.html(l))
                .contains("Bases made of them", "What it was made of", "second");
    }

    private static int width(String page) {
        Matcher m = WIDTH.matcher(page);
        assertThat(m.find()).isTrue();
        return Integer.parseInt(m.group(1));
    }

    @Test
    void itIsAReportPage() {
        String page = LineagePage.html(lineage("noto"));
        assertThat(page)
                .contains("class=\"masthead\"", "--paper:", "<h1>Lineage</h1>", "noto@2")
                .contains(".drawing svg { display: block; max-width: 100%;")
                .contains("line-through", "noto (1/2)".replace("noto", "noto@2"), "superseded")
                .doesNotContain("…");
        assertThat(width(page)).isLessThan(width(LineageSvg.svg(lineage("n".repeat(60)))));
    }

    /** At 1200 pixels the page has a column of 1072, less a frame. */
    @Test
    void longNamesFitTheColumn() {
        String name = "n".repeat(100);
        String page = LineagePage.html(lineage(name));
        assertThat(width(page)).isLessThanOrEqualTo(1036);
        assertThat(page).contains("…", "<title>" + name + ": acme, CC0-1.0, 4 pictures</title>");
        assertThat(width(LineageSvg.svg(lineage(name)))).isGreaterThan(1400);
    }
}
