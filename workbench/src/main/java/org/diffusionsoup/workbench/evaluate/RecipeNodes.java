package org.diffusionsoup.workbench.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.Training;

/** Reads the values of a recipe's nodes, or says which word of which file is wrong. */
final class RecipeNodes {
    /** Word for γ of min-SNR weighting. */
    static final String MIN_SNR = "min-snr";

    /** Word for the strength of offset noise. */
    static final String OFFSET_NOISE = "offset-noise";

    private final Path file;
    private final Path folder;

    /**
     * @param file the recipe; its relative paths start from its folder
     */
    RecipeNodes(Path file) {
        this.file = file;
        Path parent = file.toAbsolutePath().normalize().getParent();
        folder = parent == null ? Path.of(".") : parent;
    }

    /** A finite number; YAML takes {@code 5e-4}, which has no dot, for a text. */
    double real(JsonNode in, String where, String field, double usual) {
        JsonNode value = in.path(field);
        return value.isMissingNode() ? usual : real(value, field + " of " + where);
    }

    double real(JsonNode value, String what) {
        try {
            double number = Double.parseDouble(value.asText());
            if (Double.isFinite(number)) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw wrong("%s is a number, not %s".formatted(what, value.asText()));
    }

    long whole(JsonNode in, String where, String field, long usual, long least) {
        JsonNode value = in.path(field);
        return value.isMissingNode() ? usual : whole(value, field + " of " + where, least);
    }

    /**
     * @param least {@link Long#MIN_VALUE} for a seed, which may be any; other numbers are ints
     */
    long whole(JsonNode value, String what, long least) {
        boolean seed = least == Long.MIN_VALUE;
        if (!value.isIntegralNumber()
                || !(seed ? value.canConvertToLong() : value.canConvertToInt())
                || value.asLong() < least) {
            throw wrong(
                    "%s is a whole number%s, not %s"
                            .formatted(
                                    what,
                                    seed ? "" : " from " + least + " to " + Integer.MAX_VALUE,
                                    value.asText()));
        }
        return value.asLong();
    }

    /** The fields of a node that must have some. */
    Map<String, JsonNode> object(JsonNode root, String field) {
        JsonNode node = root.path(field);
        if (!node.isObject() || node.isEmpty()) {
            throw wrong("\"" + field + "\" must list names, at least one");
        }
        Map<String, JsonNode> out = new LinkedHashMap<>();
        node.properties().forEach(e -> out.put(e.getKey(), e.getValue()));
        return out;
    }

    /** One text, or a list of them. */
    static List<String> texts(JsonNode node) {
        List<String> out = new ArrayList<>();
        if (node.isTextual()) {
            out.add(node.asText());
        }
        node.forEach(one -> out.add(one.asText()));
        return out;
    }

    void only(JsonNode node, String where, Set<String> words) {
        node.fieldNames()
                .forEachRemaining(word -> {
                    if (!words.contains(word)) {
                        throw wrong(
                                where
                                        + " has the word \""
                                        + word
                                        + "\"; known are "
                                        + new TreeSet<>(words));
                    }
                });
    }

    /** Whether the models of a line take turns in one UNet, which only those of an ensemble can. */
    boolean sequential(JsonNode line, String where) {
        JsonNode value = line.path("sequential");
        if (value.isMissingNode()) {
            return false;
        }
        if (!value.isBoolean() || !line.has("ensemble")) {
            throw wrong(
                    "sequential of %s is true or false, of an ensemble, whose models then take turns in one model's memory"
                            .formatted(where));
        }
        return value.asBoolean();
    }

    Optional<Path> optional(JsonNode node, String field) {
        return node.has(field) ? Optional.of(path(node.path(field).asText())) : Optional.empty();
    }

    Path path(String text) {
        return folder.resolve(text).normalize();
    }

    /** The reference with its path from the recipe's folder. */
    String shard(String ref) {
        int hash = ref.indexOf('#');
        return hash < 0 ? path(ref).toString() : path(ref.substring(0, hash)) + ref.substring(hash);
    }

    /** How models are trained where their lines say nothing else. */
    Optional<Training> training(JsonNode t) {
        if (t.isMissingNode()) {
            return Optional.empty();
        }
        only(
                t,
                "train",
                Set.of("base", "steps", "batch", "lr", "seed", "lora", MIN_SNR, OFFSET_NOISE));
        if (!t.has("base")) {
            throw wrong("train names no base");
        }
        return Optional.of(
                new Training(
                        path(t.path("base").asText()),
                        whole(t, "train", "steps", 100, 1),
                        (int) whole(t, "train", "batch", 16, 1),
                        rate(real(t, "train", "lr", 2e-4), "train"),
                        whole(t, "train", "seed", 0, Long.MIN_VALUE),
                        0,
                        (int) whole(t, "train", "lora", 0, 0),
                        loss(t, "train", DenoisingLoss.PLAIN)));
    }

    /** What is minimised, where a line does not say it the usual way. */
    DenoisingLoss loss(JsonNode node, String where, DenoisingLoss usual) {
        try {
            return new DenoisingLoss(
                    real(node, where, MIN_SNR, usual.minSnr()),
                    real(node, where, OFFSET_NOISE, usual.offsetNoise()));
        } catch (TrainingException e) {
            throw wrong(
                    "%s of %s is 0 or more, and %s 0 to 1".formatted(MIN_SNR, where, OFFSET_NOISE));
        }
    }

    SoupException wrong(String sentence) {
        return new SoupException("In " + file + ": " + sentence + ".");
    }

    /** A learning rate, as it was read. */
    double rate(double rate, String where) {
        if (!(rate > 0 && rate < 1)) {
            throw wrong("lr of " + where + " is above 0 and below 1, not " + rate);
        }
        return rate;
    }
}
