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
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import org.diffusionsoup.core.Checkpoint;
import org.diffusionsoup.core.CheckpointWriter;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.DType;
import org.diffusionsoup.core.Elements;
import org.diffusionsoup.core.ExactMean;
import org.diffusionsoup.core.Provenance;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.TensorEntry;
import org.diffusionsoup.core.TensorInfo;
import org.diffusionsoup.core.TensorSource;

/** One merge in the making. */
final class MergeRun implements AutoCloseable {
    private final WeightExpr tree;
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
            SequencedMap<String, Checkpoint> open,
            SortedMap<String, SortedMap<String, String>> hashes,
            ExecutorService workers,
            MethodMerge options) {
        this.tree = tree;
        this.open = open;
        this.hashes = hashes;
        this.options = options;
        this.names = List.copyOf(open.keySet());
        Trees.weights(tree).forEach(n -> weights.add(names.indexOf(n)));
        this.like = checkpoint(Trees.first(tree));
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

    /** What is to be written. */
    Map<String, CheckpointWriter.Part> parts() {
        Map<String, CheckpointWriter.Part> parts = new LinkedHashMap<>();
        for (String part : like.parts().keySet()) {
            List<TensorSource> sources = new ArrayList<>();
            names.forEach(n -> sources.add(checkpoint(n).part(part)));
            List<TensorEntry> entries = new ArrayList<>();
            for (TensorInfo info : like.part(part).tensors().values()) {
                TensorInputs inputs = TensorInputs.of(part, info, sources);
                entries.add(
                        new TensorEntry(
                                info.name(),
                                info.dtype(),
                                info.shape(),
                                out -> write(inputs, info.dtype(), out)));
                tensors++;
                parameters += info.dtype().isFloat() ? info.elements() : 0;
            }
            parts.put(part, new CheckpointWriter.Part(metadata(part), entries));
        }
        return parts;
    }

    private Map<String, String> metadata(String part) {
        Map<String, String> common = new TreeMap<>(like.part(part).metadata());
        for (int w : weights) {
            common.entrySet().retainAll(checkpoint(names.get(w)).part(part).metadata().entrySet());
        }
        // The libraries that load pipelines refuse files that do not say for which framework.
        common.putIfAbsent("format", "pt");
        SortedMap<String, String> of = hashes.getOrDefault(part, new TreeMap<>());
        return Provenance.of(RecipeWriter.header(part, tree, of)).writeTo(common);
    }

    Merged merged(Path output, SequencedMap<String, Path> inputs) {
        return new Merged(
                output, RecipeWriter.sha256(tree), inputs, tensors, parameters, doneBytes);
    }

    private void write(TensorInputs tensor, DType dtype, WritableByteChannel out)
            throws IOException {
        pieces.run(
                tensor,
                work(tensor, dtype),
                (w, result) -> {
                    long n = (long) w.pieceCount() * dtype.bytes();
                    out.write(w.out().asSlice(0, n).asByteBuffer());
                    doneBytes += n;
                    options.progress().update("merging", doneBytes, totalBytes);
                });
    }

    /** What fills a window's output. */
    private Function<Window, Boolean> work(TensorInputs tensor, DType dtype) {
        if (!dtype.isFloat()) {
            return w -> copy(tensor, dtype, w);
        }
        Optional<Map<String, Rational>> shares = Planner.shares(tree, tensor.name());
        if (shares.isPresent()) {
            return mean(tensor, dtype, shares.get());
        }
        Values values = Planner.values(tree, new TensorScope(tensor, names, pieces));
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

    private boolean copy(TensorInputs tensor, DType dtype, Window w) {
        MemorySegment first = w.piece(weights.getFirst());
        for (int other : weights) {
            if (first.mismatch(w.piece(other)) >= 0) {
                throw new SoupException(
                        "Tensor '%s' is %s and differs between %s and %s; such tensors are copied when equal and cannot be merged."
                                .formatted(
                                        tensor.name(),
                                        dtype,
                                        tensor.source(weights.getFirst()).path(),
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
