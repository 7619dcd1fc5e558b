package org.diffusionsoup.core.method;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.kernel.ExactMean;
import org.diffusionsoup.core.method.tensor.Pieces;
import org.diffusionsoup.core.method.tensor.TensorInputs;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;
import org.diffusionsoup.core.method.tensor.Window;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.soup.NoTensors;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** One merge in the making. */
final class MergeRun implements AutoCloseable {
    private final WeightExpr tree;
    private final MismatchPolicy policy;
    private final String first;
    private final SortedSet<String> dropped = new TreeSet<>();
    private final List<String> copied = new ArrayList<>();
    private final List<String> names;
    private final List<Integer> weights = new ArrayList<>();
    private final SequencedMap<String, Checkpoint> open;
    private final SortedMap<String, SortedMap<String, String>> hashes;
    private final Checkpoint like;
    private final MethodMerge options;
    private final Pieces pieces;
    private final long totalBytes;
    private long doneBytes;
    private long tensors;
    private long parameters;

    MergeRun(
            WeightExpr tree,
            MismatchPolicy policy,
            SequencedMap<String, Checkpoint> open,
            SortedMap<String, SortedMap<String, String>> hashes,
            ExecutorService workers,
            MethodMerge options) {
        this.tree = tree;
        this.policy = policy;
        this.first = Trees.first(tree);
        this.open = open;
        this.hashes = hashes;
        this.options = options;
        this.names = List.copyOf(open.keySet());
        Trees.weights(tree).forEach(n -> weights.add(names.indexOf(n)));
        this.like = checkpoint(first);
        this.pieces =
                new Pieces(workers, options.slots(), options.pieceFor(open.size()), names.size());
        this.totalBytes =
                like.parts().values().stream()
                        .flatMap(p -> p.tensors().values().stream())
                        .mapToLong(TensorInfo::byteSize)
                        .sum();
    }

    private Checkpoint checkpoint(String name) {
        return Optional.ofNullable(open.get(name))
                .orElseThrow(() -> new SoupException("There is no input '" + name + "'."));
    }

    /** The checkpoint whose layout the output takes. */
    Checkpoint like() {
        return like;
    }

    /** Components of that one that the output does not have. */
    SortedSet<String> dropped() {
        return dropped;
    }

    /** What is to be written. */
    Map<String, StateDict> parts() {
        Map<String, StateDict> parts = new LinkedHashMap<>();
        for (String part : like.parts().keySet()) {
            List<TensorSource> sources = new ArrayList<>();
            names.forEach(n ->
                    sources.add(
                            checkpoint(n)
                                    .parts()
                                    .getOrDefault(part, new NoTensors(checkpoint(n).path()))));
            List<TensorEntry> entries = new ArrayList<>();
            List<String> own = new ArrayList<>();
            for (TensorInfo info : like.part(part).tensors().values()) {
                Optional<UnlikeTensor> plan = plan(part, info, sources);
                if (plan.isEmpty()) {
                    continue;
                }
                UnlikeTensor tensor = plan.get();
                entries.add(
                        new TensorEntry(
                                info.name(),
                                info.dtype(),
                                info.shape(),
                                out -> write(tensor, info.dtype(), out)));
                tensors++;
                parameters += info.dtype().isFloat() ? info.elements() : 0;
                if (tensor.isCopy()) {
                    own.add(info.name());
                }
            }
            if (entries.isEmpty() && !like.part(part).tensors().isEmpty()) {
                dropped.add(part);
                continue;
            }
            own.forEach(n -> copied.add(part.isEmpty() ? n : part + "/" + n));
            String told = own.isEmpty() ? "" : said(own, entries.size(), 20);
            parts.put(part, new StateDict(metadata(part, told), entries));
        }
        if (parts.isEmpty()) {
            throw new SoupException(
                    "Nothing is left to merge: the inputs have no tensor in common.");
        }
        return parts;
    }

    private Optional<UnlikeTensor> plan(String part, TensorInfo info, List<TensorSource> sources) {
        if (policy.refusesAll()) {
            TensorInputs inputs = TensorInputs.of(part, info, sources);
            return Optional.of(new UnlikeTensor(tree, inputs, Map.of(), weights, false));
        }
        return UnlikeTensor.of(part, info, first, tree, names, weights, sources, policy);
    }

    private static String said(List<String> keys, int of, int shown) {
        String more = keys.size() > shown ? " and " + (keys.size() - shown) + " more" : "";
        return keys.size()
                + " of "
                + of
                + " tensors: "
                + String.join(", ", keys.subList(0, Math.min(shown, keys.size())))
                + more;
    }

