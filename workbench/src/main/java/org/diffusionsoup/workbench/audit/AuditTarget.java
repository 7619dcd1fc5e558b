package org.diffusionsoup.workbench.audit;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.diffusion.model.StableDiffusion;

/**
 * A model to be audited, and the pictures that count for it.
 *
 * @param folder the model, in diffusers layout
 * @param shard text of a {@link org.diffusionsoup.data.ShardRef}; empty for the one that all models
 *     share
 */
public record AuditTarget(Path folder, Optional<String> shard) {

    /** Whether the model's denoiser says that it was fine-tuned, and so is an ingredient. */
    public boolean isIngredient() {
        Path unet = folder.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS);
        if (!Files.isRegularFile(unet)) {
            return false;
        }
        try (SafetensorsFile weights = SafetensorsFile.open(unet)) {
            return Provenance.readFrom(weights.metadata())
                    .map(Provenance::recipe)
                    .filter(r -> r.isOf(SoupRecipe.FINE_TUNE))
                    .isPresent();
        }
    }

    /**
     * Reads {@code DIR} or {@code DIR=SHARD}. Both may hold '=' themselves: what is there decides.
     * The whole text is a folder's name if there is such a folder; otherwise it is split at the
     * last '=' that has an existing folder's name in front of it, or at the first where none has.
     *
     * @throws SoupException if no shard follows the '=', or nothing stands before it
     */
    public static AuditTarget parse(String text) {
        if (text.isBlank()) {
            throw new SoupException("`model` is empty; name a folder or a single file.");
        }
        int at = isFolder(text) ? -1 : split(text);
        if (at < 0) {
            return new AuditTarget(path(text), Optional.empty());
        }
        String shard = text.substring(at + 1);
        if (at == 0 || shard.isBlank()) {
            throw new SoupException(
                    "`model` %s names no %s; write DIR, or DIR=SHARD."
                            .formatted(text, at == 0 ? "model before '='" : "shard after '='"));
        }
        return new AuditTarget(path(text.substring(0, at)), Optional.of(shard));
    }

    private static int split(String text) {
        for (int at = text.lastIndexOf('='); at > 0; at = text.lastIndexOf('=', at - 1)) {
            if (isFolder(text.substring(0, at))) {
                return at;
            }
        }
        return text.indexOf('=');
    }

    private static boolean isFolder(String text) {
        try {
            return Files.isDirectory(Path.of(text));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private static Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new SoupException("`model` " + text + " is no path: " + e.getReason(), e);
        }
    }
}
