package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Activation functions by the names used in {@code config.json}. */
public enum Activation {
    SILU("silu", "swish") {
        @Override
        public Tensor apply(Tensor x) {
            return Functional.silu(x);
        }
    },
    GELU("gelu") {
        @Override
        public Tensor apply(Tensor x) {
            return Functional.gelu(x);
        }
    },
    /** OpenAI CLIP's x * sigmoid(1.702 x). */
    QUICK_GELU("quick_gelu") {
        @Override
        public Tensor apply(Tensor x) {
            return x.mul(x.mul(1.702).sigmoid());
        }
    };

    private final String[] names;

    Activation(String... names) {
        this.names = names;
    }

    public abstract Tensor apply(Tensor x);

    /** The name a config file uses for it. */
    public String configName() {
        return names[0];
    }

    /** The activation of a config file's name. */
    public static Activation of(String name) {
        for (Activation a : values()) {
            for (String n : a.names) {
                if (n.equals(name)) {
                    return a;
                }
            }
        }
        throw new UnsupportedConfigException(
                "activation \"" + name + "\" is not supported; known: silu, gelu, quick_gelu");
    }
}