    private Map<String, String> metadata(String part, String told) {
        List<Map<String, String>> headers = new ArrayList<>();
        for (int w : weights) {
            TensorSource source = checkpoint(names.get(w)).parts().get(part);
            if (source != null) {
                headers.add(source.metadata());
            }
        }
        Map<String, String> own = like.part(part).metadata();
        Map<String, String> common = CarriedConfigs.common(headers, own);
        // The libraries that load pipelines refuse files that do not say for which framework.
        common.putIfAbsent("format", "pt");
        SortedMap<String, String> of = hashes.getOrDefault(part, new TreeMap<>());
        return Provenance.of(RecipeWriter.header(part, tree, policy, told, of)).writeTo(common);
    }

    Merged merged(Path output, SequencedMap<String, Path> inputs) {
        return new Merged(
                output,
                RecipeWriter.sha256(tree, policy),
                inputs,
                tensors,
                parameters,
                doneBytes,
                copied.isEmpty()
                        ? ""
                        : "Not merged, but from %s alone: %s."
                                .formatted(first, said(copied, (int) tensors, 4)));
    }

    private void write(UnlikeTensor tensor, DType dtype, WritableByteChannel out)
            throws IOException {
        pieces.run(
                tensor.inputs(),
                work(tensor, dtype),
                (w, result) -> {
                    long n = (long) w.pieceCount() * dtype.bytes();
                    out.write(w.out().asSlice(0, n).asByteBuffer());
                    doneBytes += n;
                    options.progress().update("merging", doneBytes, totalBytes);
                });
    }

    /** What fills a window's output. */
    private Function<Window, Boolean> work(UnlikeTensor unlike, DType dtype) {
        TensorInputs tensor = unlike.inputs();
        List<Integer> same = unlike.compared();
        boolean mask =
                tensor.key().endsWith("attn_mask")
                        && same.stream().allMatch(i -> tensor.dtype(i) == dtype);
        if (!dtype.isFloat() || mask) {
            return w -> copy(tensor, dtype, w, same);
        }
        TensorScope scope = new TensorScope(tensor, names, pieces);
        if (!unlike.padded().isEmpty()) {
            return values(unlike.padded(scope), tensor, dtype);
        }
        Optional<Map<String, Rational>> shares = Planner.shares(unlike.tree(), tensor.name());
        return shares.isPresent()
                ? mean(tensor, dtype, shares.get())
                : values(Planner.values(unlike.tree(), scope), tensor, dtype);
    }

    private static Function<Window, Boolean> values(
            Values values, TensorInputs tensor, DType dtype) {
        return w -> {
            double[] block = w.take();
            while (w.next()) {
                values.read(w, block);
                int bad = Elements.encode(dtype, block, w.outBlock(dtype), w.count());
                if (bad >= 0) {
                    throw new SoupException(
                            "Tensor '%s' would hold %s at element %d, which %s cannot hold; use smaller scales."
                                    .formatted(tensor.name(), block[bad], w.first() + bad, dtype));
                }
            }
            w.give(block);
            return true;
        };
    }

    private Function<Window, Boolean> mean(
            TensorInputs tensor, DType dtype, Map<String, Rational> shares) {
        List<Coefficient> k = new ArrayList<>();
        List<DType> dtypes = new ArrayList<>();
        int[] inputs = new int[shares.size()];
        shares.forEach((input, share) -> {
            int index = names.indexOf(input);
            inputs[k.size()] = index;
            k.add(new Coefficient(share.numerator(), share.denominator()));
            dtypes.add(tensor.dtype(index));
        });
        long[] a = ExactMean.integers(k);
        return w -> {
            MemorySegment[] in =
                    Arrays.stream(inputs).mapToObj(w::piece).toArray(MemorySegment[]::new);
            if (!ExactMean.create(dtypes, dtype, a).average(in, w.out(), w.pieceCount())) {
                throw culprit(w, inputs);
            }
            return true;
        };
    }

    private static Window.NonFinite culprit(Window w, int[] inputs) {
        double[] block = w.take();
        while (w.next()) {
            for (int i : inputs) {
                w.load(i, block); // throws for the one that is not finite
            }
        }
        throw new SoupException("A tensor changed while it was being merged.");
    }

    private static boolean copy(TensorInputs tensor, DType dtype, Window w, List<Integer> same) {
        MemorySegment first = w.piece(same.getFirst());
        for (int other : same) {
            if (first.mismatch(w.piece(other)) >= 0) {
                throw new SoupException(
                        "Tensor '%s' is %s and differs between %s and %s; such tensors are copied when equal and cannot be merged; on_integers: from_first in the recipe takes the first's."
                                .formatted(
                                        tensor.name(),
                                        dtype,
                                        tensor.source(same.getFirst()).path(),
                                        tensor.source(other).path()));
            }
        }
        w.out().copyFrom(first);
        return true;
    }

    @Override
    public void close() {
        pieces.close();
    }
}
