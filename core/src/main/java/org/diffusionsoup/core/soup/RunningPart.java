package org.diffusionsoup.core.soup;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.soup.average.WorkerTeam;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.jspecify.annotations.Nullable;

/**
 * One part of the soup that a {@link RunningSoup} formed last, computed while it is read: by all of
 * the soup's threads where much is read at once.
 */
final class RunningPart implements TensorSource {
    private static final int PIECE = 64 * RunningSum.BLOCK;

    /** Not the caller: whether it may write where the caller wants the elements. */
    private static final Thread ANOTHER = Thread.ofPlatform().unstarted(() -> {});

    /** What a thread takes at a time; fewer elements are not worth waking another for. */
    private static final int SHARE = 4 * PIECE;

    private final Supplier<FormedSoup> soup;
    private final WorkerTeam team;
    private final TensorSource[] sources;
    private final Map<String, RunningSum> sums = new LinkedHashMap<>();
    private final SequencedMap<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final Arena arena;

    /** One for each thread that computes. */
    private final List<Computer> computers = new ArrayList<>();

    /**
     * @param soup the one last formed, asked for at every read; throws where there is none
     * @param team who computes
     * @param sources this part of every ingredient
     * @param fixed whether the first ingredient's tensors are every soup's
     * @param arena where the sums are
     */
    RunningPart(
            Supplier<FormedSoup> soup,
            WorkerTeam team,
            TensorSource[] sources,
            List<TensorPlan> plan,
            boolean fixed,
            Arena arena) {
        this.soup = soup;
        this.team = team;
        this.sources = sources;
        this.arena = arena;
        for (TensorPlan t : plan) {
            tensors.put(t.name(), t.info());
            if (fixed) {
                continue;
            }
            if (t.isComputed() || t.dtype().isFloat()) {
                sums.put(t.name(), new RunningSum(t, arena));
            } else {
                requireEqual(t);
            }
        }
    }

    /** As in a merge: integers are copied, so they have to agree. */
    private void requireEqual(TensorPlan t) {
        try (Arena own = Arena.ofConfined()) {
            MemorySegment first = own.allocate(t.byteSize());
            MemorySegment other = own.allocate(t.byteSize());
            sources[0].read(t.name(), 0, first);
            for (int i = 1; i < sources.length; i++) {
                sources[i].read(t.name(), 0, other);
                if (first.mismatch(other) >= 0) {
                    throw new SoupException(
                            "Tensor '%s' is %s and differs between %s and %s; such tensors are copied when equal and cannot be averaged."
                                    .formatted(
                                            t.name(),
                                            t.dtype(),
                                            sources[0].path(),
                                            sources[i].path()));
                }
            }
        }
    }

    Collection<RunningSum> sums() {
        return sums.values();
    }

    TensorSource source(int ingredient) {
        return sources[ingredient];
    }

    long memory() {
        return sums.values().stream().mapToLong(RunningSum::memory).sum();
    }

    @Override
    public Path path() {
        return sources[0].path();
    }

    @Override
    public Map<String, String> metadata() {
        return Map.of();
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return Collections.unmodifiableSequencedMap(tensors);
    }

    @Override
    public List<Path> files() {
        return List.of();
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        RunningSum t = sums.get(tensor);
        if (t == null) {
            sources[0].read(tensor, from, into);
            return;
        }
        int bytes = t.dtype.bytes();
        if (from % bytes != 0 || into.byteSize() % bytes != 0) {
            throw new SoupException("Tensor '" + tensor + "' is read in whole elements only.");
        }
        if (from < 0 || from + into.byteSize() > t.elements * bytes) {
            throw new SoupException("Tensor '" + tensor + "' has fewer bytes than are asked for.");
        }
        FormedSoup formed = soup.get();
        long at = from / bytes;
        long end = at + into.byteSize() / bytes;
        // Shares begin where blocks do, so that no block is computed twice.
        AtomicLong next = new AtomicLong(at - at % SHARE);
        int shares = Math.toIntExact(Math.ceilDiv(end - next.get(), SHARE));
        int threads = into.isAccessibleBy(ANOTHER) ? Math.min(shares, team.threads()) : 1;
        team.together(
                threads,
                i -> {
                    Computer computer = computer(i);
                    for (long start = next.getAndAdd(SHARE);
                            start < end;
                            start = next.getAndAdd(SHARE)) {
                        long first = Math.max(start, at);
                        long last = Math.min(start + SHARE, end);
                        computer.compute(
                                formed,
                                t,
                                first,
                                into.asSlice((first - at) * bytes, (last - first) * bytes));
                    }
                });
    }

