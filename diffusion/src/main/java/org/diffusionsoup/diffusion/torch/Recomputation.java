package org.diffusionsoup.diffusion.torch;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174, "Training Deep Nets with Sublinear
 * Memory Cost"): while one of these is open on a thread, a model's {@linkplain #segment segments}
 * keep their output alone, and the backward pass computes what lies inside of them again, one
 * segment at a time. It costs about one more forward pass, and holds the activations of one segment
 * in the place of those of the whole model.
 *
 * <p>Gradients are the same bits as without it: where a tensor has several users, what comes from
 * them is added in the order in which torch adds it.
 *
 * <p>Not for several threads; nothing random may happen inside of a segment.
 */
public final class Recomputation implements AutoCloseable {
    static {
        Natives.load();
    }

    private static final ThreadLocal<@Nullable Recomputation> OPEN = new ThreadLocal<>();

    private final boolean enabled;
    private final List<Recorded> segments = new ArrayList<>();
    private final Set<Tensor> outputs = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Map<Tensor, Root> roots = new IdentityHashMap<>();
    private boolean replaying;

    /** A part of a model: tensors to one tensor, by the same rule whenever it is called. */
    public interface Segment {
        /**
         * @param inputs in the order in which {@link #segment} was given them
         */
        Tensor run(Tensor... inputs);
    }

    /** A segment that ran, and what it ran with. */
    private record Recorded(Segment segment, Tensor[] inputs, Tensor output, boolean bfloat16) {}

    /**
     * A tensor from elsewhere that segments take, with a gradient graph of its own.
     *
     * @param first index of the first segment that does: once that one's gradients are there, all
     *     are
     * @param leaf its values cut out of the graph, which collects the gradients
     */
    private record Root(int first, Tensor leaf) {}

    private Recomputation(boolean enabled) {
        this.enabled = enabled;
    }

    /**
     * Begins; what a model computes until {@link #close} on this thread belongs to it.
     *
     * @param enabled false for one that does nothing, whose {@link #backward} is torch's own
     */
    public static Recomputation open(boolean enabled) {
        Recomputation r = new Recomputation(enabled);
        if (enabled) {
            if (OPEN.get() != null) {
                throw new TorchException("gradient checkpointing is on already");
            }
            OPEN.set(r);
        }
        return r;
    }

    /**
     * Runs a part of a model, whose inside is computed again in the backward pass if there is to be
     * one and a recomputation is open. Where no gradients are recorded, all that it makes but its
     * result is freed at its end.
     *
     * @param inputs all tensors but parameters that gradients shall reach: outputs of segments, or
     *     computed before without any. They live until the backward pass
     * @return what it returns, then cut out of the gradient graph; it lives until {@link #close}
     */
    public static Tensor segment(Segment segment, Tensor... inputs) {
        Recomputation r = OPEN.get();
        return r == null || r.replaying || !Torch.gradients()
                ? Scope.result(() -> segment.run(inputs))
                : r.record(segment, inputs);
    }

    /** The same of a part that takes two tensors. */
    public static Tensor segment(BinaryOperator<Tensor> segment, Tensor a, Tensor b) {
        return segment(in -> segment.apply(in[0], in[1]), a, b);
    }

    private Tensor record(Segment segment, Tensor... inputs) {
        for (Tensor t : inputs) {
            if (!outputs.contains(t) && t.requiresGrad()) {
                roots.computeIfAbsent(
                        t, x -> new Root(segments.size(), x.detach().requiresGrad_(true).keep()));
            }
        }
        Tensor output;
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            output = segment.run(inputs).detach().keep();
        }
        output.requiresGrad_(true);
        outputs.add(output);
        segments.add(new Recorded(segment, inputs.clone(), output, Torch.isBfloat16Compute()));
        return output;
    }

    /**
     * Back-propagates from a scalar through all segments; gradients add up in the leaves. Once
     * only.
     *
     * @param scalar computed since this was opened
     */
    public void backward(Tensor scalar) {
        scalar.backward();
        replaying = true;
        while (!segments.isEmpty()) {
            Recorded last = segments.removeLast();
            replay(last);
            outputs.remove(last.output);
            last.output.release();
            int at = segments.size();
            roots.entrySet().removeIf(root -> root.getValue().first == at && finish(root));
        }
    }

    private void replay(Recorded recorded) {
        try (Scope s = Scope.open()) {
            Tensor gradient = recorded.output.grad();
            if (!gradient.isDefined()) {
                return; // nothing that counts depends on it
            }
            Tensor[] inputs = new Tensor[recorded.inputs.length];
            List<Tensor> ends = new ArrayList<>();
            List<Tensor> gradients = new ArrayList<>();
            for (int i = 0; i < inputs.length; i++) {
                int same = List.of(recorded.inputs).indexOf(recorded.inputs[i]);
                inputs[i] = same < i ? inputs[same] : input(recorded.inputs[i], ends, gradients);
            }
            Tensor again;
            try (Torch.Guard half = Torch.bfloat16Compute(recorded.bfloat16)) {
                again = recorded.segment.run(inputs);
            }
            if (again.requiresGrad()) {
                ends.add(again);
                gradients.add(gradient);
            }
            Tensor.backward(ends, gradients);
        }
    }

    /**
     * An input of a segment that runs again. What later users have added to its gradient so far
     * goes into the backward pass once more, at the input's own place: there torch adds to it what
     * this segment's users bring, one after the other. Adding up the segment's first would round
     * otherwise.
     *
     * @param ends tensors that the backward pass starts from
     * @param gradients theirs
     */
    private Tensor input(Tensor recorded, List<Tensor> ends, List<Tensor> gradients) {
        Root root = roots.get(recorded);
        if (root == null && !outputs.contains(recorded)) {
            return recorded; // no gradient is asked of it
        }
        Tensor leaf = root == null ? recorded : root.leaf;
        Tensor place = leaf.alias();
        Tensor soFar = leaf.grad();
        if (soFar.isDefined()) {
            ends.add(place);
            gradients.add(soFar.detach());
            leaf.clearGrad();
        }
        return place;
    }

    /** Gradients go on into what a root was computed from. */
    private static boolean finish(Map.Entry<Tensor, Root> root) {
        Tensor leaf = root.getValue().leaf;
        try (Scope s = Scope.open()) {
            Tensor gradient = leaf.grad();
            if (gradient.isDefined()) {
                Tensor.backward(List.of(root.getKey()), List.of(gradient));
            }
        }
        leaf.release();
        return true;
    }

    /** Ends, and frees what is left, as where something failed before the backward pass. */
    @Override
    public void close() {
        if (!enabled) {
            return;
        }
        OPEN.remove();
        segments.forEach(s -> s.output.release());
        roots.values().forEach(r -> r.leaf.release());
        segments.clear();
        roots.clear();
    }
}
