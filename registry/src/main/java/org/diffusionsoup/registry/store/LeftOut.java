package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;

/**
 * Files of a diffusers folder that are no part of a model: neither weights nor text nor a
 * tokenizer's model, such as a backup of weights or a picture. They are not stored, for soups would
 * carry them on, and what was trained on a shard, or is in it, would stay when that leaves.
 */
public final class LeftOut {
    /** SentencePiece's, as of T5. */
    private static final Set<String> TOKENIZER_MODELS = Set.of("spiece.model", "tokenizer.model");

    private static final int BLOCK = 1 << 16;

    private LeftOut() {}

    /**
     * By their paths in the folder, in order; none of a checkpoint that is no folder.
     *
     * @throws SoupException if there is no such checkpoint, or it is malformed
     */
    public static List<String> of(Path checkpoint) {
        try (Checkpoint open = Checkpoint.open(checkpoint)) {
            return open.folder().map(LeftOut::of).orElse(List.of());
        }
    }

    static List<String> of(DiffusersFolder folder) {
        return folder.otherFiles().stream()
                .filter(f -> !TOKENIZER_MODELS.contains(f.substring(f.lastIndexOf('/') + 1)))
                .filter(f -> !isText(folder.path().resolve(f)))
                .toList();
    }

    /** Whether a file is UTF-8 throughout, without the character that no text has. */
    private static boolean isText(Path file) {
        char[] block = new char[BLOCK];
        try (Reader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            for (int n = in.read(block); n >= 0; n = in.read(block)) {
                for (int i = 0; i < n; i++) {
                    if (block[i] == 0) {
                        return false;
                    }
                }
            }
            return true;
        } catch (CharacterCodingException e) {
            return false;
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }
}
