package org.diffusionsoup.diffusion.torch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.bytedeco.pytorch.global.torch;

/**
 * How many threads one operation takes where nobody has said.
 *
 * <p>libtorch takes one for each core that it finds. It finds none where a virtual machine hides
 * the caches of its processor, and then takes a single thread; and it does not know of a
 * container's share, so that with two processors of a large machine it starts a thread for each of
 * that machine's cores, which wait for each other.
 */
final class Threads {
    /** Where Linux tells of processors. */
    static final Path LINUX = Path.of("/sys/devices/system/cpu");

    private Threads() {}

    /** Sets the number, unless a variable of the environment has said one. */
    static void choose() {
        if (System.getenv("OMP_NUM_THREADS") != null || System.getenv("MKL_NUM_THREADS") != null) {
            return;
        }
        int found = torch.get_num_threads();
        int chosen = choose(found, Runtime.getRuntime().availableProcessors(), cores(LINUX));
        if (chosen != found) {
            torch.set_num_threads(chosen);
        }
    }

    /**
     * The number to take.
     *
     * @param found by libtorch
     * @param usable processors that this process may use, by affinity and the share of its
     *     container
     * @param cores of the machine, on each of which several processors may be; 0 if not known
     */
    static int choose(int found, int usable, int cores) {
        int most = found > 1 ? found : cores > 0 ? cores : usable;
        return Math.max(1, Math.min(most, usable));
    }

    /**
     * Cores by what Linux says of which processors share one.
     *
     * @param folder {@code /sys/devices/system/cpu} of a machine
     * @return 0 where there is nothing of it
     */
    static int cores(Path folder) {
        Set<String> cores = new HashSet<>();
        try (DirectoryStream<Path> processors = Files.newDirectoryStream(folder, "cpu[0-9]*")) {
            for (Path processor : processors) {
                Path siblings = processor.resolve("topology/thread_siblings_list");
                if (Files.exists(siblings)) { // not of a processor that is switched off
                    cores.add(Files.readString(siblings).strip());
                }
            }
        } catch (IOException | UncheckedIOException | DirectoryIteratorException e) {
            return 0; // not Linux
        }
        return cores.size();
    }
}
