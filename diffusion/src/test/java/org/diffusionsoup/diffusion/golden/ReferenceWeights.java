package org.diffusionsoup.diffusion.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Puts the weights of a reference folder into a model, name for name: this is also the test that a
 * model's state dict has exactly the reference's names and shapes.
 */
public final class ReferenceWeights {
    /** A buffer that some versions of transformers stored; no weight. */
    private static final String POSITION_IDS = "position_ids";

    private ReferenceWeights() {}

    /**
     * Loads all weights.
     *
     * @param folder a component's folder with one or more safetensors files
     * @param parameters the model's
     */
    public static void load(Path folder, Parameters parameters) {
        List<TensorFile> files = new ArrayList<>();
        try (Stream<Path> listed = Files.list(folder)) {
            listed.filter(f -> f.toString().endsWith(".safetensors"))
                    .sorted()
                    .forEach(f -> files.add(new TensorFile(f)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        TreeSet<String> stored = new TreeSet<>();
        files.forEach(f -> stored.addAll(f.names()));
        stored.removeIf(name -> name.endsWith(POSITION_IDS));
        TreeSet<String> declared = new TreeSet<>();
        parameters.all().forEach(p -> declared.add(p.name()));
        assertEquals(stored, declared, "tensor names of " + folder);
        for (Parameter p : parameters.all()) {
            TensorFile file =
                    files.stream()
                            .filter(f -> f.has(p.name()))
                            .findFirst()
                            .orElseGet(() -> fail("no file has " + p.name()));
            assertArrayEquals(file.shape(p.name()), p.shape(), "shape of " + p.name());
            try (Scope scope = Scope.open()) {
                p.value().copy_(Tensor.of(file.floats(p.name())).reshape(p.shape()));
            }
        }
    }
}
