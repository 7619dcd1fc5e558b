package org.diffusionsoup.core.convert;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;

/** The published shapes and key maps of the full-size models, as the tests' resources. */
final class Manifest {
    private Manifest() {}

    /** Component to tensors, all F16. */
    static Map<String, SequencedMap<String, TensorInfo>> shapes(String model) throws IOException {
        Map<String, SequencedMap<String, TensorInfo>> parts = new TreeMap<>();
        read(model + ".shapes.json.gz")
                .fields()
                .forEach((component, value) -> {
                    JsonObject tensors =
                            (JsonObject) ((JsonObject) value).get("tensors").orElseThrow();
                    SequencedMap<String, TensorInfo> infos = new LinkedHashMap<>();
                    tensors.fields().forEach((n, s) -> infos.put(n, info(n, s)));
                    parts.put(component, infos);
                });
        return parts;
    }

    /** The config of a component. */
    static JsonObject config(String model, String component) throws IOException {
        JsonObject part = (JsonObject) read(model + ".shapes.json.gz").get(component).orElseThrow();
        return (JsonObject) part.get("config").orElseThrow();
    }

    /** The reference's key map: the original key to a text or an object. */
    static JsonObject map(String model) throws IOException {
        return (JsonObject) read(model + ".ldm_map.json.gz").get("mapping").orElseThrow();
    }

    static JsonObject read(String resource) throws IOException {
        Path file = Files.createTempFile("manifest", ".json");
        try (InputStream in = Manifest.class.getResourceAsStream("/full_size/" + resource);
                InputStream text = new GZIPInputStream(in)) {
            Files.write(file, text.readAllBytes());
            return JsonValue.readObject(file);
        } finally {
            Files.delete(file);
        }
    }

    static long[] longs(JsonValue shape) {
        return ((JsonArray) shape)
                .items().stream()
                        .mapToLong(d -> ((JsonNumber) d).value().longValueExact())
                        .toArray();
    }

    private static TensorInfo info(String name, JsonValue shape) {
        long[] dims = longs(shape);
        long n = 2;
        for (long d : dims) {
            n *= d;
        }
        return new TensorInfo(name, DType.F16, dims, 0, n);
    }
}
