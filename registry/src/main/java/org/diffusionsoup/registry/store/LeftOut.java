package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.Hashes;

/**
 * Files of a diffusers folder that are no part of a model: neither weights nor text nor a
 * tokenizer's, such as a backup of weights or a picture, and whatever is recorded as a picture.
 * They are not stored, for soups would carry them on, and what was trained on a shard, or is in it,
 * would stay when that leaves.
 */
public final class LeftOut {
    private static final List<String> TOKENIZERS_FILES =
            List.of(".model", ".json", ".txt", ".vocab", ".bpe");

    private static final int BLOCK = 1 << 16;

    private LeftOut() {}

    /**
     * By their paths in the folder, in order; none of a checkpoint that is no folder.
     *
     * @param kept whether a file, by path and SHA-256, is one that the registry keeps of others of
     *     the same base, as earlier versions did: it cannot be averaged with them without
     * @param known whether a SHA-256 is that of recorded data
     * @throws SoupException if there is no such checkpoint, or it is malformed
     */
    public static List<String> of(
            Path checkpoint, BiPredicate<String, String> kept, Predicate<String> known) {
        try (Checkpoint open = Checkpoint.open(checkpoint)) {
            return open.folder().map(f -> of(f, kept, known)).orElse(List.of());
        }
    }

    private static List<String> of(
            DiffusersFolder folder, BiPredicate<String, String> kept, Predicate<String> known) {
        return folder.otherFiles().stream()
                .filter(f -> {
                    Path file = folder.path().resolve(f);
                    String sha256 = Hashes.sha256(file);
                    boolean part = isTokenizers(f) || isText(file);
                    return !kept.test(f, sha256) && (known.test(sha256) || !part);
                })
                .toList();
    }

    /** Files of a checkpoint's folder, by their paths in it, that what was stored of it lacks. */
    public static List<String> of(Path checkpoint, Manifest stored) {
        try (Checkpoint open = Checkpoint.open(checkpoint)) {
            return open.folder().map(DiffusersFolder::otherFiles).orElse(List.of()).stream()
                    .filter(f -> !stored.otherFiles().containsKey(f))
                    .toList();
        }
    }

    /** SentencePiece's and others' binary models, and vocabularies in any encoding. */
    private static boolean isTokenizers(String file) {
        return file.startsWith("tokenizer") && TOKENIZERS_FILES.stream().anyMatch(file::endsWith);
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
