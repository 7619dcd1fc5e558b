package org.diffusionsoup.diffusion.torch;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Loads libtorch once, in the one order that works on a machine with an empty JavaCPP cache.
 *
 * <p>Left to itself the first load dies inside {@code dlopen} of {@code libtorch_cpu.so}, because
 * its sibling libraries are not extracted yet. All native folders are therefore unpacked before the
 * first library is opened, and two processes that start at once take turns by a file lock.
 */
final class Natives {
    private static boolean loaded;

    private Natives() {}

    /** Whether the libtorch of this build is the one with CUDA. */
    static boolean hasCuda() {
        return torch.class.getResource(folder("-gpu") + "libtorch_cuda.so") != null;
    }

    private static String torchFolder() {
        return folder(hasCuda() ? "-gpu" : "");
    }

    private static String folder(String extension) {
        return "/org/bytedeco/pytorch/" + Loader.getPlatform() + extension + "/";
    }

    /** Loads libtorch if this process has not done so yet. */
    static synchronized void load() {
        if (loaded) {
            return;
        }
        // JavaCPP would otherwise watch the resident size on every allocation and call System.gc()
        // or throw when libtorch's own memory passes a share of the Java heap.
        setDefault("org.bytedeco.javacpp.maxBytes", "0");
        setDefault("org.bytedeco.javacpp.maxPhysicalBytes", "0");
        try {
            Path cache = Loader.getCacheDir().toPath();
            Files.createDirectories(cache);
            Path lockFile = cache.resolve(".diffusion-soup.lock");
            try (FileChannel channel =
                            FileChannel.open(
                                    lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                String platform = Loader.getPlatform();
                Loader.cacheResources(torch.class, "/org/bytedeco/openblas/" + platform + "/");
                Loader.cacheResources(torch.class, torchFolder());
                loadQuietly();
                // NNPACK would only take batches of 16 or more, which go to oneDNN before. Smaller
                // ones ask for it all the same, and where it does not know the processor each
                // convolution writes a line about that.
                torch.globalContext().setUserEnabledNNPACK(false);
                Threads.choose();
                if (!lock.isValid()) {
                    throw new TorchException("the lock on " + lockFile + " was lost while loading");
                }
            }
        } catch (IOException e) {
            throw new TorchException(
                    "libtorch could not be unpacked into the JavaCPP cache folder ("
                            + e.getMessage()
                            + "); free some disk space or set -Dorg.bytedeco.javacpp.cachedir",
                    e);
        } catch (UnsatisfiedLinkError e) {
            throw new TorchException(
                    "libtorch could not be loaded on this machine: " + e.getMessage(), e);
        }
        Ending.listen();
        loaded = true;
    }

    /**
     * Loads libtorch without JavaCPP's remark that openblas carries another JavaCPP version than
     * libtorch: the two were released to work together, and nobody can act on it.
     */
    private static void loadQuietly() {
        PrintStream err = System.err;
        PrintStream filter =
                new PrintStream(err, true) {
                    @Override
                    public void println(@Nullable String line) {
                        if (line == null || !line.startsWith("Warning: Versions of org.bytedeco")) {
                            super.println(line);
                        }
                    }
                };
        System.setErr(filter);
        try {
            Loader.load(torch.class);
        } finally {
            System.setErr(err);
        }
    }

    private static void setDefault(String key, String value) {
        if (System.getProperty(key) == null) {
            System.setProperty(key, value);
        }
    }
}
