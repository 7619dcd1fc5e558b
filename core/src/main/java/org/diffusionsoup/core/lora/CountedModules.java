package org.diffusionsoup.core.lora;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.AdapterKey;
import org.diffusionsoup.core.checkpoint.AdapterKey.Naming;
import org.diffusionsoup.core.checkpoint.AdapterKey.Role;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Modules of cloneofsimo's files, which only count them: in the order in which PyTorch walks
 * through the model, those linear layers that lie in certain classes of modules, which the header
 * names. The order is the one of registration: down blocks, up blocks, middle; attentions before
 * resnets; in a transformer block the feed-forward before the second attention in diffusers of that
 * time, after it in later ones. Shapes tell which, and are all checked.
 */
final class CountedModules {
    private static final List<String> RESNET =
            List.of("conv1", "time_emb_proj", "conv2", "conv_shortcut");
    private static final List<String> ATTENTION = List.of("to_q", "to_k", "to_v", "to_out.0");
    private static final List<String> TEXT = List.of("k_proj", "v_proj", "q_proj", "out_proj");
    private static final Pattern PLACE =
            Pattern.compile(
                    "(?:(down|up)_blocks\\.(\\d+)|mid_block)\\.(attentions|resnets)\\.(\\d+)\\.(.+)");
    private static final Pattern BLOCK =
            Pattern.compile("transformer_blocks\\.(\\d+)\\.(attn1|attn2|ff)\\.(.+)");
    private static final Pattern LAYER =
            Pattern.compile("text_model\\.encoder\\.layers\\.(\\d+)\\.self_attn\\.(.+)");

    private CountedModules() {}

    static Map<String, LoraTarget> of(
            Path file,
            TensorSource source,
            SequencedMap<String, AdapterKey> keys,
            Map<String, ? extends TensorSource> model) {
        Map<String, Map<Integer, long[]>> counted = new TreeMap<>();
        keys.forEach((name, k) -> {
            if (k.naming() == Naming.COUNTED) {
                int colon = k.module().indexOf(':');
                long[] shape =
                        counted.computeIfAbsent(
                                        k.module().substring(0, colon), c -> new TreeMap<>())
                                .computeIfAbsent(
                                        Integer.valueOf(k.module().substring(colon + 1)),
                                        i -> new long[2]);
                TensorInfo t = source.tensor(name);
                long rank = t.shape().length > 1 ? t.shape()[k.role() == Role.UP ? 1 : 0] : 1;
                shape[k.role() == Role.UP ? 0 : 1] = t.elements() / Math.max(1, rank);
            }
        });
        Map<String, LoraTarget> targets = new HashMap<>();
        counted.forEach((component, shapes) -> {
            TensorSource part = model.get(component);
            if (part == null) {
                throw new SoupException(
                        file
                                + " is a LoRA of cloneofsimo, which only counts the modules of '"
                                + component
                                + "'; which they are is told by the model that it was made for:"
                                + " name that with `model`.");
            }
            List<String> modules = find(file, source, component, part, shapes);
            shapes.keySet()
                    .forEach(i ->
                            targets.put(
                                    component + ":" + i,
                                    new LoraTarget(component, modules.get(i) + ".weight")));
        });
        return targets;
    }

    private static List<String> find(
            Path file,
            TensorSource source,
            String component,
            TensorSource part,
            Map<Integer, long[]> shapes) {
        boolean resnets = classes(file, source, component).contains("ResnetBlock2D");
        boolean text = component.startsWith("text");
        for (boolean feedForwardFirst : new boolean[] {true, false}) {
            List<String> modules =
                    text ? textModules(part) : unetModules(part, resnets, feedForwardFirst);
            boolean all =
                    shapes.entrySet().stream()
                            .allMatch(e ->
                                    e.getKey() < modules.size()
                                            && fits(
                                                    part.tensor(
                                                            modules.get(e.getKey()) + ".weight"),
                                                    e.getValue()));
            if (all && shapes.size() == modules.size()) {
                return modules;
            }
        }
        throw new SoupException(
                "%s is a LoRA of cloneofsimo of %d modules of '%s' that are not those of %s by number and shape; name with `model` the model that it was made for."
                        .formatted(file, shapes.size(), component, part.path()));
    }

