package org.diffusionsoup.core.soup;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.AverageKernel.NarrowingOverflow;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * One exact step from a soup and its kept sum to the next, for a caller who keeps weights in a way
 * of his own: what is to be computed of which pieces, but nothing is read or written here. Soup and
 * sum are those of {@link SoupAdjuster#exactly(SoupAdjuster.Request)}, byte for byte, and come from
 * one pass over the old sum and what changes.
 */
public final class SumStep {
    private final List<Part> parts;
    private final BiConsumer<Path, SortedMap<String, String>> index;

    SumStep(List<Part> parts, BiConsumer<Path, SortedMap<String, String>> index) {
        this.parts = List.copyOf(parts);
        this.index = index;
    }

    /** Takes a step. */
    @FunctionalInterface
    public interface Taker {
        void take(SumStep step);
    }

    /** Something lies in a way that one pass cannot follow; in several steps it can be done. */
    public static final class NotInOnePass extends SoupException {
        private static final long serialVersionUID = 1L;

        public NotInOnePass(String message) {
            super(message);
        }
    }

    /** The state dicts that change; whatever else the soup has stays as it is. */
    public List<Part> parts() {
        return parts;
    }

    /**
     * Writes what the new sum has beside its tensors, each file flushed; to be called when all
     * pieces of all parts were computed, and stand in their files in the folder.
     *
     * @param folder of the new sum
     * @throws SoupException if the sum cannot be kept, or writing fails
     */
    public void writeRest(Path folder) {
        TreeMap<String, String> checksums = new TreeMap<>();
        parts.forEach(p -> p.updated.finish(folder, checksums));
        index.accept(folder, checksums);
    }

    /**
     * One tensor of the soup.
     *
     * @param dtype in the soup
     * @param sumDType in the sums; empty for one that is copied from the old soup
     * @param changeDTypes in what changes, in the request's order, removed before added; none for
     *     one that is copied
     */
    public record Tensor(
            String name,
            DType dtype,
            long elements,
            Optional<DType> sumDType,
            List<DType> changeDTypes) {
        public Tensor {
            changeDTypes = List.copyOf(changeDTypes);
        }
    }

    /** One state dict. */
    public static final class Part {
        private final String name;
        private final List<TensorSource> sources;
        private final List<Tensor> tensors = new ArrayList<>();
        private final Map<String, TensorPlan> soupPlans = new HashMap<>();
        private final Map<String, TensorPlan> sumPlans = new HashMap<>();
        private final byte[] header;
        private final byte[] sumHeader;
        private final Path sumFile;
        private final SumTask.Adjust mean;
        private final SumTask.Adjust sum;
        private final NewSum updated;

        /**
         * @param sources the kept sum, the soup, and what changes
         * @param metadata of the new soup's header
         * @param updated receives what belongs to the new sum beside its tensors
         */
        Part(
                String name,
                Path sumFile,
                List<TensorSource> sources,
                List<TensorPlan> plan,
                Map<String, String> metadata,
                SumTask.Adjust mean,
                SumTask.Adjust sum,
                NewSum updated) {
            this.name = name;
            this.sumFile = sumFile;
            this.sources = sources;
            this.mean = mean;
            this.sum = sum;
            this.updated = updated;
            for (TensorSource s : sources) {
                if (s.files().size() != 1) {
                    throw new NotInOnePass(s.path() + " is in several files.");
                }
            }
            for (TensorPlan p : plan) {
                soupPlans.put(p.name(), p);
                if (p.isComputed()) {
                    DType kept = sources.getFirst().tensor(p.name()).dtype();
                    sumPlans.put(p.name(), p.as(kept));
                }
            }
            List<TensorInfo> sorted = sorted(soupPlans);
            List<TensorInfo> sortedSums = sorted(sumPlans);
            Path file = sources.get(1).path();
            this.header = SafetensorsWriter.header(file, metadata, sorted);
            this.sumHeader = SafetensorsWriter.header(sumFile, Map.of(), sortedSums);
            if (!names(sortedSums).equals(List.copyOf(sources.getFirst().tensors().keySet()))) {
                throw new NotInOnePass(sumFile + " has its tensors in an order of its own.");
            }
            sorted.forEach(t -> tensors.add(tensor(t.name())));
        }

        private static List<TensorInfo> sorted(Map<String, TensorPlan> plans) {
            return SafetensorsWriter.sorted(plans.values().stream().map(TensorPlan::info).toList());
        }

        private static List<String> names(List<TensorInfo> tensors) {
            return tensors.stream().map(TensorInfo::name).toList();
        }

        private Tensor tensor(String of) {
            TensorPlan p = Objects.requireNonNull(soupPlans.get(of));
            List<DType> changes = new ArrayList<>();
            if (p.isComputed()) {
                for (int i : Arrays.stream(p.inputs()).skip(1).toArray()) {
                    changes.add(sources.get(i).tensor(p.name()).dtype());
                }
            }
            return new Tensor(
                    p.name(),
                    p.dtype(),
                    p.elements(),
                    Optional.ofNullable(sumPlans.get(p.name())).map(TensorPlan::dtype),
                    changes);
        }

        /** Its name among {@link Checkpoint#parts}. */
        public String name() {
            return name;
        }

        /** The old soup's file. */
        public Path soupFile() {
            return sources.get(1).files().getFirst();
        }

        /** The old sum's file; the new one gets the same name in its folder. */
        public Path sumFile() {
            return sumFile;
        }

        /** The files of what changes, in the request's order, removed before added. */
        public List<Path> changeFiles() {
            return sources.subList(2, sources.size()).stream()
                    .map(s -> s.files().getFirst())
                    .toList();
        }

        /** The new soup's file up to its first tensor. */
        public byte[] header() {
            return header.clone();
        }

        /** The new sum's file up to its first tensor. */
        public byte[] sumHeader() {
            return sumHeader.clone();
        }

        /**
         * The soup's tensors in the order of both new files, and of the old sum's, as far as they
         * have them.
         */
        public List<Tensor> tensors() {
            return List.copyOf(tensors);
        }

        /** What computes pieces; for one thread. */
        public Kernel kernel() {
            return new Kernel(this);
        }
    }

    /** Computes pieces of one part; for one thread. */
    public static final class Kernel {
        private final Part part;
        private final Map<Spec, AverageKernel> means = new HashMap<>();

        private Kernel(Part part) {
            this.part = part;
        }

        /**
         * Computes a piece of the new soup and of the new sum. All memory is native, elements
         * little-endian.
         *
         * @param from index in the tensor of the piece's first element
         * @param n elements
         * @param sum the old sum's
         * @param changes those of what changes
         * @param soup receives the new soup's
         * @param newSum receives the new sum's
         * @throws SoupException if an ingredient holds NaN or infinities, a mean is too large for
         *     the soup's dtype, or the sum cannot be kept
         */
        public void compute(
                Tensor tensor,
                long from,
                int n,
                MemorySegment sum,
                List<MemorySegment> changes,
                MemorySegment soup,
                MemorySegment newSum) {
            TensorPlan to = part.soupPlans.get(tensor.name());
            TensorPlan kept = part.sumPlans.get(tensor.name());
            if (to == null || kept == null) {
                throw new IllegalArgumentException(tensor.name() + " is copied");
            }
            List<DType> dtypes = new ArrayList<>(List.of(kept.dtype()));
            dtypes.addAll(tensor.changeDTypes());
            MemorySegment[] in = new MemorySegment[dtypes.size()];
            in[0] = sum;
            for (int i = 1; i < in.length; i++) {
                in[i] = changes.get(i - 1);
            }
            Spec spec = part.mean.spec(to, dtypes);
            AverageKernel mean = means.computeIfAbsent(spec, s -> part.mean.kernel(s, ""));
            Spec sumSpec = part.sum.spec(kept, dtypes);
            AverageKernel sums = part.sum.kernel(sumSpec, tensor.name());
            boolean finite;
            try {
                finite =
                        part.mean.compute(mean, to, spec, in, soup, n, from)
                                && part.sum.compute(sums, kept, sumSpec, in, newSum, n, from);
            } catch (NarrowingOverflow e) {
                throw new SoupException(
                        "Tensor '%s' has means too large for %s; %s."
                                .formatted(
                                        tensor.name(), tensor.dtype(), part.mean.overflowAdvice()),
                        e);
            }
            if (!finite) {
                throw new SoupException(
                        "Tensor '" + tensor.name() + "' holds NaN or infinite values.");
            }
        }
    }
}
