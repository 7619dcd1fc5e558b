package org.diffusionsoup.diffusion.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
        Optional<String> ids = ids(folder, tokens, Path.of(text.source()).resolveSibling(""), rows);
        if (ids.isPresent()) {
            return ids;
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

    /**
     * Refuses a tokenizer with ids that have no row in a text encoder's table of embeddings.
     *
     * @param tokenizer its folder, for the message
     * @param tokens what lies there
     * @param encoder folder of the text encoder, for the message
     * @param rows of its table
     * @throws UnsupportedConfigException naming both, and the first added token that is too many
     */
    public static void requireRows(Path tokenizer, ClipTokenizer tokens, Path encoder, int rows) {
        ComponentFit.refuse(ids(tokenizer, tokens, encoder, rows).stream().toList());
    }

    private static Optional<String> ids(Path folder, ClipTokenizer tokens, Path encoder, int rows) {
        Optional<Map.Entry<String, Integer>> beyond =
                tokens.addedTokens().entrySet().stream()
                        .filter(e -> e.getValue() >= rows)
                        .findFirst();
        // A whole vocabulary of another model is more to the point than its special tokens.
        if (beyond.isPresent() && tokens.ownSize() <= rows) {
            return Optional.of(
                    String.format(
                            Locale.ROOT,
                            "%s: the added token \"%s\" has the id %d, and %s has embeddings for the ids 0 to %d: put the text encoder there that was saved with this token, or take the token out of the tokenizer.",
                            folder,
                            beyond.get().getKey(),
                            beyond.get().getValue(),
                            encoder,
                            rows - 1));
        }
        if (tokens.vocabSize() > rows) {
            return Optional.of(
                    String.format(
                            Locale.ROOT,
                            "%s knows %,d tokens, and %s has embeddings for %,d; put the vocab.json and merges.txt that the model was trained with into %s",
                            folder,
                            tokens.vocabSize(),
                            encoder,
                            rows,
                            folder));
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
