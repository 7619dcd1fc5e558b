package org.diffusionsoup.core.soup;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * The place of a part that an ingredient lacks.
 *
 * @param path of the ingredient
 */
public record NoTensors(Path path) implements TensorSource {
    static NoTensors of(Ingredient ingredient) {
        return new NoTensors(ingredient.what().path());
    }

    @Override
    public Map<String, String> metadata() {
        return Map.of();
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return Collections.unmodifiableSequencedMap(new LinkedHashMap<>());
    }

    @Override
    public List<Path> files() {
        return List.of();
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        throw new SoupException("No tensor '" + tensor + "' in " + path + ".");
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
