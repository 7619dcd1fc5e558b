package org.diffusionsoup.diffusion.torch;

import java.util.Objects;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/** Process-wide switches of libtorch. */
public final class Torch {
    static {
        Natives.load();
    }

    private static volatile @Nullable Device device;

    private Torch() {}

    /**
     * The device that tensors are made on: the one given to {@link #use}, else, from the first
     * question on, {@code auto}.
     */
    public static Device device() {
        Device known = device;
        if (known == null) {
            synchronized (Torch.class) {
                if (device == null) {
                    use(Device.parse("auto"));
                }
                known = Objects.requireNonNull(device);
            }
        }
        return known;
    }

    /**
     * Makes all tensors of this process on a device. Models have to be loaded after it: tensors of
     * two devices do not mix.
     *
     * <p>On an accelerator float32 products may be computed in TF32, with 10 instead of 23 bits of
     * mantissa for what is multiplied, and sums in float32.
     */
    public static synchronized void use(Device wanted) {
        if (!wanted.isCpu()) {
            torch.globalContext().setAllowTF32CuBLAS(true);
            torch.globalContext().setAllowTF32CuDNN(true);
            torch.globalContext().setBenchmarkCuDNN(true);
        }
        device = wanted;
    }

    /** How many accelerators this build and this machine's driver can use. */
    public static int accelerators() {
        return Natives.hasCuda() && torch.cuda_is_available() ? torch.cuda_device_count() : 0;
    }

    /**
     * Elements that flat passes over all weights take at a time: on the processor few, so that
     * temporaries stay small and in the caches; on an accelerator, where each operation costs its
     * launch, all of up to 2^28.
     */
    public static long piece(long onCpu) {
        return device().isCpu() ? onCpu : 1L << 28;
    }

    /** Number of threads one operation may use. */
    public static int threads() {
        return torch.get_num_threads();
    }

    /** Sets the number of threads one operation may use. Results may differ in the last bits. */
    public static void setThreads(int n) {
        torch.set_num_threads(n);
    }

    /** Whether gradients are recorded on this thread. */
    public static boolean gradients() {
        return GradMode.is_enabled();
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
        DeviceType type = device().isCpu() ? DeviceType.CPU : DeviceType.CUDA;
        boolean before = torch.is_autocast_enabled(type);
        torch.set_autocast_dtype(type, ScalarType.BFloat16);
        // The cache of cast weights would go stale when an optimizer step changes them in place.
        torch.set_autocast_cache_enabled(false);
        torch.set_autocast_enabled(type, true);
        return () -> torch.set_autocast_enabled(type, before);
    }

    /** Whether such a guard is open on this thread. */
    static boolean isBfloat16Compute() {
        return torch.is_autocast_enabled(device().isCpu() ? DeviceType.CPU : DeviceType.CUDA);
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
