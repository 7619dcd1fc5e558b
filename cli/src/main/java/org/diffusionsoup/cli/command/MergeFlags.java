package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.core.HashCache;
import picocli.CommandLine.Option;

/** Flags that commands share which average checkpoints. */
final class MergeFlags {
    @Option(names = "--force", description = "Replace an existing output.")
    boolean force;

    @Option(
            names = "--threads",
            defaultValue = "0",
            paramLabel = "N",
            description =
                    "Worker threads; the bytes do not depend on it (default: all processors).")
    int threads;

    @Option(
            names = "--no-hash-cache",
            description =
                    "Hash every ingredient anew instead of trusting a remembered hash of a file"
                            + " whose size and times have not changed.")
    boolean noHashCache;

    HashCache hashes() {
        return noHashCache ? HashCache.none() : HashCache.in(cacheFolder().resolve("sha256"));
    }

    int threadsOr(int all) {
        return threads == 0 ? all : threads;
    }

    /** {@code SOUP_CACHE}, else the desktop standard's place for caches. */
    static Path cacheFolder() {
        Map<String, String> env = System.getenv();
        String own = env.getOrDefault("SOUP_CACHE", "");
        if (!own.isEmpty()) {
            return Path.of(own);
        }
        String xdg = env.getOrDefault("XDG_CACHE_HOME", "");
        Path caches =
                xdg.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(xdg);
        return caches.resolve("diffusion-soup");
    }
}
