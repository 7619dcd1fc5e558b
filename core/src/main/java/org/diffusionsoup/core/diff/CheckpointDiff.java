package org.diffusionsoup.core.diff;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Architecture;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.diff.TensorDiff.Kind;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Compares checkpoints tensor by tensor, in pieces: memory does not grow with their size. Sums are
 * of doubles over pieces of fixed size in a fixed order, so the numbers do not depend on the number
 * of threads.
 *
 * @param threads workers, at least 1
 * @param depth levels of a key that make a block, at least 1; 2 gives {@code
 *     down_blocks.0.attentions.1}
 * @param progress told the bytes read
 */
public record CheckpointDiff(int threads, int depth, SoupProgress progress) {
    /** Elements of a piece; a piece's sums are added in the order of the pieces. */
    static final long PIECE = 1L << 20;

    public CheckpointDiff {
        if (threads < 1 || depth < 1) {
            throw new SoupException("Threads and depth of blocks must be at least 1.");
        }
    }

    /**
     * Compares B with A.
     *
     * @param base what both were made from; gives the cosine of their deltas
     * @throws SoupException if they have no tensor of one shape in common, or cannot be read
     */
    public DiffReport compare(Checkpoint a, Checkpoint b, Optional<Checkpoint> base) {
        ExecutorService workers =
                Executors.newFixedThreadPool(
                        threads, Thread.ofPlatform().daemon().name("diff-", 0).factory());
        try {
            List<Checkpoint> given = new ArrayList<>(List.of(a, b));
            base.ifPresent(given::add);
            for (Checkpoint c : given) {
                SpecialWeights.of(c)
                        .filter(s -> !s.factors())
                        .ifPresent(s -> SpecialWeights.refuse(c, "compared"));
            }
            List<Checkpoint> named = TensorNames.agreeing(given);
            return new Run(named.get(0), named.get(1), base.map(c -> named.getLast()), workers)
                    .report();
        } finally {
            workers.shutdownNow();
        }
    }

    private record Job(TensorDiff diff, List<Future<Sums>> pieces, long bytes) {}

    private final class Run {
        private final Checkpoint a;
        private final Checkpoint b;
        private final Optional<Checkpoint> base;
        private final ExecutorService workers;
        private final PieceBuffers buffers = new PieceBuffers(threads);

        Run(Checkpoint a, Checkpoint b, Optional<Checkpoint> base, ExecutorService workers) {
            this.a = a;
            this.b = b;
            this.base = base;
            this.workers = workers;
        }

        DiffReport report() {
            List<Job> jobs = new ArrayList<>();
            Set<String> parts = new LinkedHashSet<>(a.parts().keySet());
            parts.addAll(b.parts().keySet());
            for (String part : parts) {
                Set<String> names = new LinkedHashSet<>(tensors(a, part).keySet());
                names.addAll(tensors(b, part).keySet());
                names.forEach(name -> jobs.add(job(part, name)));
            }
            if (jobs.stream().allMatch(j -> isOneSided(j.diff().kind()))) {
                throw new SoupException(
                        a.path()
                                + " and "
                                + b.path()
                                + " have no tensor in common; "
                                + Stream.of(a, b)
                                        .flatMap(c -> alone(c).stream())
                                        .findFirst()
                                        .orElseGet(() ->
                                                "bring them into one layout first, with '"
                                                        + (a.folder().isPresent()
                                                                                && b.folder()
                                                                                        .isEmpty()
                                                                        ? b
                                                                        : a)
                                                                .convertCommand()
                                                        + "'."));
            }
            if (jobs.stream().allMatch(j -> isIncomparable(j.diff().kind()))) {
                TensorDiff first =
                        jobs.stream()
                                .map(Job::diff)
                                .filter(d -> !isOneSided(d.kind()))
                                .findFirst()
                                .orElseThrow();
                throw new SoupException(
                        "%s and %s have no tensor of one shape in common, and no distance; '%s' is %s in the one and %s in the other. They are of different architectures, which 'soup inspect' tells."
                                .formatted(
                                        a.path(),
                                        b.path(),
                                        first.place(),
                                        kind(a, first),
                                        kind(b, first)));
            }
            long total = jobs.stream().mapToLong(Job::bytes).sum();
            long done = 0;
            List<TensorDiff> found = new ArrayList<>();
            progress.update("comparing", 0, total);
            for (Job j : jobs) {
                found.add(finished(j));
                done += j.bytes();
                progress.update("comparing", done, total);
            }
            found.sort(
                    Comparator.<TensorDiff, String>comparing(
                                    t -> BlockNames.component(t.part(), t.name()),
                                    BlockNames.componentOrder())
                            .thenComparing(TensorDiff::block, BlockNames::compare)
                            .thenComparing(TensorDiff::name));
            return new DiffReport(found, base.isPresent());
        }

