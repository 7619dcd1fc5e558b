package org.diffusionsoup.diffusion.nn;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.torch.TorchException;
import org.jspecify.annotations.Nullable;

/**
 * The state dict of one model: named parameters, all of them views into one flat float32 buffer.
 *
 * <p>Layers declare parameters while a model is built; {@link #allocate()} then makes the buffer.
 * One flat buffer makes optimizer steps, moving averages, gradient norms and checkpoints single
 * operations over contiguous memory.
 */
public final class Parameters implements AutoCloseable {
    /** Values squared at a time, to keep the temporary small. */
    private static final long NORM_PIECE = 1 << 20;

    private final Map<String, Parameter> byName = new LinkedHashMap<>();
    private long total;
    private @Nullable Tensor flat;
    private @Nullable Tensor flatGrad;
    private @Nullable BiConsumer<String, Tensor> tap;

    Parameter declare(String name, Init init, long... shape) {
        if (flat != null) {
            throw new TorchException("parameter " + name + " is declared after allocation");
        }
        Parameter p = new Parameter(name, shape, init, total);
        if (byName.put(name, p) != null) {
            throw new TorchException("parameter " + name + " is declared twice");
        }
        total = Math.addExact(total, p.elements());
        return p;
    }

    /** Makes the buffer (uninitialised) and binds every parameter to its part. */
    public Parameters allocate() {
        try (Scope s = Scope.open()) {
            Tensor buffer = Tensor.empty(total).keep();
            flat = buffer;
            for (Parameter p : byName.values()) {
                p.bind(p.viewOf(buffer).detach().keep());
            }
        }
        return this;
    }

    /** Fills every parameter with its initial distribution, the same for the same seed. */
    public void initialise(long seed) {
        long i = 0;
        for (Parameter p : byName.values()) {
            try (Scope s = Scope.open();
                    Rng rng = new Rng(Rng.mix(seed, i++))) {
                p.init().fill(p.value(), rng);
            }
        }
    }

    /**
     * Turns on gradients. Every backward pass then adds into one flat gradient buffer, see {@link
     * #flatGrad()}.
     */
    public void train() {
        if (flatGrad != null) {
            return;
        }
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            Tensor grads = Tensor.zeros(total).keep();
            flatGrad = grads;
            for (Parameter p : byName.values()) {
                p.value().requiresGrad_(true);
                // libtorch holds the view from here on; a reference of ours would never be let go.
                p.value().setGrad(p.viewOf(grads).detach());
            }
        }
    }

    /** All parameters in declaration order. */
    public Collection<Parameter> all() {
        return byName.values();
    }

    /** The parameter of a name. */
    public @Nullable Parameter find(String name) {
        return byName.get(name);
    }

    /** Number of weights. */
    public long count() {
        return total;
    }

    /** The flat buffer (count). Convolution weights lie channels-last in it. */
    public Tensor flat() {
        if (flat == null) {
            throw new TorchException("the parameters are not allocated yet");
        }
        return flat;
    }

    /** The flat gradient buffer (count), in the same order as {@link #flat()}. */
    public Tensor flatGrad() {
        if (flatGrad == null) {
            throw new TorchException("gradients are off; call train() first");
        }
        return flatGrad;
    }

    /** Euclidean norm of the gradient as a whole. */
    public double gradientNorm() {
        double squares = 0;
        for (long at = 0; at < total; at += NORM_PIECE) {
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                Tensor piece = flatGrad().narrow(0, at, Math.min(NORM_PIECE, total - at));
                squares += piece.square().sum().item();
            }
        }
        return Math.sqrt(squares);
    }

    /** The gradient of one parameter, in its own shape. */
    public Tensor grad(Parameter p) {
        return p.viewOf(flatGrad());
    }

    /** Calls the observer with the output of every named module, for tests and inspection. */
    public void observe(@Nullable BiConsumer<String, Tensor> observer) {
        tap = observer;
    }

    Tensor tap(String path, Tensor value) {
        if (tap != null) {
            tap.accept(path, value);
        }
        return value;
    }

    /** Frees the buffers; the model must not be used afterwards. */
    @Override
    public void close() {
        for (Parameter p : byName.values()) {
            if (flat != null) {
                p.value().release();
            }
        }
        if (flat != null) {
            flat.release();
            flat = null;
        }
        if (flatGrad != null) {
            flatGrad.release();
            flatGrad = null;
        }
    }
}
