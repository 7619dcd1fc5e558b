package org.diffusionsoup.diffusion.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.ConfigDiff;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.AddedTokens;

/**
 * What decides a training besides its recipe: what the configurations of the models that it starts
 * from, or looks through, say of their weights. A checkpoint keeps it, the trained weights do not:
 * these lie beside configurations of their own.
 *
 * <p>Held by what the files say, so that a copy elsewhere, or a default that is written out, is the
 * same. Of a scheduler only what is trained for counts: the noise of each timestep and the
 * prediction type, and not how it draws.
 *
 * @param entries by the file that says it, relative to its model: a JSON text, or a hash
 */
public record BaseConfiguration(SortedMap<String, String> entries) {
    /** Nothing that counts. */
    public static final BaseConfiguration NONE = new BaseConfiguration(new TreeMap<>());

    private static final String CONFIG = "config.json";

    /** Files of tokenizers, and of what makes pictures ready, that decide numbers. */
    private static final List<String> BESIDE =
            List.of(
                    "vocab.json",
                    "merges.txt",
                    "vocab.txt",
                    "special_tokens_map.json",
                    "tokenizer_config.json",
                    AddedTokens.FILE,
                    "preprocessor_config.json");

    /** Of a model's index this alone is read in training: by which text a dropped caption is. */
    private static final String ZEROS = "force_zeros_for_empty_prompt";

    /** Up to here a JSON file is kept as it is, so that a difference can be named. */
    private static final int LARGEST_TEXT = 1 << 16;

    public BaseConfiguration {
        entries = new TreeMap<>(entries);
    }

    /**
     * That of a model in diffusers layout.
     *
     * @param components whose configurations count, such as {@code vae} and {@code scheduler}; one
     *     that the model lacks counts as lacking
     * @throws SoupException if a file cannot be read, or a scheduler is none that is trained for
     */
    public static BaseConfiguration of(Path model, List<String> components) {
        SortedMap<String, String> entries = new TreeMap<>();
        for (String c : components) {
            Path folder = model.resolve(c);
            if (Files.exists(folder.resolve(SchedulerConfig.FILE))) {
                SchedulerConfig scheduler = SchedulerConfig.ofModel(model);
                entries.put(c + "/" + SchedulerConfig.FILE, told(scheduler));
            }
            add(folder, c + "/", entries);
        }
        return new BaseConfiguration(entries);
    }

    /** That of a whole Stable Diffusion, of one with two text encoders, too. */
    public static BaseConfiguration ofModel(Path model) {
        BaseConfiguration all =
                of(
                        model,
                        List.of(
                                "unet",
                                "vae",
                                "text_encoder",
                                "text_encoder_2",
                                "tokenizer",
                                "tokenizer_2",
                                "scheduler"));
        JsonConfig index = JsonConfig.read(model.resolve("model_index.json"));
        return all.with(
                "model_index.json",
                JsonConfig.object().put(ZEROS, index.flag(ZEROS, true)).toString());
    }

    /** That of a model whose files all lie in one folder, such as a judge. */
    public static BaseConfiguration ofFolder(Path model) {
        SortedMap<String, String> entries = new TreeMap<>();
        add(model, "", entries);
        return new BaseConfiguration(entries);
    }

    /** With one thing more that counts, such as the hash of weights that no recipe names. */
    public BaseConfiguration with(String name, String value) {
        SortedMap<String, String> more = new TreeMap<>(entries);
        more.put(name, value);
        return new BaseConfiguration(more);
    }

    /** With those of another model, under its role: {@code clip config.json}. */
    public BaseConfiguration with(String role, BaseConfiguration other) {
        SortedMap<String, String> more = new TreeMap<>(entries);
        other.entries.forEach((name, value) -> more.put(role + " " + name, value));
        return new BaseConfiguration(more);
    }

    private static void add(Path folder, String prefix, SortedMap<String, String> entries) {
        List<String> names = new ArrayList<>(BESIDE);
        names.add(CONFIG);
        ObjectNode fast = AddedTokens.onlyFast(folder);
        if (!fast.isEmpty()) { // of the whole file, which may have megabytes, nothing else is read
            entries.put(prefix + AddedTokens.FAST, fast.toString());
        }
        for (String name : names) {
            Path file = folder.resolve(name);
            if (Files.isRegularFile(file)) {
                try {
                    byte[] content = Files.readAllBytes(file);
                    boolean told =
                            !name.startsWith("vocab")
                                    && name.endsWith(".json")
                                    && content.length <= LARGEST_TEXT;
                    entries.put(
                            prefix + name,
                            told
                                    ? new String(content, StandardCharsets.UTF_8)
                                    : Hashes.sha256Hex(content));
                } catch (IOException e) {
                    throw new SoupIoException("read", file, e);
                }
            }
        }
    }

    /** What of a scheduler decides a training, as JSON. */
    private static String told(SchedulerConfig scheduler) {
        NoiseTable table = scheduler.table();
        StringBuilder levels = new StringBuilder();
        for (int t = 0; t < table.size(); t++) {
            levels.append(table.alphaCumprod(t)).append('\n');
        }
        ObjectNode o = JsonConfig.object();
        o.put("prediction_type", scheduler.predictionType().configName());
        o.put("num_train_timesteps", table.size());
        o.put(
                "noise_of_timesteps_sha256",
                Hashes.sha256Hex(levels.toString().getBytes(StandardCharsets.UTF_8)));
        return o.toString();
    }

    /** All of it in one line, for the header of a checkpoint; empty where nothing counts. */
    String text() {
        if (entries.isEmpty()) {
            return "";
        }
        ObjectNode o = JsonConfig.object();
        entries.forEach(o::put);
        return o.toString();
    }

    /**
     * As {@link #text} wrote it; {@link #NONE} of a text that it did not write.
     *
     * @param text of a checkpoint's header
     */
    static BaseConfiguration parse(String text) {
        SortedMap<String, String> entries = new TreeMap<>();
        try {
            JsonNode o = JsonConfig.MAPPER.readTree(text);
            o.fields().forEachRemaining(e -> entries.put(e.getKey(), e.getValue().asText()));
        } catch (JsonProcessingException e) {
            return NONE;
        }
        return new BaseConfiguration(entries);
    }

    /**
     * In what another differs, in words: {@code scheduler/scheduler_config.json says
     * prediction_type "epsilon" there and prediction_type "v_prediction" here}.
     *
     * @param there that of a checkpoint or a finished model
     * @return empty where they say the same
     */
    public Optional<String> difference(BaseConfiguration there) {
        Set<String> names = new TreeSet<>(entries.keySet());
        names.addAll(there.entries.keySet());
        List<String> found = new ArrayList<>();
        for (String name : names) {
            String mine = entries.get(name);
            String its = there.entries.get(name);
            if (mine == null || its == null) {
                found.add(name + " is " + (its == null ? "only here" : "only there"));
            } else if (!mine.equals(its)) {
                difference(name, its, mine).ifPresent(found::add);
            }
        }
        return found.isEmpty() ? Optional.empty() : Optional.of(String.join(", ", found));
    }

    private static Optional<String> difference(String name, String its, String mine) {
        if (!its.startsWith("{") || !mine.startsWith("{")) {
            return Optional.of(name + " is another one there");
        }
        byte[] a = its.getBytes(StandardCharsets.UTF_8);
        byte[] b = mine.getBytes(StandardCharsets.UTF_8);
        return ConfigDiff.between(name, a, b, Set.of())
                .map(d -> "%s says %s there and %s here".formatted(name, d.expected(), d.actual()));
    }
}
