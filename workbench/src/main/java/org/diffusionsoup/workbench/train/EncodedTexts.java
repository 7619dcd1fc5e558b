package org.diffusionsoup.workbench.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.pipeline.Conditioning;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Embeddings of captions.
 *
 * @param hidden (captions, tokens, width)
 * @param pooled SDXL's (captions, D), empty for others
 */
record EncodedTexts(Tensor hidden, Optional<Tensor> pooled) {
    private static final int CHUNK = 32;

    /**
     * Encodes captions with a model's text encoders, without gradients if these are off.
     *
     * @param prompts the first of them empty
     */
    static EncodedTexts of(StableDiffusion model, List<String> prompts) {
        if (model.second().isEmpty()) {
            Tensor hidden = texts(model.textEncoder(), model.tokenizer(), prompts);
            return new EncodedTexts(hidden, Optional.empty());
        }
        List<Tensor> hidden = new ArrayList<>();
        List<Tensor> pooled = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += CHUNK) {
            List<String> some = prompts.subList(from, Math.min(from + CHUNK, prompts.size()));
            try (Scope s = Scope.open()) {
                Conditioning c = Conditioning.of(model, some);
                hidden.add(c.text().contiguous().keep());
                pooled.add(c.added().orElseThrow().pooledText().contiguous().keep());
            }
        }
        EncodedTexts all =
                new EncodedTexts(EncodedRows.join(hidden), Optional.of(EncodedRows.join(pooled)));
        if (model.second().get().zerosWithoutPrompt()) {
            // What the model is drawn from without a prompt is what it should meet without a
            // caption.
            try (Scope s = Scope.open()) {
                all.hidden.select(0, 0).zero_();
                all.pooled.orElseThrow().select(0, 0).zero_();
            }
        }
        return all;
    }

    private static Tensor texts(ClipTextModel text, ClipTokenizer tokenizer, List<String> prompts) {
        List<Tensor> parts = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += CHUNK) {
            List<String> some = prompts.subList(from, Math.min(from + CHUNK, prompts.size()));
            int[][] ids = some.stream().map(tokenizer::encode).toArray(int[][]::new);
            try (Scope s = Scope.open()) {
                parts.add(text.forward(Tensor.ofRows(ids)).lastHiddenState().keep());
            }
        }
        return EncodedRows.join(parts);
    }

    void release() {
        hidden.release();
        pooled.ifPresent(Tensor::release);
    }
}
