package org.diffusionsoup.diffusion.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.Weights;

/**
 * Puts the weights of a reference folder into a model by the product's loader and checks them
 * against a plain reading of the same file: names, shapes and every bit.
 */
public final class ReferenceWeights {
    /** A buffer that some versions of transformers stored; no weight. */
    private static final String POSITION_IDS = "position_ids";

    private ReferenceWeights() {}

    /**
     * Loads all weights.
     *
     * @param folder a component's folder with one safetensors file
     * @param parameters the model's
     */
    public static void load(Path folder, Parameters parameters) {
        Path file = file(folder);
        Weights.load(parameters, file);
        assertSame(file, parameters);
    }

    /**
     * The weights file of a component.
     *
     * @param folder a component's folder
     * @return its only safetensors file
     */
    public static Path file(Path folder) {
        try (Stream<Path> listed = Files.list(folder)) {
            List<Path> files = listed.filter(f -> f.toString().endsWith(".safetensors")).toList();
            assertEquals(1, files.size(), "safetensors files in " + folder);
            return files.getFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Asserts that a file holds a model's weights and nothing else.
     *
     * @param file safetensors
     * @param parameters the model's
     */
    public static void assertSame(Path file, Parameters parameters) {
        TensorFile plain = new TensorFile(file);
        TreeSet<String> stored = new TreeSet<>(plain.names());
        stored.removeIf(name -> name.endsWith(POSITION_IDS));
        TreeSet<String> declared = new TreeSet<>();
        parameters.all().forEach(p -> declared.add(p.name()));
        assertEquals(stored, declared, "tensor names of " + file);
        for (Parameter p : parameters.all()) {
            assertArrayEquals(plain.shape(p.name()), p.shape(), "shape of " + p.name());
            assertArrayEquals(plain.floats(p.name()), p.value().toFloatArray(), p.name());
        }
    }
}
