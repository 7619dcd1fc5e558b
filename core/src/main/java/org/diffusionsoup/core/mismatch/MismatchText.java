package org.diffusionsoup.core.mismatch;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.mismatch.Mismatch.Cause;

/** A report on mismatches as text: the first twenty of each cause, the counts, what to do. */
final class MismatchText {
    /** What becomes of a tensor that the first has and another lacks, unless all stay. */
    static final String DROPPED = "dropped";

    /** What becomes of a tensor that the first lacks, unless it is left out. */
    static final String KEPT = "kept";

    private static final int SHOWN = 20;

    private static final String SILENT = TrainingObjective.SILENT;

    private static final Set<String> NO_WEIGHTS =
            Set.of(
                    "position_ids",
                    "logit_scale",
                    "attn_mask",
                    "causal_mask",
                    "num_updates",
                    "num_batches_tracked",
                    "betas",
                    "alphas_cumprod",
                    "alphas_cumprod_prev",
                    "logvar",
                    "lvlb_weights",
                    "log_one_minus_alphas_cumprod",
                    "posterior_log_variance_clipped",
                    "posterior_mean_coef1",
                    "posterior_mean_coef2",
                    "posterior_variance",
                    "sqrt_alphas_cumprod",
                    "sqrt_one_minus_alphas_cumprod",
                    "sqrt_recip_alphas_cumprod",
                    "sqrt_recipm1_alphas_cumprod",
                    "global_step");

    private MismatchText() {}

    static String of(List<String> names, Mismatches m) {
        if (m.isEmpty()) {
            return "All checkpoints have the same tensors.\n";
        }
        StringBuilder text = new StringBuilder();
        text.append(
                m.isRefused()
                        ? "These checkpoints cannot be averaged as they are; compared with "
                        : "These checkpoints differ, and are averaged all the same; compared with ");
        text.append(Visible.text(names.getFirst())).append(":\n");
        List<Mismatch> all = m.all();
        m.counts()
                .forEach((cause, count) -> {
                    text.append("\n  ")
                            .append(cause.heading())
                            .append(" (")
                            .append(count)
                            .append(")\n");
                    List<Mismatch> of = all.stream().filter(x -> x.cause() == cause).toList();
                    of.stream()
                            .limit(SHOWN)
                            .forEach(x ->
                                    text.append("    ")
                                            .append(Visible.text(line(names, x)))
                                            .append('\n'));
                    if (count > SHOWN) {
                        text.append("    and ").append(count - SHOWN).append(" more\n");
                    }
                });
        List<String> guesses = m.guesses();
        if (!guesses.isEmpty()) {
            text.append("\nIt looks as if:\n");
            guesses.forEach(g -> text.append("  ").append(Visible.text(g)).append('\n'));
        }
        if (m.isRefused()) {
            List<String> ways = ways(all);
            if (!ways.isEmpty()) {
                text.append("\nTo average them nevertheless:\n");
                ways.forEach(w -> text.append("  ").append(w).append('\n'));
            }
        }
        return text.toString();
    }

    /** One difference on one line. */
    static String line(List<String> names, Mismatch m) {
        String who = names.get(m.input()) + ": ";
        return who
                + switch (m.cause()) {
                    case LAYOUT, ARCHITECTURE -> m.actual() + " instead of " + m.expected();
                    case MISSING_PART -> "no component " + m.part();
                    case EXTRA_PART -> "component " + m.part();
                    case MISSING_KEY -> "no " + Visible.cut(m.place());
                    case EXTRA_KEY -> Visible.cut(m.place());
                    case SHAPE, DTYPE, INTEGER ->
                            Visible.cut(m.place())
                                    + " is "
                                    + m.actual()
                                    + " instead of "
                                    + m.expected();
                    case FILE -> file(m);
                };
    }

    private static String file(Mismatch m) {
        return switch (m.actual()) {
            case "another content" -> m.place() + " has another content";
            case "absent" -> "no file " + m.place();
            case "there" -> "file " + m.place();
            default ->
                    m.place()
                            + (m.name().equals(FolderFiles.OBJECTIVE) ? ": " : " says ")
                            + m.actual()
                            + " instead of "
                            + m.expected();
        };
    }

    /**
     * What may be asked for instead: only what gives a checkpoint that loads. So nothing where
     * models are of different kinds; weights that the first has are not left out, and those that it
     * lacks are not added.
     */
    private static List<String> ways(List<Mismatch> all) {
        if (all.stream().anyMatch(m -> m.cause() == Cause.ARCHITECTURE)) {
            return List.of();
        }
        List<String> ways = new ArrayList<>();
        for (Cause cause : Cause.values()) {
            List<Mismatch> of =
                    all.stream()
                            .filter(m -> m.cause() == cause && (m.refused() || isUnfit(m, all)))
                            .toList();
            if (cause == Cause.FILE && of.stream().anyMatch(MismatchText::isObjective)) {
                if (of.stream().anyMatch(m -> (m.expected() + m.actual()).contains(SILENT))) {
                    ways.add("`onFiles` from-first          if all predict what one of them says");
                }
            } else if (!of.isEmpty()) {
                ways.addAll(ways(cause, of.stream().allMatch(m -> isNoWeight(m.name()))));
            }
        }
        return ways.stream().distinct().toList();
    }

    /**
     * Whether what was asked for gives other weights than the first's, whose configuration another
     * one's was refused beside: taking the first's would not do.
     */
    private static boolean isUnfit(Mismatch m, List<Mismatch> all) {
        return (m.actual().equals(DROPPED) || m.actual().equals(KEPT))
                && !isNoWeight(m.name())
                && all.stream()
                        .filter(f -> f.refused() && f.cause() == Cause.FILE)
                        .anyMatch(f ->
                                m.part().isEmpty() // a file, which carries its configurations
                                        ? f.name().endsWith("/config.json")
                                        : f.name().equals(m.part() + "/config.json"));
    }

    /** Whether models were trained to predict different things, so that their mean draws noise. */
    static boolean isObjective(Mismatch m) {
        return m.name().equals(FolderFiles.OBJECTIVE)
                || m.name().equals(CarriedConfigs.SCHEDULER)
                        && m.expected().contains("prediction_type");
    }

    /**
     * @param spare whether the models do without what differs
     */
    private static List<String> ways(Cause cause, boolean spare) {
        String present = "`onMissing` average-present   average over those that have it";
        String drop = "`onExtra` drop                leave it out";
        String first = "take the first's tensor, not a mean";
        return switch (cause) {
            case LAYOUT, ARCHITECTURE -> List.of();
            case MISSING_PART -> List.of(present, "`onMissing` drop              leave it out");
            case EXTRA_PART -> List.of(drop, "`onExtra` keep                keep it");
            case MISSING_KEY ->
                    spare
                            ? List.of(present, "`onMissing` drop              leave it out")
                            : List.of(present);
            case EXTRA_KEY ->
                    spare ? List.of(drop, "`onExtra` keep                keep it") : List.of(drop);
            case SHAPE -> List.of("`onShape` from-first          " + first);
            case DTYPE -> List.of("`onDtype` convert             average, store as the first does");
            case INTEGER -> List.of("`onIntegers` from-first       " + first);
            case FILE -> List.of("`onFiles` from-first          take what the first says");
        };
    }

    /** Whether a key is one of what training and libraries keep beside a model's weights. */
    static boolean isNoWeight(String key) {
        String last = key.substring(key.lastIndexOf('.') + 1);
        return key.startsWith("model_ema.")
                || NO_WEIGHTS.contains(last)
                || key.indexOf('.') < 0 && NO_WEIGHTS.contains(key);
    }
}
