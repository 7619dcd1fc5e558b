package org.diffusionsoup.core.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Architecture.Family;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** The tensors of a diffusers folder under the names of the original single file. */
final class ToSingle {
    private final Family family;
    private final Map<String, Entry> tensors = new LinkedHashMap<>();
    private final List<String> leftOut = new ArrayList<>();

    /** A tensor and the state dict that its bytes are checked against. */
    record Entry(TensorSource source, Derived tensor) {}

    ToSingle(Family family, Map<String, TensorSource> parts) {
        this.family = family;
        parts.forEach((component, given) -> {
            TensorSource source = TensorNames.today(given);
            for (TensorInfo t : source.tensors().values()) {
                if (t.name().endsWith(".position_ids")) {
                    leftOut.add(component + "/" + t.name());
                } else if (!place(component, source, t)) {
                    throw new SoupException(
                            "Tensor '"
                                    + t.name()
                                    + "' in "
                                    + source.path()
                                    + " has no place in a single file of "
                                    + family.title()
                                    + "; only its own components can be converted.");
                }
            }
        });
    }

    /** In the order of the components. */
    List<Entry> tensors() {
        return List.copyOf(tensors.values());
    }

    /** Names of the tensors that a single file has no place for. */
    List<String> leftOut() {
        return List.copyOf(leftOut);
    }

    private boolean place(String component, TensorSource source, TensorInfo t) {
        Set<String> names = source.tensors().keySet();
        switch (component) {
            case "unet" -> {
                int layers = UnetNames.layersOfDiffusers(names);
                return put(source, t, UnetNames.toOriginal(t.name(), layers, names));
            }
            case "vae" -> {
                return vae(source, t, VaeNames.levelsOfDiffusers(names));
            }
            case "text_encoder" -> {
                return switch (family) {
                    case SD1 -> clip(source, t, FromSingle.SD1_TEXT);
                    case SD2 -> openClip(source, t, FromSingle.SD2_TEXT);
                    case SDXL, SDXL_REFINER -> clip(source, t, FromSingle.XL_TEXT);
                };
            }
            case "text_encoder_2" -> {
                return family == Family.SDXL && openClip(source, t, FromSingle.XL_TEXT_2);
            }
            default -> {
                leftOut.add(component + "/" + t.name());
                return true;
            }
        }
    }

    private boolean put(TensorSource source, TensorInfo t, Optional<String> name) {
        return name.map(n -> add(source, Derived.same(source, t, n, t.shape()))).orElse(false);
    }

    private boolean add(TensorSource source, Derived d) {
        if (tensors.put(d.info().name(), new Entry(source, d)) != null) {
            throw new SoupException(
                    source.path()
                            + " holds two tensors that both become '"
                            + d.info().name()
                            + "'.");
        }
        return true;
    }

    private boolean vae(TensorSource source, TensorInfo t, int levels) {
        Optional<String> name = VaeNames.toOriginal(t.name(), levels);
        long[] s = t.shape();
        return name.isPresent() && VaeNames.isProjection(t.name()) && s.length == 2
                ? add(source, Derived.same(source, t, name.get(), s[0], s[1], 1, 1))
                : put(source, t, name);
    }

    private boolean clip(TensorSource source, TensorInfo t, String prefix) {
        return t.name().startsWith("text_model.") && put(source, t, Optional.of(prefix + t.name()));
    }

    private boolean openClip(TensorSource source, TensorInfo t, String prefix) {
        if (family == Family.SDXL && t.name().equals("text_projection.weight")) {
            return add(source, Derived.transposed(source, t, prefix + "text_projection"));
        }
        Optional<String> fused = OpenClipNames.fused(t.name());
        if (fused.isEmpty()) {
            return put(source, t, OpenClipNames.toOriginal(t.name()).map(n -> prefix + n));
        }
        if (!t.name().contains(".q_proj.")) {
            // Joined when the queries come; alone they have no place.
            String queries = t.name().replaceFirst("\\.[kv]_proj\\.", ".q_proj.");
            return source.tensors().containsKey(queries);
        }
        List<TensorInfo> three = new ArrayList<>();
        for (char c : new char[] {'q', 'k', 'v'}) {
            three.add(source.tensor(OpenClipNames.split(t.name(), c)));
        }
        for (TensorInfo one : three) {
            if (one.dtype() != t.dtype() || !Arrays.equals(one.shape(), t.shape())) {
                throw new SoupException(
                        "Queries, keys and values must be of one dtype and shape to be one tensor;"
                                + " in "
                                + source.path()
                                + " "
                                + t
                                + " meets "
                                + one
                                + ".");
            }
        }
        long[] shape = t.shape();
        shape[0] *= 3;
        return add(source, Derived.joined(source, three, prefix + fused.get(), shape));
    }
}
