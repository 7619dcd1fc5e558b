package org.diffusionsoup.core.mismatch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.checkpoint.Architecture;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.ModelGuess;
import org.diffusionsoup.core.mismatch.Mismatch.Cause;
import org.diffusionsoup.core.mismatch.Mismatches.Model;

/** Explains differences that have a well-known reason. */
final class MismatchGuesses {
    private final List<Model> models;
    private final List<Mismatch> found;
    private final Set<String> said = new LinkedHashSet<>();

    private MismatchGuesses(List<Model> models, List<Mismatch> found) {
        this.models = models;
        this.found = found;
    }

    static List<String> of(List<Model> models, List<Mismatch> found) {
        if (found.isEmpty()) {
            return List.of();
        }
        MismatchGuesses g = new MismatchGuesses(models, found);
        g.layouts();
        g.architectures();
        g.names();
        g.keys();
        g.objectives();
        g.dtypes();
        if (g.said.isEmpty()) {
            g.otherNames();
        }
        return new ArrayList<>(g.said);
    }

    private void layouts() {
        for (Mismatch m : found) {
            if (m.cause() == Cause.LAYOUT && !areOfDifferentKinds(0, m.input())) {
                said.add(
                        "%s is %s, %s is %s: bring them into one layout first, with '%s'."
                                .formatted(
                                        models.get(m.input()).name(),
                                        m.actual(),
                                        models.getFirst().name(),
                                        m.expected(),
                                        convert(m)));
            }
        }
    }

    /** How the single file of the two becomes a folder, too. */
    private String convert(Mismatch layout) {
        boolean other = layout.actual().startsWith("one ");
        Path single = Path.of((other ? models.get(layout.input()) : models.getFirst()).name());
        return DiffusersFolder.convertCommand(single);
    }

    /** The odd one out is named, be it the first. */
    private void architectures() {
        List<String> kinds = models.stream().map(m -> ModelGuess.of(m.parts()).orElse("")).toList();
        Map<String, Long> count =
                kinds.stream()
                        .filter(k -> !k.isEmpty())
                        .collect(Collectors.groupingBy(k -> k, Collectors.counting()));
        if (count.size() < 2) {
            return;
        }
        String usual = kinds.getFirst();
        for (String k : new TreeSet<>(count.keySet())) {
            if (usual.isEmpty() || count.getOrDefault(k, 0L) > count.getOrDefault(usual, 0L)) {
                usual = k;
            }
        }
        String most = usual;
        int[] odd =
                IntStream.range(0, models.size())
                        .filter(i -> !kinds.get(i).isEmpty() && !kinds.get(i).equals(most))
                        .toArray();
        long others = kinds.stream().filter(most::equals).count();
        String rest = others == 1 ? "the other is " : "each of the others is ";
        for (int i : odd) {
            String name = models.get(i).name();
            said.add(
                    kinds.get(i).startsWith("LoRA")
                            ? name
                                    + " is a LoRA, not a checkpoint: 'soup lora fuse' puts it into"
                                    + " its base first."
                            : "%s is %s, %s%s: models of different architecture have no mean; average models of one."
                                    .formatted(
                                            name, described(kinds.get(i)), rest, described(most)));
        }
    }

    /** With its article, where it needs one. */
    private static String described(String kind) {
        String model =
                kind.startsWith(Architecture.SMALL) ? kind : Plural.one(kind) + " checkpoint";
        return model.replace(", laid out as ", " (laid out as ")
                + (kind.contains(", laid out as ") ? ")" : "");
    }

    /** Whether two are known to be of different architecture, whatever their layout. */
    private boolean areOfDifferentKinds(int one, int other) {
        Optional<String> a = ModelGuess.of(models.get(one).parts());
        Optional<String> b = ModelGuess.of(models.get(other).parts());
        return a.isPresent() && b.isPresent() && !a.equals(b);
    }

    /** Weights that only the first has, and others that only this one has, in one component. */
    private void otherNames() {
        for (int i = 1; i < models.size(); i++) {
            int input = i;
            List<Mismatch> lacks = weights(input, Cause.MISSING_KEY);
            List<Mismatch> has = weights(input, Cause.EXTRA_KEY);
            if (lacks.size() < 2 || lacks.size() != has.size()) {
                continue;
            }
            for (Mismatch m : lacks.subList(0, 1)) {
                has.stream()
                        .filter(x -> x.part().equals(m.part()))
                        .findFirst()
                        .ifPresent(x ->
                                said.add(
                                        "%s may call tensors otherwise than %s, such as '%s' and '%s'; only what has one name is averaged, so check with soup inspect `tensors` before averaging them nevertheless."
                                                .formatted(
                                                        models.get(input).name(),
                                                        models.getFirst().name(),
                                                        x.name(),
                                                        m.name())));
            }
        }
    }

