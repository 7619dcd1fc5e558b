package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.workbench.evaluate.LossTable;

/**
 * Denoising losses as text and as JSON.
 *
 * @param table the losses
 * @param shard the pictures
 * @param text how they were named
 * @param draws per picture
 * @param seed of timesteps and noise
 */
record LossOutput(LossTable table, Shard shard, String text, int draws, long seed) {
    void print(PrintWriter out) {
        out.printf(
                "denoising loss on %s of %s, %s each, with captions, without guidance;"
                        + " lower is better%n",
                Plural.of(shard.size(), "picture"), text, Plural.of(draws, "draw"));
        String first = table.rows().getFirst().loss().model();
        List<PredictionType> targets =
                table.rows().stream().map(r -> r.loss().target()).distinct().toList();
        boolean mixed = targets.size() > 1;
        if (!mixed) {
            out.println("mean squared error per value of the " + named(targets.getFirst()));
        }
        int width = table.rows().stream().mapToInt(r -> r.loss().model().length()).max().orElse(1);
        for (LossTable.Row row : table.rows()) {
            StringBuilder line = new StringBuilder();
            line.append(("%-" + width + "s  ").formatted(row.loss().model()));
            line.append(row.own().format(ScoreOutput.DIGITS));
            if (mixed) {
                line.append(" of the ").append(named(row.loss().target()));
                line.append(", ").append(row.noise().format(ScoreOutput.DIGITS));
                line.append(" of the ").append(named(PredictionType.EPSILON));
            }
            row.toFirst()
                    .ifPresent(d -> {
                        line.append("  to ").append(first).append(": ");
                        line.append(ScoreOutput.signed(d.interval()));
                        line.append(mixed ? ", of the " + named(d.in()) : "");
                    });
            row.unlike().ifPresent(w -> line.append("  not comparable with the first: ").append(w));
            out.println(line);
        }
        table.best().ifPresent(best -> out.println("below all others: " + best));
        Bootstrap.caution(shard.size(), "pictures").ifPresent(out::println);
    }

    private static String named(PredictionType target) {
        return switch (target) {
            case EPSILON -> "noise (epsilon)";
            case V_PREDICTION -> "velocity (v_prediction)";
            case SAMPLE -> "clean latent (sample)";
        };
    }

    Map<String, Object> json() {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("measure", "denoising loss");
        Bootstrap.caution(shard.size(), "pictures").ifPresent(c -> json.put("caution", c));
        json.put("shard", text);
        json.put("shard_sha256", shard.sha256());
        json.put("pictures", shard.size());
        json.put("draws", draws);
        json.put("seed", seed);
        json.put("baseline", table.rows().getFirst().loss().model());
        table.best().ifPresent(best -> json.put("best", best));
        List<Map<String, Object>> models = new ArrayList<>();
        for (LossTable.Row row : table.rows()) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("model", row.loss().model());
            m.put("unet_sha256", row.loss().unetSha256());
            m.put("target", row.loss().target().configName());
            m.put("loss", ScoreOutput.interval(row.own()));
            m.put("noise_loss", ScoreOutput.interval(row.noise()));
            row.toFirst()
                    .ifPresent(d -> {
                        Map<String, Object> difference = ScoreOutput.interval(d.interval());
                        difference.put("target", d.in().configName());
                        m.put("minus_baseline", difference);
                    });
            row.unlike().ifPresent(why -> m.put("not_comparable", why));
            m.put("by_timestep", row.loss().byTimestep());
            m.put("per_picture", perPicture(row.loss().own()));
            m.put("notes", row.loss().notes());
            models.add(m);
        }
        json.put("models", models);
        return json;
    }

    private Map<String, Object> perPicture(List<Double> values) {
        Map<String, Object> out = new LinkedHashMap<>();
        List<SampleInfo> rows = shard.infos();
        for (int i = 0; i < values.size(); i++) {
            out.put(rows.get(i).key(), values.get(i));
        }
        return out;
    }
}
