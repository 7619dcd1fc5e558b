package org.diffusionsoup.diffusion.blip;

import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.LayerNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * From a decoder's states to logits over the vocabulary: {@code cls.predictions} of BLIP's {@code
 * BertLMHeadModel}. The output table is the decoder's token table itself.
 */
final class MedLanguageHead {
    private final Linear dense;
    private final LayerNorm norm;
    private final Parameter bias;
    private final MedConfig config;

    MedLanguageHead(Names names, MedConfig c) {
        config = c;
        int width = c.hiddenSize();
        bias = names.parameter("bias", Init.ZERO, c.vocabSize());
        dense = MedBert.linear(names.sub("transform.dense"), width, width);
        norm = new LayerNorm(names.sub("transform.LayerNorm"), width, c.layerNormEps());
    }

    /** (..., width) to (..., vocabulary). */
    Tensor forward(Tensor states, Tensor table) {
        Tensor x = norm.forward(config.activation().apply(dense.forward(states)));
        return Functional.linear(x, table, bias.float32());
    }
}
