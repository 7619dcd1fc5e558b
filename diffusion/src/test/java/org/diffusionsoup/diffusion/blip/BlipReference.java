package org.diffusionsoup.diffusion.blip;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.TensorFile;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;

/** The tiny BLIP models of a reference folder. */
final class BlipReference {
    private BlipReference() {}

    /** The checkpoint below {@code blip/} that is called after a golden. */
    static Path weights(Golden golden) {
        String kind = golden.name().substring(golden.name().lastIndexOf('/') + 1);
        try (Stream<Path> files = Files.list(golden.reference().require("blip"))) {
            return files.filter(f -> f.getFileName().toString().endsWith(kind + ".safetensors"))
                    .sorted()
                    .findFirst()
                    .orElseGet(() -> golden.reference().missing("blip/*" + kind + ".safetensors"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Asserts every parameter to be the file's tensor of its name, bit by bit. */
    static void assertLoaded(Path file, Parameters parameters) {
        TensorFile plain = new TensorFile(file);
        for (Parameter p : parameters.all()) {
            assertThat(p.shape()).as(p.name()).isEqualTo(plain.shape(p.name()));
            assertThat(p.value().toFloatArray()).as(p.name()).isEqualTo(plain.floats(p.name()));
        }
    }

    /** The texts of a manifest's list. */
    static List<String> texts(JsonNode list) {
        List<String> out = new ArrayList<>();
        list.forEach(t -> out.add(t.asText()));
        return out;
    }

    /** Rows one after another. */
    static long[] flat(int[][] rows) {
        return Arrays.stream(rows).flatMapToInt(Arrays::stream).asLongStream().toArray();
    }
}
