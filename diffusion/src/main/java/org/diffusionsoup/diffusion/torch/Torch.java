package org.diffusionsoup.diffusion.torch;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Process-wide switches of libtorch. */
public final class Torch {
    static {
        Natives.load();
    }

    private Torch() {}

    /** Number of threads one operation may use. */
    public static int threads() {
        return torch.get_num_threads();
    }

    /** Sets the number of threads one operation may use. Results may differ in the last bits. */
    public static void setThreads(int n) {
        torch.set_num_threads(n);
    }

    /** Switches gradient recording on or off until the returned guard is closed. */
    public static Guard gradients(boolean enabled) {
        AutoGradMode mode = new AutoGradMode(enabled);
        // A guard outlives inner scopes, so it must not belong to the current one.
        mode.retainReference();
        return () -> {
            mode.releaseReference();
            mode.deallocate();
        };
    }

    /**
     * Runs convolutions and matrix products in bfloat16 until the guard is closed (torch's
     * autocast), with weights, gradients and optimizer state staying float32.
     *
     * @param enabled false gives a guard that does nothing
     */
    public static Guard bfloat16Compute(boolean enabled) {
        if (!enabled) {
            return () -> {};
        }
        boolean before = torch.is_autocast_enabled(DeviceType.CPU);
        torch.set_autocast_dtype(DeviceType.CPU, ScalarType.BFloat16);
        // The cache of cast weights would go stale when an optimizer step changes them in place.
        torch.set_autocast_cache_enabled(false);
        torch.set_autocast_enabled(DeviceType.CPU, true);
        return () -> torch.set_autocast_enabled(DeviceType.CPU, before);
    }

    /**
     * Number of native objects (tensors, scalars, generators) that Java owns at this moment. A
     * training step must leave it as it was: that is how tests find leaks before memory shows them.
     */
    public static long nativeObjects() {
        return Pointer.totalCount();
    }

    /** A switch to be restored by try-with-resources. */
    public interface Guard extends AutoCloseable {
        @Override
        void close();
    }
}
