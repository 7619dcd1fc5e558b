package org.diffusionsoup.workbench.search;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.core.search.MemorySoups;
import org.diffusionsoup.core.search.SearchStep;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.ImageGrid;
import org.diffusionsoup.report.Section;
import org.diffusionsoup.report.Table;
import org.diffusionsoup.workbench.evaluate.DrawnScores;

/** The page of one search: the result, every decision, every candidate, pictures. */
final class SearchPage {
    private static final int PICTURES = 8;
    private static final int DIGITS = 4;

    private SearchPage() {}

    static void write(
            Path file,
            SearchRequest request,
            FoundSoup found,
            MemorySoups soups,
            DrawnScores drawn) {
        List<String> names = found.names();
        Evaluation best = found.result().best();
        HtmlReport page =
                HtmlReport.titled("Search for a soup: " + found.result().method())
                        .subtitle(best.candidate().describe(names))
                        .footer("Judge: " + found.judge() + ". Journal " + found.journalSha256());
        page.fact("Candidates", "" + found.result().evaluations().size(), "scored once each");
        page.fact(
                "Prompts",
                request.prompts().validation().size() + " + " + request.prompts().test().size(),
                "to choose by, to test on");
        page.fact("Seeds", "" + request.seeds().size(), "per prompt, the same for all");
        Section tests = page.section("On prompts the search never saw");
        request.prompts().caution().ifPresent(tests::prose);
        tests.add(tests(found));
        page.section("Pictures")
                .prose("Test prompts, first seed, the same noise in every row.")
                .add(pictures(request, found, soups, drawn));
        if (!found.result().steps().isEmpty()) {
            page.section("Decisions")
                    .prose(
                            "Differences on the validation prompts with 95 % intervals, paired by"
                                    + " prompt. A tie is no improvement.")
                    .add(decisions(found));
        }
        Section all = page.section("Candidates");
        if (!found.result().note().isEmpty()) {
            all.prose(found.result().note());
        }
        all.add(candidates(found));
        page.write(file);
    }

    private static Table tests(FoundSoup found) {
        Table.Builder t = Table.titled("", "Soup", "Coefficients", "Score", "Minus uniform soup");
        for (FoundSoup.Tested tested : found.test()) {
            t.row(
                    Table.Cell.text(tested.label()),
                    Table.Cell.text(tested.evaluation().candidate().describe(found.names())),
                    Table.Cell.estimate(tested.mean(), DIGITS),
                    Table.Cell.text(SearchText.difference(tested.overUniform())));
        }
        return t.build();
    }

    private static Table decisions(FoundSoup found) {
        Table.Builder t = Table.titled("", "Tried", "Against", "Difference", "Taken", "");
        for (SearchStep s : found.result().steps()) {
            t.row(
                    s.candidate().candidate().describe(found.names()),
                    s.incumbent().candidate().describe(found.names()),
                    SearchText.difference(s.change()),
                    s.accepted() ? "yes" : "no",
                    s.remark());
        }
        return t.build();
    }

    private static Table candidates(FoundSoup found) {
        Table.Builder t = Table.titled("", "No.", "Candidate", "Score");
        for (Evaluation e : found.result().evaluations()) {
            t.row(
                    "" + e.number(),
                    e.candidate().describe(found.names()),
                    String.format(Locale.ROOT, "%." + DIGITS + "f", e.mean()));
        }
        return t.build();
    }

    private static ImageGrid pictures(
            SearchRequest request, FoundSoup found, MemorySoups soups, DrawnScores drawn) {
        List<String> prompts = request.prompts().test();
        List<String> some = prompts.subList(0, Math.min(PICTURES, prompts.size()));
        ImageGrid.Builder grid = ImageGrid.titled("", some).pixels(64);
        for (FoundSoup.Tested t : found.test()) {
            Candidate c = t.evaluation().candidate();
            grid.row(
                    t.label(),
                    c.describe(found.names()),
                    drawn.pictures(soups.form(c, c), some).stream().map(PngCodec::encode).toList());
        }
        return grid.build();
    }
}
