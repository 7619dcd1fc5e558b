package org.diffusionsoup.workbench.evaluate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.UnfinishedTraining;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.LinkedFiles;
import org.diffusionsoup.diffusion.model.ComponentFit;
import org.diffusionsoup.diffusion.model.WeightsFit;

/**
 * What a model draws depends on all of its components: one hash over every weights file and every
 * configuration of its folder. Provenance in headers and loss curves do not count.
 */
public final class ModelHash {
    private static final List<String> ENDINGS = List.of(".safetensors", ".bin", ".json", ".txt");

    private ModelHash() {}

    /** Whether a file of a model's folder may have a part in what it draws. */
    public static boolean counts(Path file) {
        return ENDINGS.stream().anyMatch(file.toString()::endsWith);
    }

    /**
     * @param folder in diffusers layout
     * @return 64 hexadecimal digits
     * @throws SoupException if there is no such folder, it holds no weights, or its components do
     *     not belong together
     */
    public static String of(Path folder) {
        if (Files.isRegularFile(folder)) {
            DiffusersFolder.require(folder);
        }
        UnfinishedTraining.refuse(folder);
        if (!Files.isDirectory(folder)) {
            throw new SoupException(
                    "There is no model folder "
                            + folder
                            + "; put a model in diffusers layout there, or name another in the"
                            + " recipe.");
        }
        ComponentFit.requireAll(folder); // before other models' minutes of drawing
        WeightsFit.require(folder);
        StringBuilder lines = new StringBuilder();
        boolean weights = false;
        try {
            for (Path file : LinkedFiles.below(folder)) {
                String name = folder.relativize(file).toString().replace('\\', '/');
                if (name.endsWith(".safetensors")) {
                    lines.append(name).append(' ').append(WeightsHash.of(file)).append('\n');
                    weights = true;
                } else if (name.endsWith(".json") || name.endsWith(".txt")) {
                    lines.append(name).append(' ').append(Hashes.sha256(file)).append('\n');
                } else if (name.endsWith(".bin")) {
                    lines.append(name).append(' ').append(Hashes.sha256(file)).append('\n');
                    weights = true;
                }
            }
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
        if (!weights) {
            throw new SoupException(
                    folder + " holds no weights (.safetensors); download the model's files there.");
        }
        return Hashes.sha256Hex(lines.toString().getBytes(StandardCharsets.UTF_8));
    }
}
