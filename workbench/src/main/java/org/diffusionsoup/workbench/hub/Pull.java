package org.diffusionsoup.workbench.hub;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.workbench.Progress;

/**
 * Fetches the files of a model that are not in the cache yet, several pieces side by side. A run
 * that was ended goes on where it was; a file has its name only when its hash is the listed one.
 */
public final class Pull {
    private static final int CONNECTIONS = 4;
    private static final long MEGABYTE = 1_000_000;

    private final Hub hub;
    private final Path cache;
    private final Progress progress;

    /**
     * @param cache folder of all repositories, see {@link #cacheOf}
     * @param progress hears of megabytes
     */
    public Pull(Hub hub, Path cache, Progress progress) {
        this.hub = hub;
        this.cache = cache;
        this.progress = progress;
    }

    /** The hub of an environment: {@code HF_ENDPOINT} and {@code HF_TOKEN}. */
    public static Hub hubOf(Map<String, String> environment) {
        return new Hub(
                Cache.given(environment, "HF_ENDPOINT").orElse(Hub.ENDPOINT),
                Cache.given(environment, "HF_TOKEN"));
    }

    /**
     * The cache of an environment: {@code HF_HUB_CACHE}, {@code HF_HOME/hub}, {@code
     * XDG_CACHE_HOME/huggingface/hub} or {@code ~/.cache/huggingface/hub}.
     */
    public static Path cacheOf(Map<String, String> environment) {
        return Cache.root(environment);
    }

    /**
     * What to fetch.
     *
     * @param repository organisation and model, with a slash between
     * @param revision branch, tag or commit
     * @param files paths or patterns; empty for what the model needs
     * @param variant word before the ending of weights, such as {@code fp16}; empty for the full
     *     ones
     */
    public record Request(String repository, String revision, List<String> files, String variant) {
        /**
         * @throws SoupException if the name or the revision cannot be one
         */
        public Request {
            files = List.copyOf(files);
            if (!repository.matches("[A-Za-z0-9][\\w.-]*/[A-Za-z0-9][\\w.-]*")
                    || repository.contains("..")) {
                throw new SoupException(
                        "'%s' is no name of a model; it is ORGANISATION/MODEL, such as stabilityai/stable-diffusion-2-1."
                                .formatted(repository));
            }
            if (!revision.matches("[\\w][\\w./-]*") || revision.contains("..")) {
                throw new SoupException(
                        "'%s' is no revision; give a branch, a tag or a commit."
                                .formatted(revision));
            }
        }
    }

    /**
     * What is there now.
     *
     * @param place folder of the model, or the file where one checkpoint was asked for
     * @param commit 40 hexadecimal digits
     * @param files number of files
     * @param bytes of all files
     * @param fetched bytes that came over the network
     */
    public record Result(Path place, String commit, int files, long bytes, long fetched) {}

    /**
     * Fetches.
     *
     * @throws SoupException if there is no such model, or a file does not come as it is listed
     */
    public Result run(Request request) {
        Listing listing = hub.list(request.repository(), request.revision());
        List<RemoteFile> wanted =
                request.files().isEmpty()
                        ? Wanted.of(listing, request.variant())
                        : Wanted.matching(listing, request.files());
        Cache own = new Cache(cache, request.repository());
        own.prepare();
        List<RemoteFile> missing = wanted.stream().filter(f -> !own.has(f)).distinct().toList();
        long bytes = missing.stream().mapToLong(RemoteFile::size).sum();
        progress.start("pull " + request.repository(), (bytes + MEGABYTE - 1) / MEGABYTE, "MB");
        fetch(request, listing, own, missing);
        progress.close();
        wanted.forEach(f -> own.link(listing.commit(), f));
        own.remember(request.revision(), listing.commit());
        Path snapshot = own.snapshot(listing.commit());
        List<RemoteFile> weights =
                wanted.stream().filter(f -> f.name().endsWith(".safetensors")).toList();
        boolean one = weights.size() == 1 && weights.getFirst().folder().isEmpty();
        return new Result(
                one ? snapshot.resolve(weights.getFirst().path()) : snapshot,
                listing.commit(),
                wanted.size(),
                wanted.stream().mapToLong(RemoteFile::size).sum(),
                bytes);
    }

    private void fetch(Request request, Listing listing, Cache own, List<RemoteFile> missing) {
        Megabytes megabytes = new Megabytes();
        try (ExecutorService pool = Executors.newFixedThreadPool(CONNECTIONS)) {
            List<Future<?>> running = new ArrayList<>();
            try {
                for (RemoteFile file : missing) {
                    // small files side by side; a large one in pieces, before the next begins
                    if (file.size() <= Transfer.PIECE) {
                        running.add(
                                pool.submit(() -> fetch(request, listing, own, file, megabytes)));
                    }
                }
                await(running);
                for (RemoteFile file : missing) {
                    if (file.size() > Transfer.PIECE) {
                        inPieces(request, listing, own, file, megabytes, pool);
                    }
                }
            } catch (SoupException e) {
                pool.shutdownNow();
                throw e;
            }
        }
    }

    private void fetch(
            Request request, Listing listing, Cache own, RemoteFile file, Megabytes megabytes) {
        twice(
                file,
                () -> {
                    try (Transfer t = transfer(request, listing, own, file, megabytes)) {
                        for (int i = 0; i < t.count(); i++) {
                            t.fetch(i);
                        }
                        return t.finish();
                    }
                });
    }

    private void inPieces(
            Request request,
            Listing listing,
            Cache own,
            RemoteFile file,
            Megabytes megabytes,
            ExecutorService pool) {
        twice(
                file,
                () -> {
                    try (Transfer t = transfer(request, listing, own, file, megabytes)) {
                        List<Future<?>> running = new ArrayList<>();
                        for (int i = 0; i < t.count(); i++) {
                            int piece = i;
                            running.add(pool.submit(() -> t.fetch(piece)));
                        }
                        await(running);
                        return t.finish();
                    }
                });
    }

    private Transfer transfer(
            Request request, Listing listing, Cache own, RemoteFile file, Megabytes megabytes) {
        return new Transfer(
                hub.http(),
                hub.file(request.repository(), listing.commit(), file),
                file,
                own.blob(file),
                megabytes::add);
    }

    /** Bytes may be damaged on the way once. */
    private void twice(RemoteFile file, BooleanSupplier comesRight) {
        boolean right = comesRight.getAsBoolean();
        if (!right) {
            right = comesRight.getAsBoolean();
        }
        if (!right) {
            throw new SoupException(
                    "%s came twice with other bytes than %s lists (its hash is not %s); try again later, or another HF_ENDPOINT."
                            .formatted(file.path(), hub.endpoint(), file.blob()));
        }
    }

    private static void await(List<Future<?>> running) {
        try {
            for (Future<?> f : running) {
                f.get();
            }
        } catch (ExecutionException e) {
            running.forEach(f -> f.cancel(true));
            if (e.getCause() instanceof SoupException known) {
                throw known;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            running.forEach(f -> f.cancel(true));
            throw new SoupException("interrupted", e);
        }
    }

    /** Whole megabytes of what arrives, from several threads. */
    private final class Megabytes {
        private final AtomicLong bytes = new AtomicLong();

        void add(long n) {
            long after = bytes.addAndGet(n);
            long whole = after / MEGABYTE - (after - n) / MEGABYTE;
            if (whole > 0) {
                synchronized (this) {
                    progress.advance(whole);
                }
            }
        }
    }
}
