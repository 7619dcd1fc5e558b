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
                List.of(new Node(3, name, "checkpoint 0123456789ab", false, false)),
                List.of(
                        new Node(4, name + "@1", "uniform, follows", false, true),
                        new Node(5, name + "@2", "uniform, follows", false, false)),
                List.of(new Edge(1, 3, ""), new Edge(3, 4, "1"), new Edge(3, 5, "1/2")));
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
