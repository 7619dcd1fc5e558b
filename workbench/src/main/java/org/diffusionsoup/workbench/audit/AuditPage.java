package org.diffusionsoup.workbench.audit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.diffusionsoup.data.PngCodec;
import org.diffusionsoup.data.RgbImage;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.workbench.report.HtmlReport;
import org.diffusionsoup.workbench.report.ImageGrid;
import org.diffusionsoup.workbench.report.LineChart;
import org.diffusionsoup.workbench.report.Section;

/** The audit as a page: who comes how close, and the closest pictures side by side. */
public final class AuditPage {
    private static final int SHOWN = 12;
    private static final int SIDE = 128;

    private AuditPage() {}

    /** Writes the page, whole or not at all. */
    public static void write(
            MemorizationAudit audit, List<MemorizationAudit.Result> results, Path file) {
        HtmlReport page =
                HtmlReport.titled("Memorization audit")
                        .subtitle(
                                "How close drawn pictures come to those of "
                                        + audit.shard().name());
        page.fact("Protected pictures", Integer.toString(audit.shard().size()), "");
        page.fact("Drawn by each model", Integer.toString(audit.drawn().size()), "");
        page.fact(
                "Near copy below",
                number(audit.threshold()),
                "closer than 99 of 100 reference pictures");
        List<LineChart.Series> lines = new ArrayList<>();
        lines.add(cumulative("real pictures nobody was trained on", audit.reference()));
        for (MemorizationAudit.Result r : results) {
            lines.add(cumulative(r.model(), r.nearest()));
        }
        page.section("Distances")
                .add(
                        LineChart.of(
                                        "Share of pictures closer than a distance",
                                        "1 − cosine to the closest protected picture",
                                        "share of pictures",
                                        lines)
                                .captioned(
                                        "Lines further right keep a larger distance. The prompts are"
                                                + " the protected pictures' own, so pictures of the"
                                                + " right subject are closer than any others without"
                                                + " being copies."));
        Section pictures = page.section("The closest pictures");
        for (MemorizationAudit.Result r : results) {
            pictures.add(closest(audit, r));
        }
        page.write(file);
    }

    private static LineChart.Series cumulative(String name, List<Double> distances) {
        double[] x = distances.stream().mapToDouble(d -> d).sorted().toArray();
        double[] y =
                IntStream.rangeClosed(1, x.length)
                        .mapToDouble(i -> i / (double) x.length)
                        .toArray();
        return LineChart.Series.of(name, x, y);
    }

    private static ImageGrid closest(MemorizationAudit audit, MemorizationAudit.Result r) {
        ImageGrid.Builder grid =
                ImageGrid.titled(
                                r.model() + ": drawn, and the protected picture closest to it",
                                List.of("drawn", "protected"))
                        .pixels(96);
        IntStream.range(0, r.nearest().size())
                .boxed()
                .sorted(Comparator.comparing(r.nearest()::get))
                .limit(SHOWN)
                .forEach(i -> {
                    int at = r.closest().get(i);
                    SampleInfo info = audit.shard().infos().get(audit.drawn().get(i));
                    grid.row(
                            info.prompt(),
                            number(r.nearest().get(i))
                                    + (r.nearest().get(i) < audit.threshold() ? ", near copy" : ""),
                            List.of(png(r.pictures().get(i)), png(audit.shard().get(at).image())));
                });
        return grid.build();
    }

    private static byte[] png(RgbImage image) {
        return PngCodec.encode(image.width() <= SIDE ? image : image.resized(SIDE, SIDE));
    }

    private static String number(double d) {
        return String.format(Locale.ROOT, "%.4f", d);
    }
}
