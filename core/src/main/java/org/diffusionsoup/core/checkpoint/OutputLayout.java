package org.diffusionsoup.core.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.checkpoint.DiffusersFolder.Component;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonNull;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;

/**
 * The layout of an output: that of another checkpoint, but for some components.
 *
 * @param like whose layout, and whose other files, the output takes
 * @param dropped components of {@code like}, a diffusers folder, that the output does not have
 * @param kept components that {@code like} lacks and the output has, with whose other files
 * @param others files without weights that are another's, by path in the folder, with where they
 *     lie
 */
public record OutputLayout(
        Checkpoint like,
        SortedSet<String> dropped,
        SortedMap<String, Component> kept,
        SortedMap<String, Path> others) {
    /** What an entry of {@code model_index.json} says where diffusers saves a pipeline without. */
    private static final JsonArray ABSENT = new JsonArray(List.of(new JsonNull(), new JsonNull()));

    /**
     * Components with weights that the pipelines of diffusers name in {@code _optional_components}:
     * all others have to be there.
     */
    private static final Map<String, Set<String>> OPTIONAL = optional();

    public OutputLayout {
        dropped = Collections.unmodifiableSortedSet(new TreeSet<>(dropped));
        kept = Collections.unmodifiableSortedMap(new TreeMap<>(kept));
        others = Collections.unmodifiableSortedMap(new TreeMap<>(others));
    }

    private static Map<String, Set<String>> optional() {
        Map<String, Set<String>> optional = new LinkedHashMap<>();
        for (String task : Arrays.asList("", "Img2Img", "Inpaint")) {
            optional.put(
                    "StableDiffusion" + task + "Pipeline",
                    Set.of("safety_checker", "image_encoder"));
            optional.put(
                    "StableDiffusionXL" + task + "Pipeline",
                    Set.of("text_encoder", "text_encoder_2", "image_encoder"));
        }
        return optional;
    }

    /** All as another checkpoint has it. */
    public static OutputLayout of(Checkpoint like) {
        return new OutputLayout(like, new TreeSet<>(), new TreeMap<>(), new TreeMap<>());
    }

    /** Whether {@code model_index.json} is another than that of {@code like}. */
    boolean changesIndex() {
        return !dropped.isEmpty() || !kept.isEmpty();
    }

    /** {@code model_index.json} of the output, a diffusers folder. */
    JsonObject index(DiffusersFolder folder) {
        SequencedMap<String, JsonValue> fields = new LinkedHashMap<>(folder.modelIndex().fields());
        dropped.forEach(name -> fields.put(name, ABSENT));
        kept.forEach((name, c) ->
                fields.put(
                        name,
                        new JsonArray(
                                List.of(
                                        new JsonString(c.library()),
                                        new JsonString(c.className())))));
        return new JsonObject(fields);
    }

    /** The weight file of a component that is not sharded, without the suffix. */
    String stem(DiffusersFolder folder, String component) {
        Component own = kept.get(component);
        return (own == null ? folder.component(component) : own).library().equals("diffusers")
                ? "diffusion_pytorch_model"
                : "model";
    }

    /** The file that a part is written to when it is not sharded, relative to the output. */
    public String fileOf(String part) {
        return like.folder().map(f -> part + "/" + stem(f, part) + ".safetensors").orElse("");
    }

    /** What is lost with the components left out; empty where nothing is. */
    public String note() {
        String pipeline = like.folder().map(DiffusersFolder::className).orElse("");
        Set<String> optional = OPTIONAL.getOrDefault(pipeline, Set.of());
        List<String> lost = new ArrayList<>(dropped);
        lost.removeAll(optional);
        if (lost.isEmpty()) {
            return "";
        }
        String kind = pipeline.isEmpty() ? "the pipeline" : Plural.one(pipeline);
        return "Left out, as not every ingredient has it: "
                + String.join(", ", lost)
                + ". "
                + (OPTIONAL.containsKey(pipeline)
                        ? "diffusers does not load " + kind + " without."
                        : "Whether diffusers loads " + kind + " without is not known here.");
    }
}
