package org.diffusionsoup.diffusion.pipeline;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.model.TokenizerFit;
import org.diffusionsoup.diffusion.model.WeightsView;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.text.TextReading;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Prompts to the conditions of a denoiser. */
sealed interface PromptEncoder {
    /** That of a model's one or two text encoders. */
    static PromptEncoder of(StableDiffusion model) {
        Encoder first = new Encoder(model.tokenizer(), model.textEncoder());
        return model.second()
                .<PromptEncoder>map(s ->
                        new Dual(
                                first,
                                new Encoder(s.tokenizer(), s.encoder()),
                                s.zerosWithoutPrompt()))
                .orElseGet(() -> new Single(first));
    }

    /**
     * Conditions of prompts for pictures of a size.
     *
     * @param prompts one per picture, cut to the text encoder's length
     */
    Conditioning encode(List<String> prompts, int height, int width);

    /** Conditions of {@code n} pictures for which no negative prompt is given. */
    Conditioning withoutNegative(int n, int height, int width);

    /** What the text encoder, of two the one that reads less, takes of a prompt. */
    TextReading reading(String prompt);

    /** A text encoder with the tokenizer it was trained with. */
    record Encoder(ClipTokenizer tokenizer, ClipTextModel model) {
        static Encoder load(Path tokenizer, Path model, WeightsView view) {
            ClipTokenizer tokens = ClipTokenizer.load(tokenizer);
            TokenizerFit.require(tokenizer, tokens, model);
            return new Encoder(tokens, StableDiffusion.textEncoder(model, view));
        }

        /** Tokens in the text encoder's window, with the start and end tokens. */
        private int length() {
            return Math.min(tokenizer.modelMaxLength(), model.config().maxPositions());
        }

        TextReading reading(String prompt) {
            return tokenizer.reading(prompt, length());
        }

        ClipTextModel.Output run(List<String> prompts) {
            int length = length();
            int[][] ids =
                    prompts.stream().map(p -> tokenizer.encode(p, length)).toArray(int[][]::new);
            return model.forward(Tensor.ofRows(ids));
        }
    }

    /** SD 1.x and 2.x: the last hidden state of one text encoder. */
    record Single(Encoder encoder) implements PromptEncoder {
        @Override
        public Conditioning encode(List<String> prompts, int height, int width) {
            return new Conditioning(encoder.run(prompts).lastHiddenState(), Optional.empty());
        }

        @Override
        public TextReading reading(String prompt) {
            return encoder.reading(prompt);
        }

        @Override
        public Conditioning withoutNegative(int n, int height, int width) {
            return encode(Collections.nCopies(n, ""), height, width);
        }
    }

    /**
     * SDXL: the last but one hidden states of two text encoders side by side, the second one's
     * projected embedding, and the picture's size.
     *
     * @param zerosWithoutNegative whether a missing negative prompt is all zeros instead of the
     *     empty prompt
     */
    record Dual(Encoder first, Encoder second, boolean zerosWithoutNegative)
            implements PromptEncoder {
        @Override
        public Conditioning encode(List<String> prompts, int height, int width) {
            ClipTextModel.Output a = first.run(prompts);
            ClipTextModel.Output b = second.run(prompts);
            Tensor text = Tensor.cat(List.of(lastButOne(a), lastButOne(b)), -1);
            return conditioning(text, second.model().project(b), height, width);
        }

        @Override
        public TextReading reading(String prompt) {
            TextReading a = first.reading(prompt);
            TextReading b = second.reading(prompt);
            return b.tokens() - b.fits() > a.tokens() - a.fits() ? b : a;
        }

        @Override
        public Conditioning withoutNegative(int n, int height, int width) {
            Conditioning c = encode(Collections.nCopies(n, ""), height, width);
            if (!zerosWithoutNegative) {
                return c;
            }
            Tensor pooled = c.added().orElseThrow().pooledText();
            return conditioning(c.text().mul(0), pooled.mul(0), height, width);
        }

        private static Tensor lastButOne(ClipTextModel.Output output) {
            return output.hiddenStates().get(output.hiddenStates().size() - 2);
        }

        private static Conditioning conditioning(
                Tensor text, Tensor pooled, int height, int width) {
            float[] one = {height, width, 0, 0, height, width}; // whole, uncropped picture
            Tensor ids = Tensor.of(one, 1, one.length).expand(text.size(0), one.length);
            return new Conditioning(
                    text, Optional.of(new Conditioning.Added(pooled, ids.contiguous())));
        }
    }
}
