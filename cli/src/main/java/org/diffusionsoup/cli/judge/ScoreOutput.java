package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.command.SamplingFlags;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.Proportion;
import org.diffusionsoup.eval.Score;
import org.diffusionsoup.eval.ScoreTable;
import org.diffusionsoup.workbench.evaluate.ModelScores;
import org.diffusionsoup.workbench.evaluate.PsnrCheck;
import org.diffusionsoup.workbench.evaluate.SubjectRetrieval;

/** Scores as text and as JSON. */
final class ScoreOutput {
    private static final double CONFIDENCE = 0.95;
    static final int DIGITS = 4;

    private ScoreOutput() {}

    static void print(ModelScores scores, PrintWriter text) {
        ScoreTable table = scores.table();
        Score first = table.rows().getFirst().score();
        text.println("judge: " + table.judge());
        text.printf(
                "%s, %s each%n",
                Quantity.of(first.prompts(), "prompt"), Quantity.of(first.seeds(), "seed"));
        int width = table.rows().stream().mapToInt(r -> r.score().model().length()).max().orElse(0);
        for (ScoreTable.Row row : table.rows()) {
            text.printf(
                    "%-" + Math.max(1, width) + "s  %s%s%n",
                    row.score().model(),
                    row.score().mean().format(DIGITS),
                    row.toBaseline()
                            .map(d -> "  to " + table.baseline() + ": " + signed(d))
                            .orElse(""));
        }
        for (int i = 0; i < scores.byType().size(); i++) {
            if (!scores.byType().get(i).isEmpty()) {
                text.println(
                        table.rows().get(i).score().model()
                                + " by element type: "
                                + byType(scores.byType().get(i)));
            }
        }
        table.best().ifPresent(best -> text.println("above all others: " + best));
        Bootstrap.caution(first.prompts(), "prompts").ifPresent(text::println);
    }

    private static String byType(Map<String, Proportion> shares) {
        return shares.entrySet().stream()
                .map(e ->
                        String.format(
                                Locale.ROOT,
                                "%s %.3f (%d of %d)",
                                e.getKey(),
                                e.getValue().value(),
                                e.getValue().hits(),
                                e.getValue().total()))
                .collect(Collectors.joining(", "));
    }

    static String signed(Interval d) {
        return (d.estimate() < 0 ? "" : "+")
                + d.format(DIGITS)
                + (d.contains(0) ? " (includes 0)" : "");
    }

