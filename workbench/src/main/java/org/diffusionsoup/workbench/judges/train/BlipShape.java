package org.diffusionsoup.workbench.judges.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.diffusion.blip.MedConfig;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.blip.VitConfig;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;

/** What the embedded BLIP models have in common: their shape, and how their folders look. */
public final class BlipShape {
    /** The vocabulary's file. */
    static final String VOCABULARY = "vocab.txt";

    /** The weights' file. */
    public static final String WEIGHTS = "model.safetensors";

    private static final int WIDTH = 96;
    private static final int HEADS = 3;
    private static final int SCENE_WIDTH = 192;
    private static final int SCENE_HEADS = 6;
    private static final int TEXT_LAYERS = 2;
    private static final int POSITIONS = 40;

    private BlipShape() {}

    /** Pictures of 40 pixels in patches of 8. */
    static VitConfig vit() {
        return new VitConfig(40, 8, WIDTH, 4, HEADS, 4, 1e-6);
    }

    /** A BERT of two layers. */
    static MedConfig med(int vocabulary) {
        return med(vocabulary, WIDTH, HEADS);
    }

    /** For scenes, which have small things at their sides: pictures of 64 pixels, wider. */
    static VitConfig sceneVit() {
        return new VitConfig(64, 8, SCENE_WIDTH, 4, SCENE_HEADS, 4, 1e-6);
    }

    /** As {@link #med}, of the width of {@link #sceneVit}. */
    static MedConfig sceneMed(int vocabulary) {
        return med(vocabulary, SCENE_WIDTH, SCENE_HEADS);
    }

    private static MedConfig med(int vocabulary, int width, int heads) {
        return new MedConfig(
                vocabulary,
                width,
                4 * width,
                TEXT_LAYERS,
                heads,
                POSITIONS,
                Activation.GELU,
                1e-12);
    }

    /** Without the columns that are padding in every row; masked tokens change nothing. */
    public static TokenRows trimmed(TokenRows rows) {
        int longest = 1;
        for (int[] row : rows.mask()) {
            longest = Math.max(longest, Arrays.stream(row).sum());
        }
        int length = longest;
        return new TokenRows(cut(rows.ids(), length), cut(rows.mask(), length));
    }

    private static int[][] cut(int[][] rows, int length) {
        return Arrays.stream(rows).map(r -> Arrays.copyOf(r, length)).toArray(int[][]::new);
    }

    /** The vocabulary in a model's folder. */
    static List<String> vocabulary(Path folder) {
        Path file = folder.resolve(VOCABULARY);
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** Writes a model's folder: weights as F16 with the recipe in their header. */
    static void save(
            Path folder,
            Parameters parameters,
            VitConfig vit,
            MedConfig med,
            List<String> vocabulary,
            ObjectNode recipe)
            throws IOException {
        Files.writeString(folder.resolve("vit_config.json"), JsonConfig.text(vit.toJson()));
        Files.writeString(folder.resolve("med_config.json"), JsonConfig.text(med.toJson()));
        Files.writeString(folder.resolve(VOCABULARY), String.join("\n", vocabulary) + "\n");
        JudgeFit.saveWeights(folder.resolve(WEIGHTS), parameters, recipe);
    }
}
