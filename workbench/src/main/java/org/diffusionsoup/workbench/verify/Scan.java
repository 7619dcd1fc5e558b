package org.diffusionsoup.workbench.verify;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.workbench.verify.VerifyReport.Finding;
import org.diffusionsoup.workbench.verify.VerifyReport.Kind;

/** The reading jobs of a verification, and how many bytes they have read together. */
final class Scan {
    private static final int RUN = 1 << 16;

    private final SoupProgress progress;
    private long done;
    private long total;
    private long size;

    Scan(SoupProgress progress) {
        this.progress = progress;
    }

    /**
     * Begins to report.
     *
     * @param bytes that all jobs read together
     * @param files bytes of the model, in shares of which is reported: most are read several times
     */
    synchronized void start(long bytes, long files) {
        total = bytes;
        size = files;
        progress.update("verifying", 0, size);
    }

    private synchronized void tell(long bytes) {
        if (total > 0) {
            done += bytes;
            double share = Math.min(1, (double) done / total);
            progress.update("verifying", Math.round(share * size), size);
        }
    }

    String sha256(Path file) {
        try (FileChannel channel = FileChannel.open(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
            for (int n = channel.read(buffer); n >= 0; n = channel.read(buffer)) {
                digest.update(buffer.flip());
                buffer.clear();
                tell(n);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    /** Weights hash per file of a folder, of other layouts one under the empty name. */
    Map<String, Future<String>> weights(Checkpoint checkpoint, ExecutorService workers) {
        Map<String, Future<String>> jobs = new TreeMap<>();
        boolean folder = checkpoint.layout() == Checkpoint.Layout.DIFFUSERS;
        for (TensorSource s : checkpoint.parts().values()) {
            if (!folder || s.files().size() == 1) {
                String name = folder ? ModelVerifier.name(checkpoint, s.files().getFirst()) : "";
                jobs.put(name, workers.submit(() -> WeightsHash.of(s, this::tell)));
                continue;
            }
            for (Path shard : s.files()) {
                jobs.put(
                        ModelVerifier.name(checkpoint, shard),
                        workers.submit(() -> {
                            try (Checkpoint f = Checkpoint.open(shard)) {
                                return WeightsHash.of(f.part(""), this::tell);
                            }
                        }));
            }
        }
        return jobs;
    }

    /** One job per tensor, its finding if it holds NaN or infinities. */
    List<Future<Optional<Finding>>> values(Checkpoint checkpoint, ExecutorService workers) {
        List<Future<Optional<Finding>>> jobs = new ArrayList<>();
        checkpoint
                .parts()
                .forEach((part, source) -> {
                    for (TensorInfo t : source.tensors().values()) {
                        if (t.dtype().isFloat()) {
                            jobs.add(workers.submit(() -> finite(part, source, t)));
                        } else {
                            tell(t.byteSize());
                        }
                    }
                });
        return jobs;
    }

    /** The finding of one tensor of floats, if it holds NaN or infinities. */
    Optional<Finding> finite(String part, TensorSource source, TensorInfo t) {
        long nan = 0;
        long infinite = 0;
        boolean mask = TensorNames.isMask(t.name());
        int size = t.dtype().bytes();
        double[] values = new double[(int) Math.min(RUN, t.elements())];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate((long) Math.max(1, values.length) * size);
            for (long at = 0; at < t.elements(); at += RUN) {
                int n = (int) Math.min(RUN, t.elements() - at);
                MemorySegment piece = buffer.asSlice(0, (long) n * size);
                source.read(t.name(), at * size, piece);
                Elements.decode(t.dtype(), piece, values, n);
                for (int i = 0; i < n; i++) {
                    boolean hides = mask && values[i] == Double.NEGATIVE_INFINITY;
                    if (!Double.isFinite(values[i]) && !hides) {
                        nan += Double.isNaN(values[i]) ? 1 : 0;
                        infinite += Double.isNaN(values[i]) ? 0 : 1;
                    }
                }
                tell(piece.byteSize());
            }
        }
        if (nan + infinite == 0) {
            return Optional.empty();
        }
        String where = part.isEmpty() ? t.name() : part + "/" + t.name();
        return Optional.of(
                new Finding(
                        Kind.VALUES,
                        where,
                        nan + " NaN and " + infinite + " infinite of " + t.elements() + " values"));
    }
}
