package org.diffusionsoup.core.mismatch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.ModelGuess;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.mismatch.Mismatch.Cause;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnShape;
import org.diffusionsoup.core.mismatch.Mismatches.Model;
import org.diffusionsoup.core.mismatch.TensorPlan.Mode;
import org.diffusionsoup.core.tensor.TensorInfo;

/** Compares state dicts with the first and plans the output, tensor by tensor. */
final class MismatchFinder {
    private final List<Model> models;
    private final MismatchPolicy policy;
    private final List<Mismatch> found = new ArrayList<>();
    private final List<TensorPlan> plan = new ArrayList<>();

    MismatchFinder(List<Model> models, MismatchPolicy policy) {
        this.models = models;
        this.policy = policy;
        parts();
        if (!found.isEmpty()) {
            architectures(); // told by names and shapes, which are all the same otherwise
        }
    }

    List<Mismatch> found() {
        return found;
    }

    List<TensorPlan> plan() {
        return plan;
    }

    private void architectures() {
        var first = ModelGuess.of(models.getFirst().parts());
        for (int i = 1; i < models.size(); i++) {
            var other = ModelGuess.of(models.get(i).parts());
            if (first.isPresent() && other.isPresent() && !first.equals(other)) {
                // The keys and shapes that come with it are judged by the policy.
                found.add(
                        new Mismatch(
                                Cause.ARCHITECTURE, i, "", "", first.get(), other.get(), false));
            }
        }
    }

    private void parts() {
        Set<String> first = models.getFirst().parts().keySet();
        Set<String> all = new LinkedHashSet<>(first);
        models.forEach(m -> all.addAll(m.parts().keySet()));
        for (String part : all) {
            List<Integer> holders = new ArrayList<>();
            for (int i = 0; i < models.size(); i++) {
                boolean has = models.get(i).parts().containsKey(part);
                if (has) {
                    holders.add(i);
                }
                if (first.contains(part) && !has) {
                    boolean refused = policy.missing() == OnMissing.REFUSE;
                    found.add(new Mismatch(Cause.MISSING_PART, i, part, "", "", "", refused));
                } else if (!first.contains(part) && has) {
                    boolean refused = policy.extra() == OnExtra.REFUSE;
                    found.add(new Mismatch(Cause.EXTRA_PART, i, part, "", "", "", refused));
                }
            }
            tensors(part, holders, holders.size() < models.size());
        }
    }

    /**
     * @param partial whether some checkpoints lack the whole part, which has been told
     */
    private void tensors(String part, List<Integer> holders, boolean partial) {
        List<SequencedMap<String, TensorInfo>> tensors = new ArrayList<>();
        for (int i : holders) {
            tensors.add(tensors(part, i));
        }
        SequencedMap<String, TensorInfo> first = tensors.getFirst();
        Set<String> keys = new LinkedHashSet<>(first.keySet());
        TreeSet<String> more = new TreeSet<>();
        for (SequencedMap<String, TensorInfo> t : tensors) {
            for (String key : t.keySet()) {
                if (!first.containsKey(key)) {
                    more.add(key);
                }
            }
        }
        keys.addAll(more);
        boolean extraPart = holders.getFirst() != 0;
        for (String key : keys) {
            boolean extra = extraPart || !first.containsKey(key);
            boolean mark = isMark(key);
            List<Holder> with = new ArrayList<>();
            for (int h = 0; h < tensors.size(); h++) {
                TensorInfo info = tensors.get(h).get(key);
                int i = holders.get(h);
                boolean has = info != null;
                if (info != null) {
                    with.add(new Holder(i, info));
                }
                if (extraPart || mark) {
                    continue; // told as a part, or by what it marks
                }
                if (extra && has) {
                    key(Cause.EXTRA_KEY, i, part, key, policy.extra() == OnExtra.REFUSE);
                } else if (!extra && !has) {
                    key(Cause.MISSING_KEY, i, part, key, policy.missing() == OnMissing.REFUSE);
                }
            }
            boolean missing = !extra && (partial || with.size() < holders.size());
            boolean dropped =
                    !mark
                            && (extra
                                    ? policy.extra() == OnExtra.DROP
                                    : missing && policy.missing() == OnMissing.DROP);
            kinds(part, key, with, dropped);
        }
    }

    /** Whether a tensor is none but a mark of what a single file predicts. */
    private static boolean isMark(String key) {
        return key.equals(TrainingObjective.VELOCITY_MARK)
                || key.equals(TrainingObjective.ZERO_SNR_MARK);
    }

    private void key(Cause cause, int input, String part, String key, boolean refused) {
        boolean missing = cause == Cause.MISSING_KEY;
        boolean other =
                missing ? policy.missing() == OnMissing.DROP : policy.extra() == OnExtra.KEEP;
        String fate = other ? missing ? MismatchText.DROPPED : MismatchText.KEPT : "";
        found.add(new Mismatch(cause, input, part, key, "", fate, refused));
    }

    /** A checkpoint, by its number, that has a tensor. */
    private record Holder(int model, TensorInfo tensor) {}

    private void kinds(String part, String key, List<Holder> with, boolean dropped) {
        TensorInfo first = with.getFirst().tensor();
        boolean fromFirst = false;
        for (Holder h : with) {
            TensorInfo other = h.tensor();
            if (first.sameKind(other)) {
                continue;
            }
            boolean sameShape = Arrays.equals(first.shape(), other.shape());
            if (!sameShape) {
                boolean refused = !dropped && policy.shape() != OnShape.FROM_FIRST;
                kind(Cause.SHAPE, h.model(), part, first, other, refused);
                fromFirst = true;
            }
            if (first.dtype() != other.dtype()) {
                boolean floats = first.dtype().isFloat() && other.dtype().isFloat();
                OnDtype on = policy.dtype();
                boolean taken = sameShape ? on == OnDtype.FROM_FIRST : true;
                boolean strict =
                        on == OnDtype.REFUSE && (floats || policy.integers() == OnInteger.REFUSE);
                boolean refused = !dropped && !taken && strict;
                kind(floats ? Cause.DTYPE : Cause.INTEGER, h.model(), part, first, other, refused);
                fromFirst |= on == OnDtype.FROM_FIRST || !floats;
            }
        }
        if (dropped) {
            return;
        }
        int[] from = new int[fromFirst ? 1 : with.size()];
        for (int i = 0; i < from.length; i++) {
            from[i] = with.get(i).model();
        }
        boolean copy = from.length == 1 || !first.dtype().isFloat();
        plan.add(
                new TensorPlan(
                        part,
                        key,
                        first.shape(),
                        first.dtype(),
                        from,
                        copy ? Mode.COPY : Mode.AVERAGE));
    }

    private void kind(
            Cause cause,
            int input,
            String part,
            TensorInfo first,
            TensorInfo other,
            boolean refused) {
        found.add(
                new Mismatch(
                        cause, input, part, first.name(), words(first), words(other), refused));
    }

    private static String words(TensorInfo t) {
        return t.dtype() + Arrays.toString(t.shape());
    }

    private SequencedMap<String, TensorInfo> tensors(String part, int model) {
        SequencedMap<String, TensorInfo> t = models.get(model).parts().get(part);
        if (t == null) {
            throw new SoupException(models.get(model).name() + " has no component '" + part + "'.");
        }
        return t;
    }
}
