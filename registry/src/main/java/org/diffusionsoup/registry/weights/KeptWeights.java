package org.diffusionsoup.registry.weights;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/** The whole coefficients in a kept sum. */
public final class KeptWeights {
    private KeptWeights() {}

    /** By ingredient's name; empty if the folder's index is not readable as one. */
    public static SortedMap<String, BigInteger> read(Path sum) {
        TreeMap<String, BigInteger> weights = new TreeMap<>();
        JsonObject o = JsonValue.readObject(sum.resolve("sum.json"));
        if (o.fields().get("ingredients") instanceof JsonArray items) {
            for (JsonValue item : items.items()) {
                if (item instanceof JsonObject m
                        && m.string("weight").orElse("").matches("[1-9][0-9]{0,18}")) {
                    weights.put(
                            m.string("name").orElse(""),
                            new BigInteger(m.string("weight").orElse("1")));
                }
            }
        }
        return weights;
    }
}
