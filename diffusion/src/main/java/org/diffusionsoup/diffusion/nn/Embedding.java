package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/** A table of vectors (entries, width) looked up by int64 ids. */
public final class Embedding {
    private final Parameter weight;

    public Embedding(Names names, long entries, long width, Init init) {
        this.weight = names.parameter("weight", init, entries, width);
    }

    /** Ids of any shape to vectors: (...) to (..., width). */
    public Tensor forward(Tensor ids) {
        // of the rows alone, as the table is large
        return Functional.embedding(weight.value(), ids).toFloat();
    }

    /** The whole table, float32. */
    public Tensor table() {
        return weight.float32();
    }
}
