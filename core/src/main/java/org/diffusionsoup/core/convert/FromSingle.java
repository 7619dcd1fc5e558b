package org.diffusionsoup.core.convert;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** The tensors of a single file under their diffusers names, by component. */
final class FromSingle {
    static final String SD1_TEXT = "cond_stage_model.transformer.";
    static final String SD2_TEXT = "cond_stage_model.model.";
    static final String XL_TEXT = "conditioner.embedders.0.transformer.";
    static final String XL_TEXT_2 = "conditioner.embedders.1.model.";

    /** What training and sampling code keeps beside a component's weights, under its prefix. */
    private static final Pattern NO_WEIGHTS =
            Pattern.compile(
                    "model_ema\\..+|.+\\.position_ids|.+\\.logit_scale"
                            + "|cond_stage_model\\.model\\.(text_projection(\\.weight)?|attn_mask)"
                            + "|conditioner\\.embedders\\.1\\.model\\.attn_mask"
                            + "|(cond_stage_model|conditioner\\.embedders\\.1)\\.model\\.visual\\..+");

    /** What tells programs how the model is sampled; without elements. */
    private static final Set<String> MARKS =
            Set.of(TrainingObjective.VELOCITY_MARK, TrainingObjective.ZERO_SNR_MARK);

    /** The autoencoder's own modules; a discriminator, losses and averages are not among them. */
    private static final Pattern VAE_MODULES =
            Pattern.compile("(encoder|decoder|quant_conv|post_quant_conv|quantize)\\..+");

    /** All that a text encoder of transformers has. */
    private static final Pattern TEXT =
            Pattern.compile(
                    "text_model\\.(embeddings\\.(token|position)_embedding\\.weight"
                            + "|encoder\\.layers\\.\\d{1,3}\\.(self_attn\\.(q|k|v|out)_proj"
                            + "|layer_norm[12]|mlp\\.fc[12])\\.(weight|bias)"
                            + "|final_layer_norm\\.(weight|bias))");

    private static final List<String> COMPONENTS =
            List.of(UnetNames.PREFIX, VaeNames.PREFIX, SD1_TEXT, XL_TEXT, SD2_TEXT, XL_TEXT_2);

    private static final int SD2_LAYERS = 23;

    private static final String EMA = "model_ema.";

    private final TensorSource source;
    private final boolean ema;
    private final Set<String> averages = new HashSet<>();
    private final Set<String> names;
    private final int layers;
    private final int levels;
    private final boolean lastLayerUnused;
    private final SequencedMap<String, List<Derived>> parts = new LinkedHashMap<>();
    private final List<String> leftOut = new ArrayList<>();

    /**
     * @param ema whether the denoiser's weights are the moving averages that training kept beside
     *     them, {@code model_ema.*}
     * @throws SoupException if a component has tensors that none of these models has, or averages
     *     are asked for and not there
     */
    FromSingle(TensorSource source, boolean ema) {
        this.source = source;
        this.ema = ema;
        names = source.tensors().keySet();
        layers = UnetNames.layersOfOriginal(names);
        levels = VaeNames.levelsOfOriginal(names);
        // Stable Diffusion 2 was trained on the output before the last of OpenCLIP's 24 layers.
        lastLayerUnused =
                names.contains(SD2_TEXT + "transformer.resblocks." + SD2_LAYERS + ".ln_1.weight");
        List<String> unknown = new ArrayList<>();
        for (TensorInfo t : source.tensors().values()) {
            if (ema && t.name().startsWith(UnetNames.PREFIX)) {
                if (!average(t)) {
                    unknown.add(t.name());
                }
            } else if (MARKS.contains(t.name())) {
                continue; // said by the scheduler's configuration
            } else if (isNoWeight(t.name())) {
                leftOut.add(t.name());
            } else if (!place(t)) {
                unknown.add(t.name());
            }
        }
        leftOut.removeAll(averages);
        if (!unknown.isEmpty()) {
            throw new SoupException(
                    source.path()
                            + " has "
                            + unknown.size()
                            + " tensors in its denoiser, autoencoder or text encoder that no Stable"
                            + " Diffusion 1.x, 2.x or XL has, such as '"
                            + unknown.getFirst()
                            + "'; without them it would be another model, so it is not converted.");
        }
    }

    /** Whether a file has tensors of a denoiser, an autoencoder and a text encoder. */
    static boolean hasAll(Set<String> names) {
        return has(names, List.of(UnetNames.PREFIX))
                && has(names, List.of(VaeNames.PREFIX))
                && has(names, List.of(SD1_TEXT, SD2_TEXT, XL_TEXT, XL_TEXT_2));
    }

    private static boolean has(Set<String> names, List<String> prefixes) {
        return names.stream().anyMatch(n -> prefixes.stream().anyMatch(n::startsWith));
    }

    /** Component to its tensors. */
    SequencedMap<String, TensorSource> parts() {
        SequencedMap<String, TensorSource> made = new LinkedHashMap<>();
        for (String c : List.of("text_encoder", "text_encoder_2", "unet", "vae")) {
            if (parts.containsKey(c)) {
                made.put(c, new DerivedSource(source, parts.get(c)));
            }
        }
        return made;
    }

