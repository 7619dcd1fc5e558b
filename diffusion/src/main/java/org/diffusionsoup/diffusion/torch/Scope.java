package org.diffusionsoup.diffusion.torch;

import org.bytedeco.javacpp.PointerScope;

/**
 * Owns the native memory of every tensor made on this thread while it is open, and frees it on
 * {@link #close()}. A tensor that must outlive the scope is kept with {@link Tensor#keep()}.
 *
 * <p>Freeing by scope, never by the garbage collector, is what keeps a training run's memory flat.
 */
public final class Scope implements AutoCloseable {
    private final PointerScope scope;

    private Scope(PointerScope scope) {
        this.scope = scope;
    }

    /** Opens a scope on the calling thread; scopes nest. */
    public static Scope open() {
        Natives.load();
        Ending.pass();
        return new Scope(new PointerScope());
    }

    @Override
    public void close() {
        scope.close();
    }
}
