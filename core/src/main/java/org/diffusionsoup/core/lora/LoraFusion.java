package org.diffusionsoup.core.lora;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * A model with LoRAs in its weights: every updated weight is {@code W + s1 delta1 + s2 delta2 + …},
 * computed in float64 and rounded once to the dtype of {@code W}. Nothing is computed before it is
 * read.
 */
public final class LoraFusion {
    private LoraFusion() {}

    /**
     * A LoRA and how much of it.
     *
     * @param lora open for as long as the fused model is read
     * @param strength what its updates are multiplied with, any finite number; 0 for none
     */
    public record Term(Lora lora, double strength) {
        /**
         * @throws SoupException if the strength is not finite
         */
        public Term {
            if (!Double.isFinite(strength)) {
                throw new SoupException(
                        "The strength of %s must be a finite number, not %s."
                                .formatted(lora.path(), strength));
            }
        }
    }

    /**
     * Puts LoRAs into a model.
     *
     * @param model its components under diffusers' names, today's or older ones ({@link
     *     TensorNames}); borrowed
     * @param terms added up in this order, each relative to the model without the others
     * @return all components; those that no LoRA updates are the model's own, others have today's
     *     names
     * @throws SoupException naming file and tensor if the model has no such tensor, or one of
     *     another shape
     */
    public static SequencedMap<String, TensorSource> of(
            Map<String, ? extends TensorSource> model, List<Term> terms) {
        check(model, terms);
        SequencedMap<String, TensorSource> fused = new LinkedHashMap<>();
        model.forEach((name, source) -> fused.put(name, component(name, source, terms)));
        return Collections.unmodifiableSequencedMap(fused);
    }

    /**
     * Checks that a model has every tensor that LoRAs update, in the shape they update.
     *
     * @throws SoupException naming file and tensor if it has not
     */
    public static void check(Map<String, ? extends TensorSource> model, List<Term> terms) {
        Map<String, TensorSource> today = today(model);
        for (Term term : terms) {
            for (LoraLayer layer : term.lora.layers()) {
                layer.checkFits(weight(today, term.lora, layer).shape());
            }
        }
    }

    /**
     * One component with the updates that are of it; see {@link #of}.
     *
     * @return the source itself where there are none; otherwise one under today's names
     * @throws SoupException if it lacks a tensor of them, or has one of another shape
     */
    public static TensorSource component(String name, TensorSource stored, List<Term> terms) {
        TensorSource source = TensorNames.today(stored);
        Map<String, List<FusedSource.Part>> updates = new TreeMap<>();
        for (Term term : terms) {
            for (LoraLayer layer : term.lora.layers()) {
                if (layer.target().component().equals(name)) {
                    layer.checkFits(weight(Map.of(name, source), term.lora, layer).shape());
                    updates.computeIfAbsent(layer.target().tensor(), n -> new ArrayList<>())
                            .add(new FusedSource.Part(layer, term.strength));
                }
            }
        }
        return updates.isEmpty() ? stored : new FusedSource(source, updates);
    }

    /** A model under the names that updates are looked for by. */
    static Map<String, TensorSource> today(Map<String, ? extends TensorSource> model) {
        Map<String, TensorSource> today = new LinkedHashMap<>();
        model.forEach((name, source) -> today.put(name, TensorNames.today(source)));
        return today;
    }

    /**
     * Refuses a weight of a model that factors, once they are trained, could not be put into: one
     * that is no floating-point number, or whose module no LoRA names.
     *
     * @param component such as {@code unet}
     * @param source its weights
     * @param tensor of the source, under today's name
     * @throws SoupException naming the file and the tensor
     */
    public static void requireTarget(String component, TensorSource source, String tensor) {
        LoraTarget target = new LoraTarget(component, tensor);
        if (!LoraTargets.isNamed(target)) {
            throw new SoupException(
                    "%s: low-rank factors of %s could not be stored, as LoRA files have no name for this module; train the weights themselves."
                            .formatted(source.path(), tensor));
        }
        TensorInfo info = source.tensor(tensor);
        if (!info.dtype().isFloat()) {
            throw new SoupException(
                    "%s: %s is %s and no floating-point weight, which low-rank factors could not be put into; use the model's F16, BF16 or F32 file."
                            .formatted(source.path(), tensor, info.dtype()));
        }
    }

    private static TensorInfo weight(
            Map<String, ? extends TensorSource> model, Lora lora, LoraLayer layer) {
        LoraTarget t = layer.target();
        TensorSource component = model.get(t.component());
        TensorInfo info = component == null ? null : component.tensors().get(t.tensor());
        if (info == null && component != null && !hasDiffusersNames(component)) {
            throw new SoupException(
                    "%s: its tensors are called '%s' and the like, which are no names of diffusers, so no LoRA can be put into them; exchange it for the %s of a diffusers folder, which 'soup convert FILE `out` DIR' makes of a whole checkpoint."
                            .formatted(
                                    component.path(),
                                    component.tensors().keySet().stream().findFirst().orElse(""),
                                    t.component()));
        }
        if (info == null || component == null) {
            throw new SoupException(
                    "%s updates %s ('%s'), which the model does not have%s; the LoRA was made for another model."
                            .formatted(
                                    lora.path(),
                                    t,
                                    layer.key(),
                                    component == null
                                            ? ", as there is no component '" + t.component() + "'"
                                            : ""));
        }
        if (!info.dtype().isFloat()) {
            throw new SoupException(
                    "%s updates %s, which is %s in the model and no floating-point weight; use the model's F16, BF16 or F32 file."
                            .formatted(lora.path(), t, info.dtype()));
        }
        return info;
    }

    /** Whether any tensor is called as diffusers calls a denoiser's or a text encoder's. */
    private static boolean hasDiffusersNames(TensorSource component) {
        return component.tensors().keySet().stream()
                .anyMatch(n ->
                        n.matches("(down_blocks|mid_block|up_blocks|conv_in|text_model)\\..*"));
    }
}