    private List<Mismatch> weights(int input, Cause cause) {
        return found.stream()
                .filter(m -> m.input() == input && m.cause() == cause)
                .filter(m -> !MismatchText.isNoWeight(m.name()))
                .toList();
    }

    private void names() {
        boolean first = isLdm(models.getFirst());
        for (int i = 1; i < models.size(); i++) {
            if (isLdm(models.get(i)) != first && has(i, Cause.MISSING_KEY, k -> true)) {
                int ldm = first ? 0 : i;
                boolean known =
                        models.stream().allMatch(MismatchGuesses::isDiffusionModel)
                                && !areOfDifferentKinds(0, i);
                if (known) {
                    said.add(
                            models.get(ldm).name()
                                    + " names its tensors as the original Stable Diffusion code"
                                    + " does, "
                                    + models.get(i - ldm).name()
                                    + " as diffusers does: bring them into one layout first (soup"
                                    + " convert).");
                }
            }
        }
    }

    private static boolean isDiffusionModel(Model m) {
        return ModelGuess.of(m.parts()).isPresent();
    }

    private static boolean isLdm(Model m) {
        return m.parts().values().stream().anyMatch(ModelGuess::isLdm);
    }

    private void keys() {
        if (found.stream().anyMatch(m -> isKey(m) && isPositionIds(m.name()))) {
            said.add(
                    "Keys that end in position_ids are buffers 0, 1, 2, … which older versions of"
                            + " libraries write and newer ones do not; nothing is lost without"
                            + " them (`onMissing` drop, `onExtra` drop).");
        }
        for (int i = 0; i < models.size(); i++) {
            Model model = models.get(i);
            if (found.stream().noneMatch(MismatchGuesses::isKey)) {
                return;
            }
            boolean ema = any(model, k -> k.startsWith("model_ema."));
            boolean firstEma = any(models.getFirst(), k -> k.startsWith("model_ema."));
            if (ema && (i == 0 ? someLackEma() : !firstEma)) {
                said.add(
                        model.name()
                                + " holds EMA weights as well (model_ema.*), a second copy of the"
                                + " model; "
                                + (i == 0 ? "`onMissing` drop" : "`onExtra` drop")
                                + " leaves them out.");
            }
            if (any(model, k -> k.startsWith("cond_stage_model."))
                    != any(models.getFirst(), k -> k.startsWith("cond_stage_model."))) {
                said.add(
                        "One of "
                                + models.getFirst().name()
                                + " and "
                                + model.name()
                                + " was saved without its text encoder (cond_stage_model.*).");
            }
            if (any(model, k -> k.startsWith("first_stage_model."))
                    != any(models.getFirst(), k -> k.startsWith("first_stage_model."))) {
                said.add(
                        "One of "
                                + models.getFirst().name()
                                + " and "
                                + model.name()
                                + " was saved without its autoencoder (first_stage_model.*).");
            }
        }
    }

    private boolean someLackEma() {
        return models.stream().anyMatch(m -> !any(m, k -> k.startsWith("model_ema.")));
    }

    private void objectives() {
        for (Mismatch m : found) {
            if (m.cause() == Cause.FILE && MismatchText.isObjective(m)) {
                said.add(
                        "%s and %s were trained to predict different things; a mean of such models draws noise."
                                .formatted(models.getFirst().name(), models.get(m.input()).name()));
            }
        }
    }

    private void dtypes() {
        for (int i = 1; i < models.size(); i++) {
            int input = i;
            List<Mismatch> of =
                    found.stream()
                            .filter(m -> m.cause() == Cause.DTYPE && m.input() == input)
                            .toList();
            Set<String> pairs =
                    of.stream()
                            .map(m -> type(m.actual()) + ", not " + type(m.expected()))
                            .collect(Collectors.toCollection(TreeSet::new));
            if (of.size() > 1 && pairs.size() == 1) {
                said.add(
                        models.get(i).name()
                                + " was saved as "
                                + pairs.iterator().next()
                                + ", the same model otherwise perhaps: `onDtype` convert averages"
                                + " the values and stores them as the first does.");
            }
        }
    }

    private static String type(String words) {
        int bracket = words.indexOf('[');
        return bracket < 0 ? words : words.substring(0, bracket);
    }

    private boolean has(int input, Cause cause, Predicate<String> key) {
        return found.stream()
                .anyMatch(m -> m.input() == input && m.cause() == cause && key.test(m.name()));
    }

    private static boolean isKey(Mismatch m) {
        return m.cause() == Cause.MISSING_KEY || m.cause() == Cause.EXTRA_KEY;
    }

    private static boolean isPositionIds(String key) {
        return key.equals("position_ids") || key.endsWith(".position_ids");
    }

    private static boolean any(Model model, Predicate<String> key) {
        return model.parts().values().stream().anyMatch(t -> t.keySet().stream().anyMatch(key));
    }
}