        /** A component by itself, which no conversion makes a model of. */
        private Optional<String> alone(Checkpoint c) {
            return c.folder().isPresent()
                    ? Optional.empty()
                    : Architecture.alone(c.part("").tensors())
                            .map(part ->
                                    "%s is the weights of one component alone (%s): compare it with the file of that component in the other."
                                            .formatted(c.path(), part));
        }

        private Job job(String part, String name) {
            Optional<TensorInfo> inA = Optional.ofNullable(tensors(a, part).get(name));
            Optional<TensorInfo> inB = Optional.ofNullable(tensors(b, part).get(name));
            TensorInfo info = inA.or(() -> inB).orElseThrow();
            if (inA.isEmpty() || inB.isEmpty()) {
                Kind kind = inA.isPresent() ? Kind.ONLY_A : Kind.ONLY_B;
                return new Job(diff(part, info, kind, false), List.of(), 0);
            }
            TensorInfo other = inB.get();
            boolean floats = info.dtype().isFloat() && other.dtype().isFloat();
            if (!Arrays.equals(info.shape(), other.shape())
                    || (!floats && info.dtype() != other.dtype())) {
                return new Job(diff(part, info, Kind.OTHER_KIND, false), List.of(), 0);
            }
            Optional<TensorSource> from =
                    base.map(c -> c.parts().get(part))
                            .filter(s -> floats && s.tensors().containsKey(name))
                            .filter(s -> Arrays.equals(s.tensor(name).shape(), info.shape()))
                            .filter(s -> s.tensor(name).dtype().isFloat());
            List<Future<Sums>> pieces = new ArrayList<>();
            for (long at = 0; at < info.elements(); at += PIECE) {
                long start = at;
                int n = (int) Math.min(PIECE, info.elements() - at);
                pieces.add(
                        workers.submit(() ->
                                buffers.compare(a.part(part), b.part(part), from, name, start, n)));
            }
            long bytes =
                    info.byteSize()
                            + other.byteSize()
                            + from.map(s -> s.tensor(name).byteSize()).orElse(0L);
            return new Job(diff(part, info, Kind.EQUAL, from.isPresent()), pieces, bytes);
        }

        private TensorDiff finished(Job job) {
            TensorDiff d = job.diff();
            Sums sums = Sums.ZERO;
            for (Future<Sums> piece : job.pieces()) {
                sums = sums.plus(get(piece));
            }
            Kind kind =
                    !sums.unequal()
                            ? d.kind()
                            : d.dtype().isFloat() ? Kind.DIFFERENT : Kind.INTEGERS_DIFFER;
            return new TensorDiff(
                    d.part(),
                    d.name(),
                    d.block(),
                    d.dtype(),
                    d.elements(),
                    kind,
                    sums,
                    d.withBase());
        }

        private TensorDiff diff(String part, TensorInfo t, Kind kind, boolean withBase) {
            return new TensorDiff(
                    part,
                    t.name(),
                    BlockNames.block(t.name(), depth),
                    t.dtype(),
                    t.elements(),
                    kind,
                    Sums.ZERO,
                    withBase);
        }
    }

    private static boolean isIncomparable(Kind kind) {
        return isOneSided(kind) || kind == Kind.OTHER_KIND;
    }

    private static boolean isOneSided(Kind kind) {
        return kind == Kind.ONLY_A || kind == Kind.ONLY_B;
    }

    private static String kind(Checkpoint c, TensorDiff tensor) {
        TensorInfo info = Objects.requireNonNull(tensors(c, tensor.part()).get(tensor.name()));
        return info.dtype() + Arrays.toString(info.shape());
    }

    private static Map<String, TensorInfo> tensors(Checkpoint c, String part) {
        TensorSource source = c.parts().get(part);
        return source == null ? Map.of() : source.tensors();
    }

    private static Sums get(Future<Sums> piece) {
        try {
            return piece.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while comparing.", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof SoupException s) {
                throw s;
            }
            throw new SoupException("Comparing failed: " + e.getCause(), e);
        }
    }
}
