package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.diffusionsoup.core.io.EarlyFlush;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.soup.SumStep;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.jspecify.annotations.Nullable;

/**
 * One state dict of a soup and its sum, made anew in one pass: a piece of the old sum and of what
 * changes is read, the new pieces are computed and written to where they stay, and all are hashed
 * while they are at hand. What was read is trusted only at the end, when its hashes are known;
 * until then nothing that was made has a name.
 */
final class OnePass {
    private static final int ELEMENTS = 128 << 10;

    /** For reading a file's tensors from its objects. */
    record Source(StoredFile file, Map<String, Piece> pieces) {
        static Source of(StoredFile file, SafetensorsFile open) {
            Map<String, Piece> pieces = new HashMap<>();
            int i = 1;
            for (TensorInfo t : open.tensors().values()) {
                pieces.put(t.name(), file.pieces().get(i++));
            }
            return new Source(file, pieces);
        }

        Piece piece(SumStep.Tensor t) {
            Piece p = pieces.get(t.name());
            if (p == null) {
                throw new StoreException(file.path() + " has no tensor '" + t.name() + "'.");
            }
            return p;
        }
    }

    /**
     * What was made.
     *
     * @param sumHash SHA-256 of the new sum's file
     * @param oldSumHash that of the old one, as it was read
     */
    record Made(StoredFile file, String sumHash, String oldSumHash) {}

    private final Objects objects;
    private final Objects.Batch batch;
    private final int threads;
    private final LongConsumer written;

    /**
     * @param batch gets the objects
     * @param written told how many elements are done
     */
    OnePass(Objects objects, Objects.Batch batch, int threads, LongConsumer written) {
        this.objects = objects;
        this.batch = batch;
        this.threads = threads;
        this.written = written;
    }

