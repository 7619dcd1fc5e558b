package org.diffusionsoup.core.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.diffusionsoup.core.io.OutputKind;

/** The kinds of models that commands make. */
public final class ModelOutput {
    /** A checkpoint as one safetensors file. */
    public static final OutputKind MODEL_FILE =
            kind(
                    "a model file",
                    List.of(".safetensors", OutputKind.ANY),
                    f -> !Files.isDirectory(f) && ModelPaths.isModel(f));

    /** A whole Stable Diffusion, or a component of one, as one safetensors file. */
    public static final OutputKind CHECKPOINT_FILE =
            kind("a model file", List.of(".safetensors", OutputKind.ANY), ModelPaths::isCheckpoint);

    /** Low-rank updates of a model's weights as one safetensors file. */
    public static final OutputKind LORA_FILE =
            kind("a LoRA", List.of(".safetensors", OutputKind.ANY), ModelPaths::isLora);

    /** A checkpoint as a folder. */
    public static final OutputKind MODEL_FOLDER =
            kind("a model folder", List.of(), f -> Files.isDirectory(f) && ModelPaths.isModel(f));

    /** A checkpoint in the layout of its ingredients, whichever that is. */
    public static final OutputKind MODEL =
            kind("a model", List.of(".safetensors", OutputKind.ANY), ModelPaths::isModel);

    /** A folder of one network with its configuration, as judges are. */
    public static final OutputKind WEIGHTS_FOLDER =
            kind("a judge", List.of(), ModelPaths::isWeightsFolder);

    private ModelOutput() {}

    private static OutputKind kind(String noun, List<String> endings, Predicate<Path> isOne) {
        return new OutputKind(noun, endings, isOne, true, ModelOutput::stranger);
    }

    private static Optional<String> stranger(Path out) {
        return Files.isDirectory(out) ? ModelPaths.foreign(out) : ModelPaths.kind(out);
    }
}
