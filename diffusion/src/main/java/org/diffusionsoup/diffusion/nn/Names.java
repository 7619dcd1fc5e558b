package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Tensor;

/** A place in a state dict: the parameters and the dotted path of the module being built. */
public record Names(Parameters parameters, String path) {
    /** The root of a new state dict. */
    public static Names root() {
        return new Names(new Parameters(), "");
    }

    /** A child module's place. */
    public Names sub(String child) {
        return new Names(parameters, path.isEmpty() ? child : path + "." + child);
    }

    /** The i-th entry of a module list. */
    public Names sub(String list, int i) {
        return sub(list + "." + i);
    }

    /** Declares a parameter here. */
    public Parameter parameter(String leaf, Init init, long... shape) {
        return parameters.declare(path.isEmpty() ? leaf : path + "." + leaf, init, shape);
    }

    /** Reports a module's output to the observer, if there is one, and passes it on. */
    public Tensor tap(Tensor output) {
        return parameters.tap(path, output);
    }

    /** Reports a value under a name of its own. */
    public Tensor tap(String leaf, Tensor output) {
        return sub(leaf).tap(output);
    }
}