    /**
     * Makes a state dict.
     *
     * @param old the soup's file, whose objects of copied tensors are in the store
     * @param changes those of what changes
     * @param newSum where the new sum's file is written; flushed when this returns
     */
    Made run(SumStep.Part part, StoredFile old, List<StoredFile> changes, Path newSum)
            throws IOException {
        List<SafetensorsFile> opened = new ArrayList<>();
        try (FileChannel sumIn = FileChannel.open(part.sumFile(), StandardOpenOption.READ);
                FileChannel sumOut =
                        FileChannel.open(
                                newSum, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            SafetensorsFile soup = SafetensorsFile.open(part.soupFile());
            opened.add(soup);
            SafetensorsFile sum = SafetensorsFile.open(part.sumFile());
            opened.add(sum);
            List<Source> sources = new ArrayList<>();
            for (int i = 0; i < changes.size(); i++) {
                SafetensorsFile change = SafetensorsFile.open(part.changeFiles().get(i));
                opened.add(change);
                sources.add(Source.of(changes.get(i), change));
            }
            try (EarlyFlush flush = new EarlyFlush(sumOut)) {
                Pass pass =
                        new Pass(
                                part,
                                Source.of(old, soup),
                                soup,
                                sources,
                                sum,
                                sumIn,
                                sumOut,
                                flush);
                Made made = pass.run(old.path());
                sumOut.force(true);
                return made;
            }
        } finally {
            opened.forEach(SafetensorsFile::close);
        }
    }

    /** A tensor in work: its object, and what becomes of the objects it is made from. */
    private final class Work {
        final SumStep.Tensor tensor;
        final int place;
        final TurnDigest piece = new TurnDigest();
        final List<Piece> from = new ArrayList<>();
        final List<FileChannel> in = new ArrayList<>();
        final List<TurnDigest> read = new ArrayList<>();
        final @Nullable Path temp;
        final @Nullable FileChannel out;

        Work(SumStep.Tensor tensor, int place, List<Source> sources) throws IOException {
            this.tensor = tensor;
            this.place = place;
            boolean complete = false;
            FileChannel made = null;
            try {
                if (tensor.sumDType().isPresent()) {
                    for (Source s : sources) {
                        from.add(s.piece(tensor));
                        in.add(objects.open(s.piece(tensor), s.file()));
                        read.add(new TurnDigest());
                    }
                    temp = batch.temporary();
                    made =
                            FileChannel.open(
                                    temp, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                } else {
                    temp = null;
                }
                out = made;
                complete = true;
            } finally {
                if (!complete) {
                    for (FileChannel c : in) {
                        c.close();
                    }
                }
            }
        }

        void failed(long chunk) {
            piece.failed(chunk);
            read.forEach(d -> d.failed(chunk));
        }

        void close() throws IOException {
            for (FileChannel c : in) {
                c.close();
            }
            if (out != null) {
                out.close();
            }
        }

        void abandon() {
            try {
                close();
            } catch (IOException e) {
                // it is deleted anyway
            }
            if (temp != null) {
                Trees.delete(temp);
            }
        }
    }

    /**
     * A piece of a tensor.
     *
     * @param number of pieces before it, in the soup's file
     * @param sumNumber the same in the sums' files
     * @param own the same in its tensor
     * @param last whether it is the tensor's last
     */
    private record Chunk(
            Work work, long from, int n, long number, long sumNumber, long own, boolean last) {}

    /** One pass. */
    private final class Pass {
        private final SumStep.Part part;
        private final Source old;
        private final SafetensorsFile soup;
        private final List<Source> sources;
        private final SafetensorsFile sum;
        private final FileChannel sumIn;
        private final FileChannel sumOut;
        private final EarlyFlush flush;
        private final TurnDigest soupHash = new TurnDigest();
        private final TurnDigest sumHash = new TurnDigest();
        private final TurnDigest oldSumHash = new TurnDigest();
        private final Deque<SumStep.Tensor> left;
        private final List<Work> open = Collections.synchronizedList(new ArrayList<>());
        private final Piece[] pieces;
        private final long dataStart;
        private final long sumShift;
        private @Nullable Work current;
        private long from;
        private long own;
        private long number = 1;
        private long sumNumber = 1;
        private int place = 1;
        private boolean stopped;
        private long failedAt = Long.MAX_VALUE;
        private @Nullable Throwable failure;

        Pass(
                SumStep.Part part,
                Source old,
                SafetensorsFile soup,
                List<Source> sources,
                SafetensorsFile sum,
                FileChannel sumIn,
                FileChannel sumOut,
                EarlyFlush flush)
                throws IOException {
            this.part = part;
            this.old = old;
            this.soup = soup;
            this.sources = sources;
            this.sum = sum;
            this.sumIn = sumIn;
            this.sumOut = sumOut;
            this.flush = flush;
            this.left = new ArrayDeque<>(part.tensors());
            this.pieces = new Piece[left.size() + 1];
            byte[] sumHeader = part.sumHeader();
            this.dataStart =
                    sum.tensors().isEmpty()
                            ? sumIn.size()
                            : sum.tensors().firstEntry().getValue().offset();
            this.sumShift = sumHeader.length - dataStart;
        }

        Made run(String path) throws IOException {
            begin();
            try {
                List<Integer> numbers = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    numbers.add(i);
                }
                Objects.sideBySide(
                        threads,
                        "adjust " + path,
                        numbers,
                        i -> {
                            work();
                            return true;
                        });
                throwFailure();
            } finally {
                open.forEach(Work::abandon);
            }
            long size = soupHash.bytes();
            return new Made(
                    new StoredFile(path, size, soupHash.hex(), List.of(pieces)),
                    sumHash.hex(),
                    oldSumHash.hex());
        }

        /** What stands in front of the tensors. */
        private void begin() throws IOException {
            byte[] header = part.header();
            byte[] sumHeader = part.sumHeader();
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment own1 = arena.allocate(header.length);
                own1.copyFrom(MemorySegment.ofArray(header));
                soupHash.update(0, own1);
                MemorySegment own2 = arena.allocate(sumHeader.length);
                own2.copyFrom(MemorySegment.ofArray(sumHeader));
                sumHash.update(0, own2);
                writeFully(sumOut, own2, 0);
                MemorySegment before = arena.allocate(dataStart);
                readFully(sumIn, before, 0, part.sumFile());
                oldSumHash.update(0, before);
                Path temp = batch.temporary();
                TurnDigest piece = new TurnDigest();
                piece.update(0, own1);
                try (FileChannel out =
                        FileChannel.open(
                                temp, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                    writeFully(out, own1, 0);
                }
                String hash = piece.hex();
                batch.add(temp, hash, header.length);
                pieces[0] = new Piece(hash, header.length, Piece.BYTES);
            }
        }

        private synchronized @Nullable Chunk next() throws IOException {
            if (stopped) {
                return null;
            }
            Work w = current;
            if (w == null) {
                SumStep.Tensor t = left.poll();
                if (t == null) {
                    return null;
                }
                w = new Work(t, place++, sources);
                open.add(w);
                current = w;
                from = 0;
                own = 0;
            }
            int n = (int) Math.min(ELEMENTS, w.tensor.elements() - from);
            boolean last = from + n >= w.tensor.elements();
            boolean summed = w.tensor.sumDType().isPresent();
            Chunk c = new Chunk(w, from, n, number++, summed ? sumNumber++ : 0, own++, last);
            from += n;
            if (last) {
                current = null;
            }
            return c;
        }

        private void work() {
            try (Arena arena = Arena.ofConfined()) {
                Buffers buffers = new Buffers(arena, sources.size());
                SumStep.Kernel kernel = part.kernel();
                while (true) {
                    Chunk c;
                    try {
                        c = next();
                    } catch (IOException | RuntimeException e) {
                        failed(null, e);
                        return;
                    }
                    if (c == null) {
                        return;
                    }
                    try {
                        if (c.work().tensor.sumDType().isPresent()) {
                            compute(c, buffers, kernel);
                        } else {
                            copy(c, buffers);
                        }
                        if (c.last()) {
                            finish(c.work());
                        }
                        written.accept(c.n());
                    } catch (IOException | RuntimeException | Error e) {
                        failed(c, e);
                        return;
                    }
                }
            }
        }

        private void compute(Chunk c, Buffers b, SumStep.Kernel kernel) throws IOException {
            SumStep.Tensor t = c.work().tensor;
            DType kept = t.sumDType().orElseThrow();
            long sumAt = sum.tensor(t.name()).offset() + c.from() * kept.bytes();
            MemorySegment before = b.sum.asSlice(0, (long) c.n() * kept.bytes());
            MemorySegment after = b.newSum.asSlice(0, before.byteSize());
            MemorySegment mean = b.soup.asSlice(0, (long) c.n() * t.dtype().bytes());
            readFully(sumIn, before, sumAt, part.sumFile());
            List<MemorySegment> changes = new ArrayList<>();
            for (int i = 0; i < sources.size(); i++) {
                int bytes = t.changeDTypes().get(i).bytes();
                MemorySegment to = b.changes.get(i).asSlice(0, (long) c.n() * bytes);
                readFully(
                        c.work().in.get(i),
                        to,
                        c.from() * bytes,
                        objects.file(c.work().from.get(i).sha256()));
                changes.add(to);
            }
            kernel.compute(t, c.from(), c.n(), before, changes, mean, after);
            FileChannel out = c.work().out;
            if (out == null) {
                throw new IllegalStateException(t.name());
            }
            writeFully(out, mean, c.from() * t.dtype().bytes());
            writeFully(sumOut, after, sumAt + sumShift);
            flush.wrote(after.byteSize());
            // Every thread goes through these in this order, so that none waits for one behind it.
            oldSumHash.update(c.sumNumber(), before);
            for (int i = 0; i < changes.size(); i++) {
                c.work().read.get(i).update(c.own(), changes.get(i));
            }
            soupHash.update(c.number(), mean);
            c.work().piece.update(c.own(), mean);
            sumHash.update(c.sumNumber(), after);
        }

        /** Of a tensor that all have in common, which is in the store. */
        private void copy(Chunk c, Buffers b) {
            SumStep.Tensor t = c.work().tensor;
            int bytes = t.dtype().bytes();
            MemorySegment piece = b.soup.asSlice(0, (long) c.n() * bytes);
            soup.read(t.name(), c.from() * bytes, piece);
            soupHash.update(c.number(), piece);
        }

        private void finish(Work w) throws IOException {
            w.close();
            if (w.temp == null) {
                pieces[w.place] = old.piece(w.tensor);
                open.remove(w);
                return;
            }
            for (int i = 0; i < w.from.size(); i++) {
                objects.checkHash(w.from.get(i), w.read.get(i).hex());
            }
            long size = w.piece.bytes();
            String hash = w.piece.hex();
            open.remove(w);
            batch.add(w.temp, hash, size);
            pieces[w.place] = new Piece(hash, size, w.tensor.dtype().safetensorsName());
        }

        private synchronized void failed(@Nullable Chunk c, Throwable e) {
            stopped = true;
            if (c != null) {
                soupHash.failed(c.number());
                sumHash.failed(c.sumNumber());
                oldSumHash.failed(c.sumNumber());
                c.work().failed(c.own());
            }
            long at = c == null ? number : c.number();
            if (at < failedAt) {
                failedAt = at;
                failure = e;
            }
        }

        private synchronized void throwFailure() throws IOException {
            switch (failure) {
                case null -> {}
                case IOException e -> throw e;
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                default -> throw new IllegalStateException(failure);
            }
        }
    }

    /** One thread's memory. */
    private static final class Buffers {
        private static final int LARGEST = 8;

        final MemorySegment sum;
        final MemorySegment newSum;
        final MemorySegment soup;
        final List<MemorySegment> changes = new ArrayList<>();

        Buffers(Arena arena, int count) {
            sum = arena.allocate((long) ELEMENTS * LARGEST, 64);
            newSum = arena.allocate((long) ELEMENTS * LARGEST, 64);
            soup = arena.allocate((long) ELEMENTS * LARGEST, 64);
            for (int i = 0; i < count; i++) {
                changes.add(arena.allocate((long) ELEMENTS * LARGEST, 64));
            }
        }
    }

    private static void readFully(FileChannel in, MemorySegment into, long at, Path file)
            throws IOException {
        ByteBuffer buffer = into.asByteBuffer();
        while (buffer.hasRemaining()) {
            if (in.read(buffer, at + buffer.position()) < 0) {
                throw new StoreException(file + " became shorter while it was being read.");
            }
        }
    }

    private static void writeFully(FileChannel out, MemorySegment bytes, long at)
            throws IOException {
        ByteBuffer buffer = bytes.asByteBuffer();
        while (buffer.hasRemaining()) {
            out.write(buffer, at + buffer.position());
        }
    }
}
