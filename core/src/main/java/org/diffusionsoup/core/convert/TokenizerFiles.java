package org.diffusionsoup.core.convert;

import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.diffusionsoup.core.SoupException;

/** The files of CLIP's tokenizer; its vocabulary is shipped (openai/CLIP, MIT licence). */
public final class TokenizerFiles {
    static final String VOCABULARY = "vocab.json";
    static final String MERGES = "merges.txt";

    /** What is shipped, and need not be carried. */
    static final Set<String> SHIPPED = Set.of(VOCABULARY, MERGES);

    /** How many tokens the vocabulary has. */
    static final int TOKENS = 49_408;

    private TokenizerFiles() {}

    /**
     * File names to contents.
     *
     * @param pad the token that fills up a prompt: {@code <|endoftext|>}, or {@code !} for texts
     *     encoded by OpenCLIP
     */
    public static Map<String, byte[]> of(String pad) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(VOCABULARY, shipped(VOCABULARY));
        files.put(MERGES, shipped(MERGES));
        Map<String, Object> special = new LinkedHashMap<>();
        special.put("bos_token", token("<|startoftext|>", false));
        special.put("eos_token", token("<|endoftext|>", false));
        special.put("pad_token", pad);
        special.put("unk_token", token("<|endoftext|>", false));
        files.put("special_tokens_map.json", Configs.utf8(special));
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("add_prefix_space", false);
        config.put("bos_token", token("<|startoftext|>", true));
        config.put("do_lower_case", true);
        config.put("eos_token", token("<|endoftext|>", true));
        config.put("errors", "replace");
        config.put("model_max_length", 77);
        config.put("pad_token", pad);
        config.put("tokenizer_class", "CLIPTokenizer");
        config.put("unk_token", token("<|endoftext|>", true));
        files.put("tokenizer_config.json", Configs.utf8(config));
        return files;
    }

    private static Map<String, Object> token(String content, boolean typed) {
        Map<String, Object> m = new LinkedHashMap<>();
        if (typed) {
            m.put("__type", "AddedToken");
        }
        m.put("content", content);
        m.put("lstrip", false);
        m.put("normalized", true);
        m.put("rstrip", false);
        m.put("single_word", false);
        return m;
    }

    /** A shipped file's content. */
    static byte[] shipped(String name) {
        try (InputStream in = TokenizerFiles.class.getResourceAsStream(name + ".gz")) {
            if (in == null) {
                throw new SoupException("This installation lacks CLIP's " + name + ".");
            }
            try (InputStream text = new GZIPInputStream(in)) {
                return text.readAllBytes();
            }
        } catch (IOException e) {
            throw new SoupException("CLIP's " + name + " in this installation is damaged.", e);
        }
    }
}
