package org.diffusionsoup.registry.weights;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.mismatch.Mismatch;
import org.diffusionsoup.core.mismatch.Mismatch.Cause;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.TensorsOf.Stored;

/**
 * Whether stored weights can be an ingredient of a base, told before the ledger names them: what
 * cannot be averaged would stop every soup that follows, and what is nothing but a base's weights
 * was trained on nothing.
 */
public final class IngredientCheck {
    private final WeightStore store;
    private final Path work;

    /**
     * @param work a folder for files that are not needed afterwards
     */
    public IngredientCheck(WeightStore store, Path work) {
        this.store = store;
        this.work = work;
    }

    /**
     * Refuses what has another tensor, shape or kind of number than its base or what was recorded
     * of it, a value that is not finite, or nothing of its own. A floating-point format may be
     * another than the base's, but not than that of the base's other ingredients.
     *
     * @param what in the sentence: the ingredient and its file
     * @param checkpoint stored
     * @param bases all that are not withdrawn, that base among them
     * @param siblings ingredients of the base that soups take
     */
    public void ingredient(
            String what,
            String checkpoint,
            BaseRow base,
            List<BaseRow> bases,
            List<IngredientRow> siblings) {
        String baseName = "base '" + base.name() + "'";
        refuseFactors(what, checkpoint);
        TensorsOf own = TensorsOf.of(store, checkpoint, what, work.resolve("new"));
        TensorsOf of = TensorsOf.of(store, base.checkpoint(), baseName, work.resolve("base"));
        Optional<String> wrong = difference(of, own, false);
        if (wrong.isPresent()) {
            throw new RegistryException(
                    what
                            + " is no model of "
                            + baseName
                            + ": "
                            + wrong.get()
                            + "; name the base that it was trained from with `base` ('soup convert'"
                            + " turns a folder into a single file and back).");
        }
        sibling(of, siblings)
                .ifPresent(s ->
                        difference(s, own, true)
                                .ifPresent(d -> {
                                    throw new RegistryException(
                                            what
                                                    + " cannot be averaged with "
                                                    + s.model().name()
                                                    + ", which is of the same base: "
                                                    + d
                                                    + "; give it in the same form"
                                                    + conversion(s, own)
                                                    + ", or, if the other is wrong, take that out"
                                                    + " with 'soup ingredient retire'.");
                                }));
        boolean trained = false;
        for (var t : own.tensors().entrySet()) {
            Stored mine = t.getValue();
            Stored theirs = of.tensors().get(t.getKey());
            if (!mine.info().dtype().isFloat() || mine.hasValuesOf(theirs, store)) {
                continue;
            }
            nonFinite(t.getKey(), mine)
                    .ifPresent(why -> {
                        throw notFinite(what, why);
                    });
            trained = true;
        }
        if (!trained) {
            throw nothing(what, baseName);
        }
        others(own, base, bases)
                .ifPresent(names -> {
                    throw nothing(what, names);
                });
    }

    /** The command that brings weights to another's number format; empty where that is mixed. */
    private static String conversion(TensorsOf wanted, TensorsOf own) {
        Set<DType> to = formats(wanted);
        return to.size() != 1 || to.equals(formats(own))
                ? ""
                : " ('soup merge WEIGHTS `dtype` %s `out` NEW' writes that number format)"
                        .formatted(to.iterator().next());
    }

    private static Set<DType> formats(TensorsOf weights) {
        Set<DType> formats = new HashSet<>();
        weights.tensors().values().stream()
                .map(t -> t.info().dtype())
                .filter(DType::isFloat)
                .forEach(formats::add);
        return formats;
    }

    /** Refuses a LoRA and its like: factors, which are a model only in their base's weights. */
    private void refuseFactors(String what, String checkpoint) {
        Map<String, TensorInfo> tensors = new TreeMap<>();
        TensorsOf.of(store, checkpoint, what, work.resolve("new"))
                .tensors()
                .values()
                .forEach(t -> tensors.put(t.info().name(), t.info()));
        SpecialWeights.of(tensors)
                .filter(SpecialWeights::factors)
                .ifPresent(s -> {
                    throw new RegistryException(
                            what
                                    + " is a "
                                    + s.title()
                                    + " (tensor '"
                                    + Visible.shortened(s.key())
                                    + "'), which is no model by itself: 'soup lora fuse' puts it into"
                                    + " the base that it was trained from, and what that writes is"
                                    + " recorded.");
                });
    }

    /** Refuses a base with a value that is not finite, which each of its ingredients would have. */
    public void base(String what, String checkpoint) {
        refuseFactors(what, checkpoint);
        nonFinite(checkpoint)
                .ifPresent(why -> {
                    throw notFinite(what, why);
                });
    }

    private static RegistryException notFinite(String what, String why) {
        return new RegistryException(
                what
                        + " can be in no average: "
                        + why
                        + "; give weights that are finite (training that ends so needs a lower"
                        + " learning rate).");
    }

