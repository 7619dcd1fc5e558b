package org.diffusionsoup.core.lora;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.AdapterKey;
import org.diffusionsoup.core.checkpoint.AdapterKey.Naming;
import org.diffusionsoup.core.convert.UnetNames;
import org.diffusionsoup.core.tensor.TensorSource;

/** Which tensors of a model the modules of an adapter file mean. */
final class LoraTargets {
    private static final String UNET = "unet";
    private static final String TEXT = "text_encoder";
    private static final String TEXT_2 = "text_encoder_2";
    private static final String PEFT_ITSELF = "base_model.model.";
    private static final String ORIGINAL = "diffusion_model.";

    /** Residual layers per level; all published models have the first. */
    private static final List<Integer> LAYERS = List.of(2, 1, 3, 4);

    private final int layers;

    private LoraTargets(int layers) {
        this.layers = layers;
    }

    /** Whether peft itself saved this, which keeps its configuration in another file. */
    static boolean isOfPeftItself(String module) {
        return module.startsWith(PEFT_ITSELF);
    }

    /**
     * @param keys the file's tensors, taken apart
     * @param model components under diffusers' names; empty if none is at hand
     * @return the weight of every module
     * @throws SoupException naming file and tensor where there is none
     */
    static Map<String, LoraTarget> of(
            Path file,
            TensorSource source,
            SequencedMap<String, AdapterKey> keys,
            Map<String, ? extends TensorSource> model) {
        Map<String, LoraTarget> targets = new HashMap<>();
        if (keys.values().stream().anyMatch(k -> k.naming() == Naming.COUNTED)) {
            targets.putAll(CountedModules.of(file, source, keys, model));
        }
        LoraTargets names = new LoraTargets(layers(keys, model));
        keys.forEach((name, key) -> {
            if (!targets.containsKey(key.module())) {
                targets.put(
                        key.module(),
                        names.find(key)
                                .orElseThrow(() -> unknown(file, name, key, model.isEmpty())));
            }
        });
        return targets;
    }

    /** Whether files of the denoiser or a text encoder can name a module, which is then found. */
    static boolean isNamed(LoraTarget target) {
        String joined = joined(target.module());
        return (target.component().equals(UNET)
                        ? ModuleNames.unet(joined)
                        : ModuleNames.text(joined))
                .filter(target.module()::equals)
                .isPresent();
    }

    private static SoupException unknown(
            Path file, String name, AdapterKey key, boolean withoutModel) {
        return new SoupException(
                (withoutModel
                                ? "%s updates '%s' (tensor '%s'), which is no module of the denoiser or the text encoders of Stable Diffusion 1.x, 2.x or XL; LoRAs of other models are not read."
                                : "%s updates '%s' (tensor '%s'), which is no module of a model such as the one given; the LoRA was made for another model.")
                        .formatted(file, key.module(), name));
    }

    private static int layers(
            SequencedMap<String, AdapterKey> keys, Map<String, ? extends TensorSource> model) {
        TensorSource unet = model.get(UNET);
        if (unet != null) {
            int n = UnetNames.layersOfDiffusers(unet.tensors().keySet());
            if (n > 0) {
                return n;
            }
        }
        TreeSet<String> original = new TreeSet<>();
        for (AdapterKey k : keys.values()) {
            original(k).filter(ModuleNames::isOriginal).ifPresent(original::add);
        }
        return LAYERS.stream()
                .filter(n ->
                        original.stream().allMatch(m -> ModuleNames.original(m, n).isPresent()))
                .findFirst()
                .orElse(LAYERS.getFirst());
    }

    /** The module's joined name in the denoiser, if it is the denoiser's. */
    private static Optional<String> original(AdapterKey key) {
        if (key.naming() == Naming.JOINED) {
            String rest = afterPrefix(key.module());
            return rest.startsWith("te") ? Optional.empty() : Optional.of(withoutUnet(rest));
        }
        int at = key.module().indexOf(ORIGINAL);
        return at < 0
                ? Optional.empty()
                : Optional.of(joined(key.module().substring(at + ORIGINAL.length())));
    }

    private Optional<LoraTarget> find(AdapterKey key) {
        return key.naming() == Naming.JOINED ? findJoined(key) : findDotted(key);
    }

    private Optional<LoraTarget> findJoined(AdapterKey key) {
        String rest = afterPrefix(key.module());
        if (rest.startsWith("te_") || rest.startsWith("te1_")) {
            return text(TEXT, rest.substring(rest.indexOf('_') + 1));
        }
        return rest.startsWith("te2_") ? text(TEXT_2, rest.substring(4)) : unet(withoutUnet(rest));
    }

    private static String afterPrefix(String module) {
        return module.substring(module.indexOf('_') + 1);
    }

    private static String withoutUnet(String rest) {
        return rest.startsWith("unet_") ? rest.substring(5) : rest;
    }

    private Optional<LoraTarget> findDotted(AdapterKey key) {
        Optional<String> original = original(key);
        if (original.isPresent()) {
            return unet(original.get());
        }
        String module = key.module();
        if (isOfPeftItself(module)) {
            module = module.substring(PEFT_ITSELF.length());
        }
        for (String component : List.of(TEXT_2, TEXT)) {
            if (module.startsWith(component + ".")) {
                return text(component, ofTextAttention(module.substring(component.length() + 1)));
            }
        }
        String rest = module.startsWith(UNET + ".") ? module.substring(5) : module;
        Optional<LoraTarget> unet = unet(joined(ofAttention(rest)));
        return unet.isPresent() || module.startsWith(UNET + ".")
                ? unet
                : text(TEXT, ofTextAttention(module));
    }

    /** Attention processors stand beside the projections, whose last is the first of a list. */
    private static String ofAttention(String module) {
        String plain = module.replace(".processor.", ".");
        return plain.endsWith(".to_out") ? plain + ".0" : plain;
    }

    /** Attention processors in text encoders are named as in the denoiser. */
    private static String ofTextAttention(String module) {
        String plain = module.replace(".processor.", ".");
        for (String p : List.of("q", "k", "v", "out")) {
            if (plain.endsWith(".self_attn.to_" + p)) {
                plain = plain.substring(0, plain.lastIndexOf('.') + 1) + p + "_proj";
            }
        }
        return joined(plain);
    }

    private static String joined(String module) {
        return module.replace('.', '_');
    }

    private Optional<LoraTarget> unet(String joined) {
        return ModuleNames.unet(joined)
                .or(() -> ModuleNames.original(joined, layers))
                .map(m -> new LoraTarget(UNET, m + ".weight"));
    }

    private static Optional<LoraTarget> text(String component, String joined) {
        return ModuleNames.text(joined).map(m -> new LoraTarget(component, m + ".weight"));
    }
}
