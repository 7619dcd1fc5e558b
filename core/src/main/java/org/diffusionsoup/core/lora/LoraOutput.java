package org.diffusionsoup.core.lora;

import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.tensor.DType;

/**
 * Where a LoRA is written, and how.
 *
 * @param file the .safetensors file
 * @param replace whether an existing one is replaced
 * @param naming of its tensors
 * @param dtype of its factors: F32, F16 or BF16
 */
public record LoraOutput(Path file, boolean replace, LoraNaming naming, DType dtype) {
    /**
     * @throws SoupException if the dtype is none of these, or the file may not be written
     */
    public LoraOutput {
        switch (dtype) {
            case F32, F16, BF16 -> ModelOutput.LORA_FILE.check(file, replace);
            default ->
                    throw new SoupException(
                            "LoRAs are written as F32, F16 or BF16, not " + dtype + ".");
        }
    }
}
