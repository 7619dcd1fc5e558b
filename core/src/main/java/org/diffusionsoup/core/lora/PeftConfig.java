package org.diffusionsoup.core.lora;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonBool;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/**
 * What peft keeps beside the factors: one alpha for all modules and others for some. From diffusers
 * 0.34 on it is a text in the file's header, for each component; files of peft itself have it in an
 * {@code adapter_config.json} beside them.
 */
final class PeftConfig {
    /** The header's key. */
    static final String KEY = "lora_adapter_metadata";

    private static final Pattern NO_NAME = Pattern.compile("(?s).*[\\^$*+?()\\[\\]{}|\\\\].*");

    private final String where;
    private final Map<String, JsonObject> components;

    private PeftConfig(String where, Map<String, JsonObject> components) {
        this.where = where;
        this.components = components;
    }

    /** From a header; one that has none says nothing of any module. */
    static PeftConfig of(Path file, Map<String, String> header) {
        String text = header.get(KEY);
        if (text == null) {
            return new PeftConfig(file.toString(), Map.of());
        }
        String where = file + " (" + KEY + " in its header)";
        Map<String, LinkedHashMap<String, JsonValue>> fields = new TreeMap<>();
        JsonValue.readObject(text.getBytes(StandardCharsets.UTF_8), where)
                .fields()
                .forEach((name, value) -> {
                    int dot = name.indexOf('.');
                    if (dot > 0) {
                        fields.computeIfAbsent(name.substring(0, dot), c -> new LinkedHashMap<>())
                                .put(name.substring(dot + 1), value);
                    }
                });
        Map<String, JsonObject> components = new TreeMap<>();
        fields.forEach((c, f) -> components.put(c, new JsonObject(f)));
        return new PeftConfig(where, components);
    }

    /**
     * From the file that peft writes beside its weights.
     *
     * @throws SoupException if there is none
     */
    static PeftConfig beside(Path file) {
        Path config = file.resolveSibling("adapter_config.json");
        if (!Files.isRegularFile(config)) {
            throw new SoupException(
                    file
                            + " is a LoRA as peft saves it, whose strength stands in an"
                            + " adapter_config.json beside it; put that file into the same folder.");
        }
        return new PeftConfig(config.toString(), Map.of("", JsonValue.readObject(config)));
    }

    /**
     * What an update's product is multiplied with.
     *
     * @param alpha as stated; empty where nothing is
     * @param rootOfRank whether it is divided by the root of the rank instead of the rank
     */
    record Strength(OptionalDouble alpha, boolean rootOfRank) {
        double factor(int rank) {
            return alpha.isEmpty()
                    ? 1
                    : alpha.getAsDouble() / (rootOfRank ? Math.sqrt(rank) : rank);
        }
    }

    /**
     * The strength of a module's update.
     *
     * @throws SoupException if the configuration of its component cannot be understood
     */
    Strength of(LoraTarget target) {
        String component = components.containsKey("") ? "" : target.component();
        JsonObject config = components.get(component);
        if (config == null) {
            return new Strength(OptionalDouble.empty(), false);
        }
        boolean root =
                config.get("use_rslora").filter(v -> v.equals(new JsonBool(true))).isPresent();
        double alpha =
                pattern(config, target)
                        .or(() -> number(config.get("lora_alpha")))
                        .orElseThrow(() -> unreadable("has no number 'lora_alpha'", target));
        return new Strength(OptionalDouble.of(alpha), root);
    }

    /** As peft: the whole name, or its last modules. */
    private Optional<Double> pattern(JsonObject config, LoraTarget target) {
        JsonValue stated =
                config.get("alpha_pattern").orElse(new JsonObject(new LinkedHashMap<>()));
        if (!(stated instanceof JsonObject patterns)) {
            throw unreadable("has an 'alpha_pattern' that is no object", target);
        }
        String module = target.module();
        for (var p : patterns.fields().entrySet()) {
            String name = p.getKey();
            if (NO_NAME.matcher(name).matches()) {
                throw unreadable(
                        "has an alpha_pattern that is no module's name, '" + name + "',", target);
            }
            if (module.equals(name) || module.endsWith("." + name)) {
                return Optional.of(
                        number(Optional.of(p.getValue()))
                                .orElseThrow(() ->
                                        unreadable("has no number for '" + name + "'", target)));
            }
        }
        return Optional.empty();
    }

    private SoupException unreadable(String what, LoraTarget target) {
        return new SoupException(
                where
                        + " "
                        + what
                        + " for "
                        + target
                        + ", so its strength is not known; save the LoRA again with diffusers or"
                        + " kohya.");
    }

    private static Optional<Double> number(Optional<JsonValue> value) {
        return value.map(v -> v instanceof JsonNumber(BigDecimal n) ? n.doubleValue() : Double.NaN)
                .filter(Double::isFinite);
    }
}
