package org.diffusionsoup.cli.search;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.core.search.Improvement;
import org.diffusionsoup.core.search.JournalNotes;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.core.search.SearchStep;
import org.diffusionsoup.workbench.search.FoundSoup;
import org.diffusionsoup.workbench.search.SearchRequest;
import org.diffusionsoup.workbench.search.SearchText;

/** What {@code soup search} says. */
public final class SearchOutput {
    private SearchOutput() {}

    /** A file beside an output, named after it: relative where that was given relative. */
    static Path beside(Path out, String ending) {
        Path given = out.normalize();
        boolean nameless = given.toString().isEmpty() || given.endsWith("..");
        Path name = nameless ? out.toAbsolutePath().normalize() : given;
        return name.resolveSibling(name.getFileName() + ending);
    }

    /** A line for every candidate, as it is scored. */
    public static ScoreBook.Listener listener(Console console, List<String> names) {
        return (e, known) ->
                console.note(
                        String.format(
                                Locale.ROOT,
                                "%3d  %.4f  %s%s",
                                e.number(),
                                e.mean(),
                                e.candidate().describe(names),
                                known ? "  (from the journal)" : ""));
    }

    /**
     * What is said where a search is ended before its time; journals without notes go.
     *
     * @param scored what the journal's scores are of: {@code candidate}, {@code coalition}
     * @param journals first the one of the candidates
     */
    public static String stopped(String scored, Path... journals) {
        Path journal = journals[0];
        boolean any = JournalNotes.areIn(journal);
        List.of(journals).forEach(JournalNotes::removeWithout);
        if (!any) {
            return "Stopped before a " + scored + " was scored; the same command begins again.";
        }
        return "Stopped; "
                + scored
                + "s scored so far are in "
                + journal
                + ", the one in work is lost. The same command goes on from there.";
    }

    public static void print(FoundSoup found, SearchRequest request, PrintWriter text) {
        List<String> names = found.names();
        text.printf(
                Locale.ROOT,
                "%s: %s (%d scored now) on %s, %s each, in %.1f s%n",
                found.result().method(),
                Plural.of(found.result().evaluations().size(), "candidate"),
                found.result().scored(),
                Quantity.of(request.prompts().validation().size(), "prompt"),
                Quantity.of(request.seeds().size(), "seed"),
                found.seconds());
        for (SearchStep s : found.result().steps()) {
            text.printf(
                    "  %s %s  %s%s%n",
                    s.accepted() ? "+" : "-",
                    s.candidate().candidate().describe(names),
                    SearchText.difference(s.change()),
                    s.remark().isEmpty() ? "" : "  (" + s.remark() + ")");
        }
        if (!found.result().note().isEmpty()) {
            text.println(found.result().note());
        }
        text.println("On " + Plural.of(request.prompts().test().size(), "other prompt") + ":");
        for (FoundSoup.Tested t : found.test()) {
            text.printf(
                    "  %s  %s  %s  to uniform %s%n",
                    t.label(),
                    t.evaluation().candidate().describe(names),
                    t.mean().format(4),
                    SearchText.difference(t.overUniform()));
        }
        request.prompts().caution().ifPresent(text::println);
        text.println("judge " + found.judge());
        text.println("journal " + request.journal() + " " + found.journalSha256());
        found.soup()
                .ifPresent(soup -> {
                    text.println(soup.output().toString());
                    soup.ingredients()
                            .forEach(i -> text.println("  " + i.coefficient() + "  " + i.name()));
                });
    }

    public static Map<String, Object> json(FoundSoup found, SearchRequest request) {
        List<String> names = found.names();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("method", found.result().method());
        found.soup().ifPresent(soup -> json.put("out", soup.output().toString()));
        json.put("coefficients", coefficients(found.result().best().candidate(), names));
        json.put("score", found.result().best().mean());
        json.put("judge", found.judge().name());
        json.put("judge_sha256", found.judge().weightsSha256());
        json.put("convention", found.judge().convention());
        json.put("seeds", request.seeds());
        json.put("validation_prompts", request.prompts().validation());
        json.put("test_prompts", request.prompts().test());
        request.prompts().caution().ifPresent(c -> json.put("caution", c));
        json.put("acceptance", request.acceptance().name());
        json.put("note", found.result().note());
        List<Map<String, Object>> candidates = new ArrayList<>();
        for (Evaluation e : found.result().evaluations()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("number", e.number());
            one.put("coefficients", coefficients(e.candidate(), names));
            one.put("score", e.mean());
            one.put("per_prompt", e.scores());
            candidates.add(one);
        }
        json.put("candidates", candidates);
        json.put("scored_now", found.result().scored());
        List<Map<String, Object>> steps = new ArrayList<>();
        for (SearchStep s : found.result().steps()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("tried", s.candidate().number());
            one.put("against", s.incumbent().number());
            one.put("improvement", improvement(s.change()));
            one.put("accepted", s.accepted());
            one.put("remark", s.remark());
            steps.add(one);
        }
        json.put("steps", steps);
        List<Map<String, Object>> test = new ArrayList<>();
        for (FoundSoup.Tested t : found.test()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("soup", t.label());
            one.put("coefficients", coefficients(t.evaluation().candidate(), names));
            one.put("score", t.mean());
            one.put("minus_uniform", improvement(t.overUniform()));
            test.add(one);
        }
        json.put("test", test);
        json.put("journal", request.journal().toString());
        json.put("journal_sha256", found.journalSha256());
        json.put("seconds", found.seconds());
        return json;
    }

    private static Map<String, Object> improvement(Improvement i) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("difference", i.difference());
        if (Double.isFinite(i.low())) {
            json.put("low", i.low());
            json.put("high", i.high());
        }
        json.put("verdict", i.verdict().name());
        return json;
    }

    static Map<String, String> coefficients(Candidate c, List<String> names) {
        Map<String, String> json = new LinkedHashMap<>();
        for (int i : c.members()) {
            json.put(names.get(i), c.coefficient(i).orElseThrow().toString());
        }
        return json;
    }
}
