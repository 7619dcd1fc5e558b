package org.diffusionsoup.cli.search;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Decimals;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.value.PlayerValue;
import org.diffusionsoup.eval.value.ShapleyPlan;
import org.diffusionsoup.workbench.value.FoundValues;
import org.diffusionsoup.workbench.value.ValueRequest;

/** What {@code soup value} says. */
final class ValueOutput {
    private static final int DIGITS = 4;

    private ValueOutput() {}

    static void print(FoundValues found, ValueRequest request, PrintWriter text) {
        text.printf(
                Locale.ROOT,
                "%s (%d scored now) on %s, %s each, in %.1f s%n",
                Plural.of(found.coalitions().size(), "coalition"),
                found.scored(),
                Plural.of(request.prompts().size(), "prompt"),
                Plural.of(request.seeds().size(), "seed"),
                found.seconds().all());
        if (found.scored() > 0) {
            text.printf(
                    Locale.ROOT,
                    "each: %.2f s to form, %.2f s to draw, %.2f s to judge%n",
                    found.seconds().forming() / found.scored(),
                    found.seconds().drawing() / found.scored(),
                    found.seconds().judging() / found.scored());
        }
        text.println("base         " + found.values().base().format(DIGITS));
        text.println("soup of all  " + found.values().all().format(DIGITS));
        text.println("gain         " + signed(found.values().gain()));
        boolean sampled = request.plan() instanceof ShapleyPlan.Sampled;
        TextTable t =
                sampled
                        ? new TextTable("", "Shapley value", "sampling ±", "left out", "alone")
                        : new TextTable("", "Shapley value", "left out", "alone");
        for (PlayerValue v : found.values().players()) {
            String left = signed(v.leaveOneOut());
            String alone = signed(v.alone());
            if (sampled) {
                String error =
                        v.samplingError().isPresent()
                                ? String.format(
                                        Locale.ROOT, "%.4f", v.samplingError().getAsDouble())
                                : "unknown";
                t.row(v.name(), signed(v.shapley()), error, left, alone);
            } else {
                t.row(v.name(), signed(v.shapley()), left, alone);
            }
        }
        t.print(text);
        text.println(method(request.plan()));
        Bootstrap.caution(request.prompts().size(), "prompts").ifPresent(text::println);
        text.println("judge " + found.judge());
        text.println("journal " + request.journal() + " " + found.journalSha256());
        text.println(request.out());
    }

    /** Where the values come from, and how far they can be off for it. */
    private static String method(ShapleyPlan plan) {
        return switch (plan) {
            case ShapleyPlan.Exact e -> "exact, from all " + (1L << e.players()) + " coalitions";
            case ShapleyPlan.Sampled s when s.hasError() ->
                    "from " + s.orders().size() + " permutations in antithetic pairs";
            case ShapleyPlan.Sampled s ->
                    "from %d permutations in antithetic pairs, too few to tell how far their choice leads: %d or more come with a standard error"
                            .formatted(
                                    s.orders().size(), 2 * ShapleyPlan.Sampled.PAIRS_FOR_AN_ERROR);
        };
    }

    private static String signed(Interval i) {
        return "%s [%s, %s]"
                .formatted(
                        Decimals.signed(i.estimate(), DIGITS),
                        Decimals.signed(i.low(), DIGITS),
                        Decimals.signed(i.high(), DIGITS));
    }

    static Map<String, Object> json(FoundValues found, ValueRequest request) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("out", request.out().toString());
        switch (request.plan()) {
            case ShapleyPlan.Exact e -> json.put("method", "exact");
            case ShapleyPlan.Sampled s -> {
                json.put("method", "permutations");
                json.put("permutations", s.orders().size());
            }
        }
        Bootstrap.caution(request.prompts().size(), "prompts")
                .ifPresent(c -> json.put("caution", c));
        json.put("base", found.values().base());
        json.put("all", found.values().all());
        json.put("gain", found.values().gain());
        List<Map<String, Object>> players = new ArrayList<>();
        for (int i = 0; i < request.players().size(); i++) {
            PlayerValue v = found.values().players().get(i);
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("name", v.name());
            one.put(
                    "ingredients",
                    request.players().get(i).members().stream()
                            .map(found.ingredients()::get)
                            .toList());
            one.put("shapley", v.shapley());
            one.put(
                    "sampling_error",
                    v.samplingError().isPresent() ? v.samplingError().getAsDouble() : null);
            one.put("leave_one_out", v.leaveOneOut());
            one.put("alone", v.alone());
            players.add(one);
        }
        json.put("players", players);
        List<Map<String, Object>> models = new ArrayList<>();
        for (int i = 0; i < found.ingredients().size(); i++) {
            models.add(
                    Map.of(
                            "name", found.ingredients().get(i),
                            "sha256", found.sha256().get(i)));
        }
        json.put("models", models);
        List<Map<String, Object>> coalitions = new ArrayList<>();
        for (Evaluation e : found.coalitions()) {
            coalitions.add(
                    Map.of(
                            "coefficients",
                            SearchOutput.coefficients(e.candidate(), found.ingredients()),
                            "score",
                            e.mean()));
        }
        json.put("coalitions", coalitions);
        json.put("scored_now", found.scored());
        json.put("judge", found.judge().name());
        json.put("judge_sha256", found.judge().weightsSha256());
        json.put("convention", found.judge().convention());
        json.put("prompts", request.prompts());
        json.put("seeds", request.seeds());
        json.put("journal", request.journal().toString());
        json.put("journal_sha256", found.journalSha256());
        json.put("seconds", found.seconds());
        return json;
    }
}
