package org.diffusionsoup.diffusion.torch;

import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
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

    /**
     * Computes a tensor and frees all others that are made on the way, where no gradients are
     * recorded; where they are, the backward pass needs those, and nothing is freed.
     *
     * @param of makes a new tensor on this thread
     * @return its result, of the caller's scope
     */
    public static Tensor result(Supplier<Tensor> of) {
        if (Torch.gradients()) {
            return of.get();
        }
        Tensor inner;
        try (Scope s = Scope.open()) {
            inner = of.get().keep();
        }
        Tensor result = inner.alias();
        inner.release();
        return result;
    }

    /**
     * Computes layers one after the other and frees what each made once the next one has taken it,
     * where no gradients are recorded.
     *
     * @param in to the first; not freed
     * @param layers each makes a new tensor
     * @return of the last, of the caller's scope
     */
    public static Tensor chain(Tensor in, List<UnaryOperator<Tensor>> layers) {
        Tensor x = in;
        for (UnaryOperator<Tensor> layer : layers) {
            Tensor taken = x;
            x = result(() -> layer.apply(taken));
            if (taken != in && !Torch.gradients()) {
                taken.release();
            }
        }
        return x;
    }

    @Override
    public void close() {
        scope.close();
    }
}