    private static List<String> classes(Path file, TensorSource source, String component) {
        String text = source.metadata().get(component);
        if (text == null) {
            return List.of();
        }
        byte[] object = ("{\"classes\":" + text + "}").getBytes(StandardCharsets.UTF_8);
        JsonValue read =
                JsonValue.readObject(object, file + " ('" + component + "' in its header)")
                        .get("classes")
                        .orElseThrow();
        return read instanceof JsonValue.JsonArray(List<JsonValue> items)
                ? items.stream().map(v -> v instanceof JsonString(String s) ? s : "").toList()
                : List.of();
    }

    private static boolean fits(TensorInfo weight, long[] shape) {
        return weight.shape()[0] == shape[0] && weight.elements() / weight.shape()[0] == shape[1];
    }

    private static List<String> textModules(TensorSource part) {
        return sorted(
                part,
                LAYER,
                m -> {
                    int p = TEXT.indexOf(m.group(2));
                    return p < 0 ? new int[0] : new int[] {number(m.group(1)), p};
                });
    }

    private static List<String> unetModules(
            TensorSource part, boolean resnets, boolean feedForwardFirst) {
        return sorted(
                part,
                PLACE,
                m -> {
                    String side = m.group(1);
                    int first = side == null ? 2 : side.equals("down") ? 0 : 1;
                    int block = side == null ? 0 : number(m.group(2));
                    boolean resnet = m.group(3).equals("resnets");
                    int[] rest =
                            resnet
                                    ? resnets ? resnet(m.group(5)) : new int[0]
                                    : transformer(m.group(5), feedForwardFirst);
                    return rest.length == 0
                            ? rest
                            : new int[] {
                                first,
                                block,
                                resnet ? 1 : 0,
                                number(m.group(4)),
                                rest[0],
                                rest[1],
                                rest[2]
                            };
                });
    }

    private static int[] resnet(String module) {
        int p = RESNET.indexOf(module);
        return p < 0 ? new int[0] : new int[] {0, 0, p};
    }

    private static int[] transformer(String module, boolean feedForwardFirst) {
        Matcher m = BLOCK.matcher(module);
        if (!m.matches()) {
            return new int[0];
        }
        boolean feedForward = m.group(2).equals("ff");
        int p =
                feedForward
                        ? m.group(3).equals("net.0.proj") ? 0 : -1
                        : ATTENTION.indexOf(m.group(3));
        int second = feedForwardFirst ? 2 : 1;
        int place =
                switch (m.group(2)) {
                    case "attn1" -> 0;
                    case "attn2" -> second;
                    default -> 3 - second;
                };
        return p < 0 ? new int[0] : new int[] {number(m.group(1)), place, p};
    }

    private static int number(String digits) {
        return Integer.parseInt(digits);
    }

    private interface Place {
        /** Where a module stands in the walk; empty for those that are left out. */
        int[] of(Matcher m);
    }

    private static List<String> sorted(TensorSource part, Pattern names, Place place) {
        record Placed(String module, int[] at) {}
        List<Placed> all = new ArrayList<>();
        for (String name : part.tensors().keySet()) {
            if (name.endsWith(".weight")) {
                String module = name.substring(0, name.length() - ".weight".length());
                Matcher m = names.matcher(module);
                int[] at = m.matches() ? place.of(m) : new int[0];
                if (at.length > 0) {
                    all.add(new Placed(module, at));
                }
            }
        }
        all.sort(Comparator.comparing(Placed::at, Arrays::compare));
        return all.stream().map(Placed::module).toList();
    }
}
