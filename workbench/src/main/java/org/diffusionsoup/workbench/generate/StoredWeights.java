package org.diffusionsoup.workbench.generate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.model.StableDiffusion;

/**
 * The weights that pictures are drawn with, as their files have them.
 *
 * @param dtypes of the floating-point tensors
 * @param largest number of elements of one tensor that a layer computes with
 */
record StoredWeights(Set<DType> dtypes, long largest) {
    private static final String TEXT_ENCODER = "text_encoder";

    /** Of models that draw together: all of the first, and the UNets of the others. */
    static StoredWeights of(List<Path> folders) {
        Set<DType> dtypes = EnumSet.noneOf(DType.class);
        long largest = 0;
        for (Path file : files(folders)) {
            try (SafetensorsFile weights = SafetensorsFile.open(file)) {
                for (TensorInfo tensor : weights.tensors().values()) {
                    if (tensor.dtype().isFloat()) {
                        dtypes.add(tensor.dtype());
                        largest = Math.max(largest, computedWith(tensor));
                    }
                }
            }
        }
        return new StoredWeights(dtypes, largest);
    }

    /** Of a table of tokens, only some rows. */
    private static long computedWith(TensorInfo tensor) {
        return tensor.name().endsWith("token_embedding.weight") ? 0 : tensor.elements();
    }

    private static List<Path> files(List<Path> folders) {
        List<Path> files = new ArrayList<>();
        for (Path folder : folders) {
            files.add(folder.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS));
        }
        Path first = folders.getFirst();
        files.add(first.resolve("vae").resolve(StableDiffusion.DIFFUSERS_WEIGHTS));
        for (String encoder : List.of(TEXT_ENCODER, TEXT_ENCODER + "_2")) {
            Path file = first.resolve(encoder).resolve(StableDiffusion.TRANSFORMERS_WEIGHTS);
            if (Files.isRegularFile(file)) {
                files.add(file);
            }
        }
        return files;
    }

    /** Whether holding the weights in a format changes them. */
    boolean isRounded(DType held) {
        return dtypes.stream().anyMatch(stored -> stored != held);
    }
}