    /** Names of the tensors that a diffusers folder has no place for. */
    List<String> leftOut() {
        return Collections.unmodifiableList(leftOut);
    }

    /** Whether a tensor belongs to none of the components, or is nothing that they compute with. */
    private static boolean isNoWeight(String name) {
        if (NO_WEIGHTS.matcher(name).matches() || COMPONENTS.stream().noneMatch(name::startsWith)) {
            return true;
        }
        return name.startsWith(VaeNames.PREFIX)
                && !VAE_MODULES.matcher(name.substring(VaeNames.PREFIX.length())).matches();
    }

    /** Places the moving average of a weight of the denoiser under that one's name. */
    private boolean average(TensorInfo t) {
        String name = EMA + t.name().substring("model.".length()).replace(".", "");
        TensorInfo average = source.tensors().get(name);
        if (average == null) {
            throw new SoupException(
                    source.path()
                            + " has no moving average of '"
                            + t.name()
                            + "' (it would be '"
                            + name
                            + "'); convert it without `ema`.");
        }
        if (!average.sameShape(t)) {
            throw new SoupException(
                    "The moving average '"
                            + name
                            + "' in "
                            + source.path()
                            + " has another shape than its weight "
                            + t
                            + ".");
        }
        averages.add(name);
        leftOut.add(t.name());
        return UnetNames.toDiffusers(t.name(), layers)
                .map(n -> add("unet", Derived.same(source, average, n, average.shape())))
                .orElse(false);
    }

    private boolean place(TensorInfo t) {
        String name = t.name();
        if (name.startsWith(UnetNames.PREFIX)) {
            return put("unet", t, UnetNames.toDiffusers(name, layers));
        }
        if (name.startsWith(VaeNames.PREFIX)) {
            return vae(t);
        }
        if (name.startsWith(SD1_TEXT)) {
            return clip(t, SD1_TEXT);
        }
        if (name.startsWith(XL_TEXT)) {
            return clip(t, XL_TEXT);
        }
        if (name.startsWith(SD2_TEXT)) {
            return openClip("text_encoder", t, name.substring(SD2_TEXT.length()));
        }
        return name.startsWith(XL_TEXT_2)
                && openClip("text_encoder_2", t, name.substring(XL_TEXT_2.length()));
    }

    private boolean put(String component, TensorInfo t, Optional<String> name) {
        return name.map(n -> add(component, Derived.same(source, t, n, t.shape()))).orElse(false);
    }

    private boolean add(String component, Derived d) {
        return parts.computeIfAbsent(component, c -> new ArrayList<>()).add(d);
    }

    private boolean vae(TensorInfo t) {
        Optional<String> name = VaeNames.toDiffusers(t.name(), levels);
        long[] s = t.shape();
        if (name.isPresent() && VaeNames.isProjection(name.get()) && s.length == 4) {
            if (s[2] != 1 || s[3] != 1) {
                throw new SoupException(
                        "Tensor '"
                                + t.name()
                                + "' in "
                                + source.path()
                                + " should be a 1x1 convolution; it is "
                                + t
                                + ".");
            }
            return add("vae", Derived.same(source, t, name.get(), s[0], s[1]));
        }
        return put("vae", t, name);
    }

    private boolean clip(TensorInfo t, String prefix) {
        String name = t.name().substring(prefix.length());
        // Some merging tools dropped this module's name.
        String full = name.startsWith("text_model.") ? name : "text_model." + name;
        if (TEXT.matcher(full).matches()) {
            return put("text_encoder", t, Optional.of(full));
        }
        // A whole CLIP's other half and its projections; but not what changes the text encoder.
        return !full.startsWith("text_model.encoder.") && leftOut.add(t.name());
    }

    private boolean openClip(String component, TensorInfo t, String name) {
        if (name.equals("text_projection")) {
            return add(component, Derived.transposed(source, t, "text_projection.weight"));
        }
        if (name.equals("text_projection.weight")) {
            return put(component, t, Optional.of(name));
        }
        boolean second = component.equals("text_encoder");
        if (second && lastLayerUnused && OpenClipNames.layer(name) >= SD2_LAYERS) {
            return leftOut.add(t.name());
        }
        Optional<String> queries = OpenClipNames.queries(name);
        if (queries.isEmpty()) {
            return put(component, t, OpenClipNames.toDiffusers(name));
        }
        long[] shape = t.shape();
        if (shape.length < 1 || shape[0] % 3 != 0) {
            throw new SoupException(
                    "Tensor '"
                            + t.name()
                            + "' in "
                            + source.path()
                            + " should hold queries, keys and values; it is "
                            + t
                            + ".");
        }
        shape[0] /= 3;
        long third = t.byteSize() / 3;
        String which = "qkv";
        for (int i = 0; i < 3; i++) {
            String to = OpenClipNames.split(queries.get(), which.charAt(i));
            add(component, Derived.part(source, t, i * third, to, shape));
        }
        return true;
    }
}