    private Computer computer(int i) {
        synchronized (computers) {
            while (computers.size() <= i) {
                computers.add(new Computer());
            }
            return computers.get(i);
        }
    }

    /** Marks tell of the sum only: a single ingredient's elements are the held ones. */
    private static boolean isFromFiles(FormedSoup soup, RunningSum t, long block) {
        return soup.isSingle() ? !t.isSummed() : t.isMarked(block);
    }

    /** Computes elements; for one thread. */
    private final class Computer {
        private final Map<Spec, AverageKernel> kernels = new HashMap<>();

        /** Room for one block of every ingredient. */
        private @Nullable MemorySegment room;

        void compute(FormedSoup soup, RunningSum t, long from, MemorySegment into) {
            int bytes = t.dtype.bytes();
            long at = from;
            long end = at + into.byteSize() / bytes;
            while (at < end) {
                // To the end of the piece, but no further than blocks of one kind go.
                long block = at / RunningSum.BLOCK;
                boolean marked = isFromFiles(soup, t, block);
                long stop = block + 1;
                while (!marked
                        && stop * RunningSum.BLOCK < Math.min(end, at + PIECE)
                        && !isFromFiles(soup, t, stop)) {
                    stop++;
                }
                int n = (int) (Math.min(end, stop * RunningSum.BLOCK) - at);
                MemorySegment out = into.asSlice((at - from) * bytes, (long) n * bytes);
                boolean finite =
                        marked ? fromFiles(soup, t, at, n, out) : fromSum(soup, t, at, n, out);
                if (!finite) {
                    throw new SoupException(
                            "Tensor '%s' holds NaN or infinite values in one of %s; leave that ingredient out or train it again."
                                    .formatted(
                                            t.plan.name(),
                                            soup.isSingle()
                                                    ? sources[soup.held()].path()
                                                    : "the ingredients"));
                }
                at += n;
            }
        }

        private boolean fromSum(FormedSoup soup, RunningSum t, long at, int n, MemorySegment out) {
            if (soup.isSingle()) {
                Spec spec = new Spec(List.of(t.format), t.format, List.of(1L), 1, false);
                return kernel(spec).average(new MemorySegment[] {t.held(at, n)}, out, n);
            }
            if (soup.extra() == 0) {
                Spec spec =
                        new Spec(List.of(t.sumFormat), t.format, List.of(1L), soup.total(), false);
                return kernel(spec).average(new MemorySegment[] {t.sum(at, n)}, out, n);
            }
            Spec spec =
                    new Spec(
                            List.of(t.sumFormat, t.format),
                            t.format,
                            List.of(1L, (long) soup.extra()),
                            soup.total(),
                            false);
            return kernel(spec).average(new MemorySegment[] {t.sum(at, n), t.held(at, n)}, out, n);
        }

        private AverageKernel kernel(Spec spec) {
            if (kernels.size() > 100) {
                kernels.clear(); // each total and each step has its own
            }
            return kernels.computeIfAbsent(spec, AverageKernel::fast);
        }

        private boolean fromFiles(
                FormedSoup soup, RunningSum t, long at, int n, MemorySegment out) {
            if (room == null) {
                room = arena.allocate((long) RunningSum.BLOCK * 8 * sources.length, 64);
            }
            MemorySegment free = room;
            List<FloatFormat> formats = new ArrayList<>();
            List<Long> a = new ArrayList<>();
            List<MemorySegment> in = new ArrayList<>();
            for (int i = 0; i < sources.length; i++) {
                if (soup.a()[i] > 0) {
                    MemorySegment piece =
                            free.asSlice(
                                    (long) i * RunningSum.BLOCK * 8, (long) n * t.dtype.bytes());
                    sources[i].read(t.plan.name(), at * t.dtype.bytes(), piece);
                    formats.add(t.format);
                    a.add((long) soup.a()[i]);
                    in.add(piece);
                }
            }
            return kernel(new Spec(formats, t.format, a, soup.total(), false))
                    .average(in.toArray(MemorySegment[]::new), out, n);
        }
    }

    @Override
    public void close() {
        // The running soup's.
    }
}