    static Map<String, Object> json(ModelScores scores, SamplingFlags sampling) {
        ScoreTable table = scores.table();
        Map<String, Object> json = judge(table.judge());
        Score first = table.rows().getFirst().score();
        json.put("prompts", first.prompts());
        json.put("seeds", sampling.seeds());
        json.putAll(settings(sampling));
        json.put("baseline", table.baseline());
        table.best().ifPresent(best -> json.put("best", best));
        Bootstrap.caution(first.prompts(), "prompts").ifPresent(c -> json.put("caution", c));
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < table.rows().size(); i++) {
            ScoreTable.Row row = table.rows().get(i);
            Map<String, Object> r = new LinkedHashMap<>();
            r.put("model", row.score().model());
            r.put("unet_sha256", scores.unetHashes().get(i));
            r.put("scheduler", scores.schedulers().get(i));
            r.put("score", interval(row.score().mean()));
            row.toBaseline().ifPresent(d -> r.put("minus_baseline", interval(d)));
            r.put("per_prompt", perPrompt(scores, i));
            if (!scores.byType().get(i).isEmpty()) {
                Map<String, Object> types = new LinkedHashMap<>();
                scores.byType().get(i).forEach((type, share) -> types.put(type, proportion(share)));
                r.put("accuracy_by_type", types);
            }
            rows.add(r);
        }
        json.put("models", rows);
        return json;
    }

    private static Map<String, Object> perPrompt(ModelScores scores, int model) {
        Map<String, Object> out = new LinkedHashMap<>();
        double[] values = scores.sets().get(model).perPrompt();
        for (int p = 0; p < values.length; p++) {
            out.put(scores.sets().get(model).prompts().get(p), values[p]);
        }
        return out;
    }

    static void print(Score score, int pictures, String shard, PrintWriter text) {
        text.println("judge: " + score.judge());
        text.printf(
                "%s of %s in %s against their captions: %s%n",
                Plural.of(pictures, "real picture"),
                Plural.of(score.prompts(), "subject"),
                shard,
                score.mean().format(DIGITS));
        Bootstrap.caution(score.prompts(), "subjects").ifPresent(text::println);
    }

    static Map<String, Object> json(Score score, int pictures, String shard) {
        Map<String, Object> json = judge(score.judge());
        json.put("shard", shard);
        json.put("pictures", pictures);
        json.put("subjects", score.prompts());
        json.put("score", interval(score.mean()));
        Bootstrap.caution(score.prompts(), "subjects").ifPresent(c -> json.put("caution", c));
        return json;
    }

    static void print(List<SubjectRetrieval> results, Judge judge, PrintWriter text) {
        text.println("judge: " + judge);
        SubjectRetrieval any = results.getFirst();
        text.printf(
                Locale.ROOT,
                "%s, one picture each; guessing finds %.1f %% in the top %d%n",
                Plural.of(any.subjects(), "subject"),
                100 * any.chance(),
                any.k());
        int width = results.stream().mapToInt(r -> r.name().length()).max().orElse(1);
        for (SubjectRetrieval r : results) {
            Interval top = r.found().interval(CONFIDENCE);
            text.printf(
                    Locale.ROOT,
                    "%-"
                            + width
                            + "s  top %d: %.1f %% [%.1f, %.1f] (%d of %d), top 1: %.1f %%,"
                            + " median rank %.1f, mean cosine %.3f%n",
                    r.name(),
                    r.k(),
                    100 * top.estimate(),
                    100 * top.low(),
                    100 * top.high(),
                    r.found().hits(),
                    r.found().total(),
                    100 * r.first().value(),
                    r.medianRank(),
                    r.meanCosine());
        }
    }

    static Map<String, Object> json(
            List<SubjectRetrieval> results,
            List<String> unetHashes,
            Judge judge,
            String shard,
            SamplingFlags sampling) {
        Map<String, Object> json = judge(judge);
        json.put("shard", shard);
        json.put("subjects", results.getFirst().subjects());
        json.put("k", results.getFirst().k());
        json.put("chance", results.getFirst().chance());
        json.put("first_seed", sampling.seeds().getFirst());
        json.putAll(settings(sampling));
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < results.size(); i++) {
            SubjectRetrieval r = results.get(i);
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("pictures", r.name());
            if (!unetHashes.get(i).isEmpty()) {
                row.put("unet_sha256", unetHashes.get(i));
            }
            row.put("top_k", proportion(r.found()));
            row.put("top_1", proportion(r.first()));
            row.put("median_rank", r.medianRank());
            row.put("mean_cosine", r.meanCosine());
            rows.add(row);
        }
        json.put("results", rows);
        return json;
    }

    static Map<String, Object> json(PsnrCheck check, String hash, String shard) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("vae_sha256", hash);
        json.put("shard", shard);
        json.put("pictures", check.pictures());
        json.put("mean_psnr_db", check.meanPsnr());
        json.put("psnr_of_mean_mse_db", check.psnrOfMeanMse());
        json.put("worst_psnr_db", check.worstPsnr());
        return json;
    }

    private static Map<String, Object> settings(SamplingFlags sampling) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("steps", sampling.settings().steps());
        json.put("guidance", sampling.settings().guidance());
        json.put("negative_prompt", sampling.settings().negativePrompt());
        return json;
    }

    private static Map<String, Object> judge(Judge judge) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("judge", judge.name());
        json.put("judge_sha256", judge.weightsSha256());
        json.put("convention", judge.convention());
        return json;
    }

    private static Map<String, Object> proportion(Proportion p) {
        Map<String, Object> json = interval(p.interval(CONFIDENCE));
        json.put("hits", p.hits());
        json.put("total", p.total());
        return json;
    }

    static Map<String, Object> interval(Interval i) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("estimate", i.estimate());
        json.put("low", i.low());
        json.put("high", i.high());
        json.put("confidence", i.confidence());
        return json;
    }
}
