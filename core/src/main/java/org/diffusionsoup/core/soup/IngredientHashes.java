package org.diffusionsoup.core.soup;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.TensorSource;

/** The SHA-256 of ingredients' files. */
final class IngredientHashes {
    private IngredientHashes() {}

    /** Hashes every file, several at once. */
    static List<Ingredient> of(
            List<Ingredient> opened, ExecutorService workers, SoupOptions options) {
        return of(opened, workers, options, Map.of());
    }

    /**
     * @param given those that need not be taken now
     */
    static List<Ingredient> of(
            List<Ingredient> opened,
            ExecutorService workers,
            SoupOptions options,
            Map<Path, String> given) {
        Map<Path, Future<String>> jobs = new HashMap<>();
        Map<Path, Long> sizes = new HashMap<>();
        for (Ingredient i : opened) {
            for (TensorSource part : i.checkpoint().parts().values()) {
                for (Path f : part.files()) {
                    if (given.containsKey(f)) {
                        continue;
                    }
                    sizes.put(f, f.toFile().length());
                    jobs.computeIfAbsent(
                            f, file -> workers.submit(() -> options.hashes().sha256(file)));
                }
            }
        }
        long total = sizes.values().stream().mapToLong(Long::longValue).sum();
        long done = 0;
        Map<Path, String> hashes = new HashMap<>(given);
        for (var job : jobs.entrySet()) {
            hashes.put(job.getKey(), get(job.getValue()));
            done += sizes.getOrDefault(job.getKey(), 0L);
            options.progress().update("hashing", done, total);
        }
        return opened.stream().map(i -> i.withHashes(hashes)).toList();
    }

    private static String get(Future<String> job) {
        try {
            return job.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while hashing the ingredients.", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof SoupException s) {
                throw s;
            }
            throw new SoupException("Hashing the ingredients failed: " + e.getCause(), e);
        }
    }
}
