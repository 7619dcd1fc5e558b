package org.diffusionsoup.core.lora;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.AdapterKey;
import org.diffusionsoup.core.checkpoint.AdapterKey.Role;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.TextualInversions;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * A file of low-rank updates of a Stable Diffusion 1.x, 2.x or XL, whatever its naming: kohya with
 * diffusers' or SGM's module names, peft, diffusers old and new, attention processors, cloneofsimo;
 * plain, CP-decomposed, LoHa, LoKr, full differences, DoRA. Everything in the file is understood or
 * the file is refused, so that no part of it is lost without a word.
 */
public final class Lora implements AutoCloseable {
    private final Checkpoint file;
    private final TensorSource source;
    private final String title;
    private final List<LoraLayer> layers;

    private Lora(Checkpoint file, TensorSource source, String title, List<LoraLayer> layers) {
        this.file = file;
        this.source = source;
        this.title = title;
        this.layers = List.copyOf(layers);
    }

    /**
     * Opens a file for which no model is at hand. Modules that SGM names are taken for those of a
     * published model; a cloneofsimo file, which only counts its modules, cannot be read so.
     *
     * @throws SoupException naming the file and the tensor that is not understood
     */
    public static Lora open(Path path) {
        return open(path, Map.of());
    }

    /**
     * Opens a file for a model.
     *
     * @param path a .safetensors or PyTorch file
     * @param model the model's components under diffusers' names, today's or older ones; empty if
     *     none is at hand
     * @throws SoupException naming the file and the tensor that is not understood
     */
    public static Lora open(Path path, Map<String, ? extends TensorSource> model) {
        Checkpoint file = Checkpoint.open(path);
        try {
            if (file.folder().isPresent()) {
                throw new SoupException(
                        path + " is a model folder, not a LoRA; name the LoRA's file.");
            }
            return read(file, file.part(""), LoraFusion.today(model));
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static Lora read(
            Checkpoint file, TensorSource source, Map<String, ? extends TensorSource> model) {
        Path path = source.path();
        SequencedMap<String, AdapterKey> keys = new LinkedHashMap<>();
        for (String name : source.tensors().keySet()) {
            AdapterKey key =
                    AdapterKey.within(name)
                            .orElseThrow(() ->
                                    new SoupException(
                                            "%s is not read as a LoRA: its tensor '%s' is %s."
                                                    .formatted(
                                                            path,
                                                            name,
                                                            TextualInversions.what(name)
                                                                    .orElse("none of a LoRA's"))));
            if (key.role() == Role.OTHER) {
                throw new SoupException(
                        "%s holds %s whose tensor '%s' is of a kind that is not read; LoRA, LoCon, LoHa, LoKr, full differences and DoRA are."
                                .formatted(path, Plural.one(key.title()), name));
            }
            keys.put(name, key);
        }
        if (keys.values().stream().allMatch(k -> k.role() == Role.ALPHA)) {
            throw new SoupException(path + " holds no LoRA: there is no factor in it.");
        }
        Map<String, LoraTarget> targets = LoraTargets.of(path, source, keys, model);
        PeftConfig config =
                keys.values().stream().anyMatch(k -> LoraTargets.isOfPeftItself(k.module()))
                        ? PeftConfig.beside(path)
                        : PeftConfig.of(path, source.metadata());
        Map<String, Map<Role, TensorInfo>> modules = new TreeMap<>();
        keys.forEach((name, key) -> {
            TensorInfo info = source.tensor(name);
            Map<Role, TensorInfo> parts =
                    modules.computeIfAbsent(key.module(), m -> new EnumMap<>(Role.class));
            TensorInfo other = parts.putIfAbsent(key.role(), info);
            if (other != null) {
                throw new SoupException(
                        "%s has '%s' and '%s', which are the same part of one update; it is ambiguous."
                                .formatted(path, other.name(), name));
            }
        });
        Map<LoraTarget, LoraLayer> layers = new TreeMap<>();
        modules.forEach((module, parts) -> {
            LoraTarget target = Objects.requireNonNull(targets.get(module));
            TensorInfo bias = parts.remove(Role.BIAS_DIFF);
            PeftConfig.Strength strength = config.of(target);
            if (bias != null) {
                add(
                        path,
                        layers,
                        new LoraLayer(
                                source,
                                module,
                                target.bias(),
                                Map.of(Role.BIAS_DIFF, bias),
                                strength));
            }
            if (bias == null || parts.keySet().stream().anyMatch(r -> r != Role.ALPHA)) {
                LoraLayer layer = new LoraLayer(source, module, target, parts, strength);
                config.check(path, layer);
                add(path, layers, layer);
            }
        });
        return new Lora(file, source, title(keys), new ArrayList<>(layers.values()));
    }

    private static void add(Path path, Map<LoraTarget, LoraLayer> layers, LoraLayer layer) {
        LoraLayer other = layers.putIfAbsent(layer.target(), layer);
        if (other != null) {
            throw new SoupException(
                    "%s updates %s twice, as '%s' and as '%s'; it is ambiguous."
                            .formatted(path, layer.target(), other.key(), layer.key()));
        }
    }

    private static String title(SequencedMap<String, AdapterKey> keys) {
        TreeSet<String> titles = new TreeSet<>();
        keys.values().stream()
                .filter(k -> k.role() != Role.ALPHA && k.role() != Role.DIFF)
                .forEach(k -> titles.add(k.title()));
        return titles.isEmpty() ? keys.firstEntry().getValue().title() : String.join(", ", titles);
    }

    /** The file. */
    public Path path() {
        return source.path();
    }

    /** The kinds of naming in it, such as {@code LoRA (kohya)}. */
    public String title() {
        return title;
    }

    /** The header's texts. */
    public Map<String, String> metadata() {
        return source.metadata();
    }

    /** All updates, by component and tensor. */
    public List<LoraLayer> layers() {
        return layers;
    }

    /**
     * Asks whether the file is still the one that was opened.
     *
     * @throws SoupException if it was changed
     */
    public void checkUnchanged() {
        source.checkUnchanged();
    }

    /** Closes the file. */
    @Override
    public void close() {
        file.close();
    }
}
