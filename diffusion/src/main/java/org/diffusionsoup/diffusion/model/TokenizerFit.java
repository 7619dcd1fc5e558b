package org.diffusionsoup.diffusion.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.text.TokenizerException;

/** Whether a tokenizer's ids and lengths have rows in the tables of its text encoder. */
public final class TokenizerFit {
    private TokenizerFit() {}

    /**
     * Refuses a tokenizer with more tokens than a text encoder has embeddings for, or that reads
     * more than it has positions for: some prompts would ask for rows that are not there, as where
     * a model of its own vocabulary was converted from a single file, which cannot carry one.
     *
     * @param tokenizer its folder, for the message
     * @param tokens what lies there
     * @param textEncoder folder of the text encoder
     * @throws UnsupportedConfigException naming both
     */
    public static void require(Path tokenizer, ClipTokenizer tokens, Path textEncoder) {
        JsonConfig config = JsonConfig.read(textEncoder.resolve("config.json"));
        ComponentFit.refuse(misfit(tokenizer, tokens, config).stream().toList());
    }

    private static Optional<String> misfit(Path folder, ClipTokenizer tokens, JsonConfig text) {
        int rows = text.integer("vocab_size", 49408);
        if (tokens.vocabSize() > rows) {
            return Optional.of(
                    String.format(
                            Locale.ROOT,
                            "%s knows %,d tokens, and %s has embeddings for %,d; put the vocab.json and merges.txt that the model was trained with into %s",
                            folder,
                            tokens.vocabSize(),
                            Path.of(text.source()).getParent(),
                            rows,
                            folder));
        }
        int positions = text.integer("max_position_embeddings", 77);
        if (tokens.modelMaxLength() > positions) {
            return Optional.of(
                    "%s: model_max_length is %d, and %s: max_position_embeddings is %d: put the tokenizer that the model was trained with into %s, or a model_max_length of %d into its tokenizer_config.json."
                            .formatted(
                                    folder.resolve("tokenizer_config.json"),
                                    tokens.modelMaxLength(),
                                    text.source(),
                                    positions,
                                    folder,
                                    positions));
        }
        return Optional.empty();
    }

    /** Whether a text encoder is CLIP's, whose tokenizers these are. */
    static boolean isClipText(JsonConfig config) {
        return config.text("model_type", "clip_text_model").equals("clip_text_model");
    }

    /** Of those there; what is wrong with one by itself, whoever loads it says. */
    static List<String> misfits(Path folder) {
        List<String> all = new ArrayList<>();
        List<Path> read = new ArrayList<>();
        List<Integer> lengths = new ArrayList<>();
        for (String suffix : List.of("", "_2")) {
            Path place = folder.resolve("tokenizer" + suffix);
            Path config = folder.resolve("text_encoder" + suffix).resolve("config.json");
            if (!Files.isRegularFile(config) || !Files.isDirectory(place)) {
                continue;
            }
            JsonConfig encoder = JsonConfig.read(config);
            if (!isClipText(encoder)) {
                continue;
            }
            try {
                ClipTokenizer tokens = ClipTokenizer.load(place);
                misfit(place, tokens, encoder).ifPresent(all::add);
                read.add(place);
                lengths.add(tokens.modelMaxLength());
            } catch (TokenizerException e) {
                continue;
            }
        }
        if (all.isEmpty() && lengths.size() == 2 && !lengths.get(0).equals(lengths.get(1))) {
            all.add(
                    "%s reads %d tokens and %s %d, whose embeddings stand side by side: give both the model_max_length that the model was trained with."
                            .formatted(
                                    read.getFirst(),
                                    lengths.getFirst(),
                                    read.getLast(),
                                    lengths.getLast()));
        }
        return all;
    }
}
