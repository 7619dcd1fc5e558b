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
import org.diffusionsoup.core.io.JsonValue.JsonString;

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

    private Optional<Double> pattern(JsonObject config, LoraTarget target) {
        JsonValue stated =
                config.get("alpha_pattern").orElse(new JsonObject(new LinkedHashMap<>()));
        if (!(stated instanceof JsonObject patterns)) {
            throw unreadable("has an 'alpha_pattern' that is no object", target);
        }
        for (var p : patterns.fields().entrySet()) {
            String name = p.getKey();
            if (NO_NAME.matcher(name).matches()) {
                throw unreadable(
                        "has an alpha_pattern that is no module's name, '" + name + "',", target);
            }
            if (isOf(target, name)) {
                return Optional.of(
                        number(Optional.of(p.getValue()))
                                .orElseThrow(() ->
                                        unreadable("has no number for '" + name + "'", target)));
            }
        }
        return Optional.empty();
    }

    /**
     * Checks that an update is what the configuration says: peft and diffusers build their modules
     * by it, and could not load what contradicts it.
     *
     * @param file that holds the update
     * @throws SoupException naming both, and what they say
     */
    void check(Path file, LoraLayer layer) {
        LoraTarget target = layer.target();
        JsonObject config = components.get(components.containsKey("") ? "" : target.component());
        if (config == null || layer.rank().isEmpty()) {
            return;
        }
        boolean plain = layer.algorithm() == LoraLayer.Algorithm.LORA;
        if (config.get("peft_type").orElse(null) instanceof JsonString(String type)
                && plain != type.equals("LORA")) {
            throw contradiction(
                    file, "peft_type " + type, "factors of " + layer.algorithm().title(), target);
        }
        if (config.get("use_dora").orElse(null) instanceof JsonBool(boolean dora)
                && dora != layer.isDora()) {
            throw contradiction(
                    file,
                    "use_dora " + dora,
                    (dora ? "no magnitudes" : "magnitudes, as DoRA has them,"),
                    target);
        }
        int rank = layer.rank().getAsInt();
        rank(config, target)
                .filter(r -> r != rank)
                .ifPresent(r -> {
                    throw contradiction(
                            file,
                            "rank " + BigDecimal.valueOf(r).stripTrailingZeros().toPlainString(),
                            "factors of rank " + rank,
                            target);
                });
    }

    /**
     * The rank that is stated for a module; empty where none is, or by a pattern that is no name.
     */
    private static Optional<Double> rank(JsonObject config, LoraTarget target) {
        if (config.get("rank_pattern").orElse(null) instanceof JsonObject patterns) {
            for (var p : patterns.fields().entrySet()) {
                if (NO_NAME.matcher(p.getKey()).matches()) {
                    return Optional.empty();
                }
                if (isOf(target, p.getKey())) {
                    return number(Optional.of(p.getValue()));
                }
            }
        }
        return number(config.get("r"));
    }

    /** As peft: the whole name, or its last modules. */
    private static boolean isOf(LoraTarget target, String name) {
        return target.module().equals(name) || target.module().endsWith("." + name);
    }

    private SoupException contradiction(Path file, String said, String held, LoraTarget target) {
        return new SoupException(
                "%s says %s, and %s holds %s for %s, so one of them is another LoRA's; put the configuration that was saved with it beside the file."
                        .formatted(where, said, file, held, target));
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
