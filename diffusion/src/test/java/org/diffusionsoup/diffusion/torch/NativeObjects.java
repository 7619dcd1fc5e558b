package org.diffusionsoup.diffusion.torch;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Counts native objects for tests that look for leaks; such a test runs isolated. */
public final class NativeObjects {
    private NativeObjects() {}

    /**
     * The native objects that somebody still holds. What other tests in this process dropped
     * without closing counts until a collection frees it, and one in the middle of a test would
     * look as if the test had freed it.
     */
    public static long inUse() {
        long before;
        long now = Torch.nativeObjects();
        do {
            before = now;
            System.gc();
            LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
            now = Torch.nativeObjects();
        } while (now < before);
        return now;
    }
}