    /** The first value of a checkpoint that is not finite, in words; empty if all are. */
    public Optional<String> nonFinite(String checkpoint) {
        return TensorsOf.of(store, checkpoint, "", work.resolve("new"))
                .tensors()
                .entrySet()
                .stream()
                .filter(t -> t.getValue().info().dtype().isFloat())
                .flatMap(t -> nonFinite(t.getKey(), t.getValue()).stream())
                .findFirst();
    }

    private static RegistryException nothing(String what, String whose) {
        return new RegistryException(
                what
                        + " holds the weights of "
                        + whose
                        + " and nothing else: no tensor differs, so it was trained on nothing. Give"
                        + " the weights that were trained; a base is in no soup by itself.");
    }

    /** Bases that have every one of the tensors between them; empty if some are nobody's. */
    private Optional<String> others(TensorsOf own, BaseRow base, List<BaseRow> bases) {
        Set<String> left = new HashSet<>();
        own.tensors().values().stream()
                .filter(t -> t.info().dtype().isFloat() && t.info().byteSize() > 0)
                .forEach(t -> left.add(t.piece().sha256()));
        Set<String> names = new LinkedHashSet<>();
        HeldWeights.Reader reader = new HeldWeights.Reader(store);
        for (BaseRow b : bases) {
            HeldWeights held = reader.of(b.checkpoint());
            boolean had = left.removeAll(held.tensors().keySet()) | left.removeAll(held.small());
            if (had && b.id() != base.id()) {
                names.add("base '" + b.name() + "'");
            }
        }
        return left.isEmpty() && !names.isEmpty()
                ? Optional.of(String.join(" and ", names))
                : Optional.empty();
    }

    /** The first of the others that is itself a model of the base: earlier versions took any. */
    private Optional<TensorsOf> sibling(TensorsOf base, List<IngredientRow> siblings) {
        for (IngredientRow i : siblings) {
            try {
                TensorsOf s =
                        TensorsOf.of(
                                store,
                                i.checkpoint(),
                                "ingredient '" + i.name() + "'",
                                work.resolve("sibling-" + i.id()));
                if (difference(base, s, false).isEmpty()) {
                    return Optional.of(s);
                }
            } catch (SoupException e) {
                // Damaged in the store, which 'soup fsck' says.
            }
        }
        return Optional.empty();
    }

    /** The same of two stored checkpoints, each under a name. */
    public Optional<String> difference(String first, String name, String second, String other) {
        return difference(
                TensorsOf.of(store, first, name, work.resolve("first")),
                TensorsOf.of(store, second, other, work.resolve("second")),
                true);
    }

    /** How the second cannot be averaged with the first, in words; empty if it can. */
    private static Optional<String> difference(TensorsOf first, TensorsOf second, boolean formats) {
        List<Mismatch> all =
                Mismatches.between(List.of(first.model(), second.model()), MismatchPolicy.REFUSE)
                        .all()
                        .stream()
                        .filter(Mismatch::refused)
                        .filter(m ->
                                formats || !Set.of(Cause.DTYPE, Cause.FILE).contains(m.cause()))
                        .toList();
        return all.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        words(all.getFirst())
                                + (all.size() > 1 ? ", and " + (all.size() - 1) + " more" : ""));
    }

    private static String words(Mismatch m) {
        String place = "'" + Visible.shortened(m.place()) + "'";
        return switch (m.cause()) {
            case LAYOUT, ARCHITECTURE -> "it is " + m.actual() + " instead of " + m.expected();
            case MISSING_PART -> "it lacks the component " + place;
            case EXTRA_PART -> "it has a further component " + place;
            case MISSING_KEY -> "it lacks the tensor " + place;
            case EXTRA_KEY -> "it has a further tensor " + place;
            case SHAPE, DTYPE, INTEGER ->
                    "tensor " + place + " is " + m.actual() + " instead of " + m.expected();
            case FILE -> "file " + place + " differs";
        };
    }

    private Optional<String> nonFinite(String name, Stored t) {
        if (isMask(name)) {
            return Optional.empty();
        }
        List<String> found = new ArrayList<>();
        t.values(
                store,
                (at, values, n) -> {
                    for (int i = 0; found.isEmpty() && i < n; i++) {
                        if (!Double.isFinite(values[i])) {
                            found.add(
                                    "tensor '%s' has %s at element %d of %d"
                                            .formatted(
                                                    Visible.shortened(name),
                                                    Double.isNaN(values[i])
                                                            ? "NaN"
                                                            : "an infinite value",
                                                    at + i,
                                                    t.info().elements()));
                        }
                    }
                    return found.isEmpty();
                });
        return found.stream().findFirst();
    }

    /** Masks of text encoders hold minus infinity by their nature. */
    private static boolean isMask(String tensor) {
        return tensor.endsWith("attn_mask")
                || tensor.endsWith("causal_mask")
                || tensor.endsWith("attention_mask");
    }
}
