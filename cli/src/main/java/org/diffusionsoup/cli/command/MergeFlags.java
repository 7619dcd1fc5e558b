package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.HashCache;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Flags that commands share which average checkpoints; a mixin. */
public final class MergeFlags {
    /** More than any machine has use for; every thread has buffers of its own. */
    private static final int MOST_THREADS = 256;

    public static final int UNASKED = Integer.MIN_VALUE;

    /**
     * Places of these flags in a help text: after a command's own, before those of all commands.
     */
    private static final int ORDER = 20;

    @Option(names = "--force", order = ORDER, description = "Replace an existing output.")
    private boolean force;

    @Option(
            names = "--threads",
            order = ORDER + 1,
            paramLabel = "N",
            description =
                    "Worker threads; the bytes do not depend on it (default: all processors).")
    private int threads = UNASKED;

    @Option(
            names = "--no-hash-cache",
            order = ORDER + 2,
            description =
                    "Hash every ingredient anew instead of trusting a remembered hash of a file"
                            + " whose size and times have not changed.")
    private boolean noHashCache;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    /** Weights of one or several lists with commas; an empty place counts as one, to be refused. */
    public static List<String> weights(List<String> lists) {
        return lists.stream().flatMap(list -> Stream.of(list.split(",", -1))).toList();
    }

    /** Whether an output may be replaced. */
    public boolean force() {
        return force;
    }

    /**
     * The threads asked for, all processors where none are.
     *
     * @throws ParameterException if that is no number from 1 to {@value #MOST_THREADS}
     */
    public int threads() {
        return threads(threads, spec.commandLine());
    }

    /**
     * The same for commands that declare the flag themselves.
     *
     * @param n as given, or {@link #UNASKED}
     */
    public static int threads(int n, CommandLine command) {
        if (n == UNASKED) {
            return Runtime.getRuntime().availableProcessors();
        }
        if (n < 1 || n > MOST_THREADS) {
            throw new ParameterException(
                    command,
                    "--threads must be at least 1 and at most "
                            + MOST_THREADS
                            + ", not "
                            + n
                            + ".");
        }
        return n;
    }

    /** Refuses an output that exists, unless it may be replaced. */
    public void checkFree(Path out) {
        ModelOutput.MODEL.check(out, force());
    }

    public HashCache hashes() {
        return noHashCache ? HashCache.none() : HashCache.in(cacheFolder().resolve("sha256"));
    }

    /** {@code SOUP_CACHE}, else the desktop standard's place for caches. */
    static Path cacheFolder() {
        String here = System.getProperty("soup.cache", ""); // for tests, which cannot set the other
        if (!here.isEmpty()) {
            return Path.of(here);
        }
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
