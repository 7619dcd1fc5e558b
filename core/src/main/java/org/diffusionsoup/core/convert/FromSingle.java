package org.diffusionsoup.core.convert;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.TensorInfo;
import org.diffusionsoup.core.TensorSource;

/** The tensors of a single file under their diffusers names, by component. */
final class FromSingle {
    static final String SD1_TEXT = "cond_stage_model.transformer.";
    static final String SD2_TEXT = "cond_stage_model.model.";
    static final String XL_TEXT = "conditioner.embedders.0.transformer.";
    static final String XL_TEXT_2 = "conditioner.embedders.1.model.";

    /** What training and sampling code keeps in a checkpoint beside the model's weights. */
    private static final Pattern NO_WEIGHTS =
            Pattern.compile(
                    "betas|(sqrt_|log_)?(one_minus_|recip_|recipm1_)?alphas_cumprod(_prev)?"
                            + "|posterior_(variance|log_variance_clipped|mean_coef[12])|logvar"
                            + "|lvlb_weights|model_ema\\..+|.+\\.position_ids|.+\\.logit_scale"
                            + "|cond_stage_model\\.model\\.(text_projection|attn_mask)"
                            + "|conditioner\\.embedders\\.1\\.model\\.attn_mask"
                            + "|denoiser\\.sigmas|v_pred|ztsnr|scale_factor"
                            + "|first_stage_model\\.loss\\..+");

    private static final int SD2_LAYERS = 23;

    private final TensorSource source;
    private final Set<String> names;
    private final int layers;
    private final int levels;
    private final boolean lastLayerUnused;
    private final SequencedMap<String, List<Derived>> parts = new LinkedHashMap<>();
    private final List<String> leftOut = new ArrayList<>();

    FromSingle(TensorSource source) {
        this.source = source;
        names = source.tensors().keySet();
        layers = UnetNames.layersOfOriginal(names);
        levels = VaeNames.levelsOfOriginal(names);
        // Stable Diffusion 2 was trained on the output before the last of OpenCLIP's 24 layers.
        lastLayerUnused =
                names.contains(SD2_TEXT + "transformer.resblocks." + SD2_LAYERS + ".ln_1.weight");
        List<String> unknown = new ArrayList<>();
        for (TensorInfo t : source.tensors().values()) {
            if (NO_WEIGHTS.matcher(t.name()).matches()) {
                leftOut.add(t.name());
            } else if (!place(t)) {
                unknown.add(t.name());
            }
        }
        if (!unknown.isEmpty()) {
            throw new SoupException(
                    source.path()
                            + " has "
                            + unknown.size()
                            + " tensors that no Stable Diffusion 1.x, 2.x or XL single file has,"
                            + " such as '"
                            + unknown.getFirst()
                            + "'; they cannot be converted.");
        }
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
        return put("text_encoder", t, Optional.of(full));
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
