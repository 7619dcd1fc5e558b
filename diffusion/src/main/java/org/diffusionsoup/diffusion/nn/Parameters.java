package org.diffusionsoup.diffusion.nn;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiConsumer;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.torch.TorchException;
import org.jspecify.annotations.Nullable;

/**
 * The state dict of one model: named parameters, all of them views into one flat buffer, of float32
 * unless {@linkplain #allocate(WeightFormat) asked otherwise}.
 *
 * <p>Layers declare parameters while a model is built; {@link #allocate()} then makes the buffer.
 * One flat buffer makes optimizer steps, moving averages, gradient norms and checkpoints single
 * operations over contiguous memory.
 */
public final class Parameters implements AutoCloseable {
    /** Values squared at a time, to keep the temporary small. */
    private static final long NORM_PIECE = 1 << 20;

    private final Map<String, Parameter> byName = new LinkedHashMap<>();
    private List<Parameters> parts = List.of();
    private long total;
    private final WideCopy wide = new WideCopy();
    private WeightFormat format = WeightFormat.F32;
    private @Nullable Tensor flat;
    private @Nullable Tensor flatGrad;
    private @Nullable BiConsumer<String, Tensor> tap;

    /**
     * Several models' weights as one, to train them together: one buffer that holds the given ones
     * after each other, so that optimizer steps, moving averages and checkpoints move all of them.
     * The weights keep their values and each model goes on seeing its own part; the models must not
     * have been trained on their own before.
     *
     * @param parts allocated weights with different parameter names
     * @throws TorchException if some are not held in float32
     */
    public static Parameters joined(Parameters... parts) {
        Parameters all = new Parameters();
        for (Parameters part : parts) {
            part.requireFloat32();
            if (part.flatGrad != null) {
                throw new TorchException("weights that have gradients already cannot be joined");
            }
            for (Parameter p : part.byName.values()) {
                if (all.byName.put(p.name(), p) != null) {
                    throw new TorchException("parameter " + p.name() + " is in two of the models");
                }
            }
            all.total = Math.addExact(all.total, part.total);
        }
        all.parts = List.of(parts);
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            Tensor buffer = Tensor.empty(all.total).keep();
            all.flat = buffer;
            long at = 0;
            for (Parameters part : parts) {
                Tensor mine = buffer.narrow(0, at, part.total).keep();
                mine.copy_(part.flat());
                part.close();
                part.flat = mine;
                for (Parameter p : part.byName.values()) {
                    p.bind(p.viewOf(mine).detach().keep(), WeightFormat.F32, all.wide);
                }
                at += part.total;
            }
        }
        return all;
    }

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

    /**
     * Makes the buffer (uninitialised) and binds every parameter to its part. The system lends the
     * memory as values are written, so a configuration that does not belong to its weights costs
     * nothing before they are compared.
     *
     * @throws UnsupportedConfigException if the parameters exceed this machine's whole memory
     */
    public Parameters allocate() {
        return allocate(WeightFormat.F32);
    }

    /**
     * The same with weights held in a format of choice: what is loaded is rounded to it, to nearest
     * and ties to even. Weights of half as many bytes as float32's can be computed with, and not
     * trained.
     *
     * @throws UnsupportedConfigException if the parameters exceed this machine's whole memory
     */
    public Parameters allocate(WeightFormat heldIn) {
        double bytes = (double) heldIn.bytes() * total;
        double memory = physicalMemory();
        if (bytes > memory) {
            throw new UnsupportedConfigException(
                    String.format(
                            Locale.ROOT,
                            "it describes a model of %,d weights, %.0f GB in %s, and this machine"
                                    + " has %.0f GB of memory; are the sizes those of the weights"
                                    + " beside it?",
                            total,
                            bytes / 1e9,
                            heldIn.word(),
                            memory / 1e9));
        }
        try (Scope s = Scope.open()) {
            Tensor buffer = Tensor.empty(heldIn.dtype(), total).keep();
            flat = buffer;
            format = heldIn;
            for (Parameter p : byName.values()) {
                p.bind(p.viewOf(buffer).detach().keep(), heldIn, wide);
            }
        }
        return this;
    }

    private static double physicalMemory() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class)
                .getTotalMemorySize();
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

    /** What {@link #initialise} makes of one parameter, a new tensor of its shape. */
    Tensor initial(Parameter wanted, long seed) {
        long i = List.copyOf(byName.values()).indexOf(wanted);
        try (Rng rng = new Rng(Rng.mix(seed, i))) {
            Tensor values = Tensor.empty(wanted.shape());
            wanted.init().fill(values, rng);
            return values;
        }
    }

    /**
     * Turns on gradients. Every backward pass then adds into one flat gradient buffer, see {@link
     * #flatGrad()}.
     *
     * @throws TorchException if the weights are not held in float32
     */
    public void train() {
        requireFloat32();
        if (flatGrad != null) {
            return;
        }
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            Tensor grads = Tensor.zeros(total).keep();
            flatGrad = grads;
            if (parts.isEmpty()) {
                attachGradients(grads);
            }
            long at = 0;
            for (Parameters part : parts) {
                Tensor mine = grads.narrow(0, at, part.total).keep();
                part.flatGrad = mine;
                part.attachGradients(mine);
                at += part.total;
            }
        }
    }

    private void requireFloat32() {
        if (format.isHalf()) {
            throw new TorchException(
                    "weights that are held in "
                            + format.word()
                            + " cannot be trained; load the model with weights in float32");
        }
    }

    private void attachGradients(Tensor grads) {
        for (Parameter p : byName.values()) {
            p.value().requiresGrad_(true);
            // libtorch holds the view from here on; a reference of ours would never be let go.
            p.value().setGrad(p.viewOf(grads).detach());
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

    /** The format that the weights are held in. */
    public WeightFormat format() {
        return format;
    }

    /** The flat buffer (count), of {@link #format}. Convolution weights lie channels-last in it. */
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
        long size = Torch.piece(NORM_PIECE);
        for (long at = 0; at < total; at += size) {
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                Tensor piece = flatGrad().narrow(0, at, Math.min(size, total - at));
                squares += piece.square().sum().item();
            }
        }
        return Math.sqrt(squares);
    }

    /**
     * Whether the weights have a finite sum, which they have unless one is NaN or infinite, or all
     * are absurdly large.
     */
    public boolean isFinite() {
        long size = Torch.piece(NORM_PIECE);
        for (long at = 0; at < total; at += size) {
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                Tensor piece = flat().narrow(0, at, Math.min(size, total - at));
                if (!Float.isFinite(piece.toFloat().sum().item())) {
                    return false;
                }
            }
        }
        return true;
    }

    /**
     * The gradient of one parameter, in its own shape. Of {@link #joined} weights, ask the model
     * the parameter belongs to.
     */
    public Tensor grad(Parameter p) {
        if (!parts.isEmpty()) {
            throw new TorchException("ask the model of " + p.name() + " for its gradient");
        }
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
        wide.close();
        parts.forEach(Parameters::close);
        for (Parameter p : byName.values()) {
            if (flat != null && parts.isEmpty()) {
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
