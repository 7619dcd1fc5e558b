package org.diffusionsoup.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class HtmlReportTest {
    @TempDir Path folder;

    @Test
    void sampleReportIsWellFormedSelfContainedAndAccessible() throws Exception {
        Path file = Path.of("target", "sample-report.html");
        Files.createDirectories(file.getParent());
        new SampleReport().build().write(file);
        Document page = parse(Files.readString(file));
        List<Element> elements = elements(page);
        assertThat(elements).hasSizeGreaterThan(200);
        Set<String> ids = new HashSet<>();
        for (Element e : elements) {
            for (String reference : List.of("src", "href", "poster", "action", "data")) {
                String target = e.getAttribute(reference);
                assertThat(target.isEmpty() || target.startsWith("#") || target.startsWith("data:"))
                        .as("%s=%s", reference, target)
                        .isTrue();
            }
            if (e.getTagName().equals("img")) {
                assertThat(e.hasAttribute("alt")).isTrue();
            }
            if (e.getTagName().equals("svg")) {
                assertThat(e.hasAttribute("aria-label") || e.hasAttribute("aria-hidden")).isTrue();
            }
            if (e.hasAttribute("id")) {
                assertThat(ids.add(e.getAttribute("id"))).as(e.getAttribute("id")).isTrue();
            }
        }
        for (Element e : elements) {
            if (e.getAttribute("href").startsWith("#")) {
                assertThat(ids).contains(e.getAttribute("href").substring(1));
            }
        }
        String css = page.getElementsByTagName("style").item(0).getTextContent();
        assertThat(css)
                .doesNotContain("url(")
                .doesNotContain("@import")
                .contains("prefers-color-scheme: dark")
                .contains("@media print");
        // 7 × 8 pictures, one cell left blank, and the empty picture of the enlarged view.
        assertThat(page.getElementsByTagName("img").getLength()).isEqualTo(56);
    }

    @Test
    void sameContentSameBytes() throws Exception {
        assertThat(new SampleReport().build().toHtml())
                .isEqualTo(new SampleReport().build().toHtml());
    }

    @Test
    void everyTextIsEscapedWhereverItStands() throws Exception {
        String evil = "</td><script>alert('x')</script> & \"q\" \u0000 \uD800 😀";
        HtmlReport report =
                HtmlReport.titled(evil).subtitle(evil).footer(evil).fact(evil, evil, evil);
        report.section(evil)
                .prose(evil)
                .bullets(evil)
                .code(evil)
                .details(evil, new Block.Prose(evil))
                .add(Callout.note(evil, evil, evil))
                .add(Table.titled(evil, evil).row(Table.Cell.text(evil, evil)).build())
                .add(
                        ImageGrid.titled(evil, List.of(evil))
                                .row(evil, evil, List.of(new byte[0]))
                                .build())
                .add(BarChart.bars(evil, evil, 1, List.of(BarChart.Bar.exact(evil, 1))))
                .add(
                        LineChart.of(
                                evil,
                                evil,
                                evil,
                                List.of(
                                        LineChart.Series.of(
                                                evil, new double[] {1, 2}, new double[] {3, 4}))));
        report.section("two");
        Document page = parse(report.toHtml());
        assertThat(page.getElementsByTagName("script").getLength()).isEqualTo(1);
        String shown = page.getElementsByTagName("h1").item(0).getTextContent();
        assertThat(shown).isEqualTo("</td><script>alert('x')</script> & \"q\" \\u0000 \\ud800 😀");
    }

    @Test
    void proseMarksCodeAndStrongAndLeavesUnmatchedSignsAlone() {
        assertThat(new Markup().prose("a `b<c` **d** e").finish())
                .isEqualTo("a <code>b&lt;c</code> <strong>d</strong> e");
        assertThat(new Markup().prose("2 ** 3 ` 4").finish()).isEqualTo("2 ** 3 ` 4");
        assertThat(new Markup().prose("**** ``").finish()).isEqualTo("**** ``");
        assertThat(new Markup().prose("").finish()).isEmpty();
    }

    @Test
    void namesBreakAtTheSignsThatPartThemOnly() {
        assertThat(new Markup().names("shards/emoji#provider=noto&split=<x>").finish())
                .isEqualTo("shards/<wbr/>emoji#<wbr/>provider=noto&amp;<wbr/>split=&lt;x&gt;");
        assertThat(new Markup().names("/a 1/3 i0 + 3 / 4, #5 b/").finish())
                .isEqualTo("/a 1/3 i0 + 3 / 4, #5 b/");
    }

    @Test
    void aTableOfShortWordsIsNarrowAndALongNameIsBrokenAnywhere() {
        HtmlReport report = HtmlReport.titled("t");
        report.section("s")
                .add(
                        Table.titled("c", "Model", "Verdict")
                                .row("(reference)", "within")
                                .row("a".repeat(25), "within")
                                .build());
        assertThat(report.toHtml())
                .contains(
                        "<th scope=\"row\" class=\"words\">(reference)",
                        "<th scope=\"row\" class=\"words long\">aaaa",
                        "<td class=\"words\">within");
    }

    @Test
    void aLogarithmicAxisSaysSo() throws Exception {
        double[] values = {1, 10, 100};
        LineChart chart =
                LineChart.of(
                        "c", "the x", "the y", List.of(LineChart.Series.of("s", values, values)));
        HtmlReport both = HtmlReport.titled("t");
        both.section("s").add(chart.withLogX().withLogY());
        assertThat(both.toHtml()).contains(">the x, logarithmic<", ">the y, logarithmic<");
        HtmlReport none = HtmlReport.titled("t");
        none.section("s").add(chart);
        assertThat(none.toHtml()).contains(">the x<", ">the y<").doesNotContain("logarithmic");
    }

    /** Intervals of several curves stand side by side, at the ends of the axis too. */
    @Test
    void intervalsAtTheEndsAreInsideTheClip() throws Exception {
        for (int curves : new int[] {1, 2, 8, 12}) {
            List<LineChart.Series> series = new ArrayList<>();
            for (int i = 0; i < curves; i++) {
                List<LineChart.Point> points = new ArrayList<>();
                for (int steps : new int[] {50, 100, 800}) {
                    points.add(new LineChart.Point(steps, i, i - 0.5, i + 0.5));
                }
                series.add(new LineChart.Series("s" + i, points, List.of()));
            }
            LineChart chart = LineChart.of("c", "x", "y", series);
            for (LineChart one : List.of(chart, chart.withLogX())) {
                HtmlReport report = HtmlReport.titled("t");
                report.section("s").add(one);
                Document page = parse(report.toHtml());
                Element clip = (Element) page.getElementsByTagName("clipPath").item(0);
                Element rect = (Element) clip.getElementsByTagName("rect").item(0);
                double left = Double.parseDouble(rect.getAttribute("x"));
                double right = left + Double.parseDouble(rect.getAttribute("width"));
                NodeList lines = page.getElementsByTagName("line");
                int seen = 0;
                for (int i = 0; i < lines.getLength(); i++) {
                    Element line = (Element) lines.item(i);
                    if (line.getAttribute("class").startsWith("error")) {
                        double x = Double.parseDouble(line.getAttribute("x1"));
                        assertThat(x).isBetween(left + 1, right - 1);
                        seen++;
                    }
                }
                assertThat(seen).isEqualTo(3 * curves);
            }
        }
    }

    @Test
    void emptyAndUndrawableChartsDoNotFail() throws Exception {
        HtmlReport report = HtmlReport.titled("empty");
        double[] nan = {Double.NaN};
        report.section("s")
                .add(LineChart.of("none", "x", "y", List.of()))
                .add(LineChart.of("nan", "x", "y", List.of(LineChart.Series.of("n", nan, nan))))
                .add(
                        LineChart.of(
                                        "flat",
                                        "x",
                                        "y",
                                        List.of(
                                                LineChart.Series.of(
                                                        "f", new double[] {5}, new double[] {0})))
                                .withLogX())
                .add(BarChart.bars("no bars", "v", 1, List.of()))
                .add(BarChart.dots("one", "v", 1, List.of(BarChart.Bar.exact("a", 0))));
        String html = report.toHtml();
        parse(html);
        assertThat(html).doesNotContain("NaN").doesNotContain("Infinity");
    }

    /** Lines end at the axis' right end, so that a long one would begin left of the picture. */
    @Test
    void longAxisLabelsAreWrapped() throws Exception {
        String label =
                "eReward emoji-reward, reward less 0.1672, over 1.0333; "
                        + "more words ".repeat(15);
        HtmlReport report = HtmlReport.titled("long");
        report.section("s")
                .add(BarChart.dots("one", label, 1, List.of(BarChart.Bar.exact("a", 0))));
        String html = report.toHtml();
        parse(html);
        List<String> lines =
                Pattern.compile("class=\"label end\"[^>]*>([^<]*)<")
                        .matcher(html)
                        .results()
                        .map(m -> m.group(1))
                        .toList();
        assertThat(String.join(" ", lines)).isEqualTo(label);
        assertThat(lines).hasSizeGreaterThan(1).allMatch(line -> line.length() < 140);
    }

    @Test
    void aGridOrTableThatDoesNotFitIsRefused() {
        assertThatThrownBy(() ->
                        ImageGrid.titled("g", List.of("a", "b"))
                                .row("base", "", List.of(new byte[0]))
                                .build())
                .isInstanceOf(ReportException.class)
                .hasMessageContaining("'base'");
        assertThatThrownBy(() ->
                        ImageGrid.titled("g", List.of("a"))
                                .row("base", "", List.of(new byte[] {1, 2, 3}))
                                .build())
                .isInstanceOf(ReportException.class)
                .hasMessageContaining("not a PNG");
        assertThatThrownBy(() -> Table.titled("t", "a", "b").row("only one").build())
                .isInstanceOf(ReportException.class)
                .hasMessageContaining("1 cells for 2 columns");
    }

    @Test
    void besideFewPicturesThereIsRoomForLongNames() {
        HtmlReport report = HtmlReport.titled("t");
        byte[] none = new byte[0];
        report.section("pairs")
                .add(
                        ImageGrid.titled("g", List.of("a", "b"))
                                .row("long", "", List.of(none, none))
                                .build());
        assertThat(report.toHtml())
                .contains("class=\"pictures few\"", ".pictures.few tbody th")
                .containsPattern("pictures tbody th [^}]*overflow-wrap: anywhere");
        HtmlReport many = HtmlReport.titled("t");
        many.section("models")
                .add(
                        ImageGrid.titled("g", List.of("a", "b", "c", "d"))
                                .row("x", "", List.of(none, none, none, none))
                                .build());
        assertThat(many.toHtml()).contains("class=\"pictures\"");
    }

    @Test
    void aPlaceThatCannotBeWrittenIsNamed() throws Exception {
        Path file = Files.writeString(folder.resolve("afile"), "").resolve("report.html");
        assertThatThrownBy(() -> HtmlReport.titled("t").write(file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("afile");
    }

    @Test
    void writingLeavesNothingElseBehind() throws Exception {
        HtmlReport.titled("t").write(folder.resolve("r.html"));
        HtmlReport.titled("u").write(folder.resolve("r.html"));
        try (var files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString())).containsExactly("r.html");
        }
        assertThat(Files.readString(folder.resolve("r.html"))).contains("<h1>u</h1>");
    }

    private static Document parse(String html) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        return factory.newDocumentBuilder().parse(new InputSource(new StringReader(html)));
    }

    private static List<Element> elements(Node root) {
        List<Element> found = new ArrayList<>();
        NodeList children = root.getChildNodes();
        for (int i = 0; i < children.getLength(); i++) {
            if (children.item(i) instanceof Element e) {
                found.add(e);
            }
            found.addAll(elements(children.item(i)));
        }
        return found;
    }
}
