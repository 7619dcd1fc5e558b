package org.diffusionsoup.core.lora;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;

/** Writes LoRAs in the namings that others read. */
final class LoraWriter {
    private final LoraOutput output;
    private final boolean twoEncoders;

    private LoraWriter(LoraOutput output, boolean twoEncoders) {
        this.output = output;
        this.twoEncoders = twoEncoders;
    }

    /**
     * Writes a file, whole or not at all.
     *
     * @param recipe how it was made, see {@link Provenance}
     * @return bytes of its tensors
     * @throws SoupException if there is nothing to write, or the naming has no name for an update
     */
    static long write(LoraOutput output, List<NewLayer> layers, SoupRecipe recipe) {
        if (layers.isEmpty()) {
            throw new SoupException(
                    output.file()
                            + " would hold no update: what it would be made of has none, or is the same.");
        }
        boolean two = layers.stream().anyMatch(l -> l.target().component().endsWith("_2"));
        LoraWriter writer = new LoraWriter(output, two);
        List<TensorEntry> entries = new ArrayList<>();
        layers.forEach(l -> writer.add(l, entries));
        Map<String, String> header = new TreeMap<>();
        header.put("format", "pt");
        if (output.naming() == LoraNaming.PEFT) {
            header.put(PeftConfig.KEY, config(layers));
        }
        SafetensorsWriter.write(output.file(), Provenance.of(recipe).writeTo(header), entries);
        return entries.stream().mapToLong(TensorEntry::byteSize).sum();
    }

    private void add(NewLayer layer, List<TensorEntry> entries) {
        switch (layer) {
            case NewLayer.Factored f -> {
                boolean kohya = output.naming() == LoraNaming.KOHYA;
                String name = kohya ? joined(f.target()) : dotted(f.target());
                long[] down = f.shape().clone();
                down[0] = f.rank();
                long[] up = new long[down.length];
                Arrays.fill(up, 1);
                up[0] = f.up().rows();
                up[1] = f.rank();
                LoraTarget t = f.target();
                entries.add(
                        entry(
                                name + (kohya ? ".lora_down" : ".lora_A") + ".weight",
                                down,
                                f.down(),
                                t));
                entries.add(
                        entry(name + (kohya ? ".lora_up" : ".lora_B") + ".weight", up, f.up(), t));
                if (kohya) {
                    entries.add(
                            TensorEntry.ofFloats(name + ".alpha", new long[0], (float) f.alpha()));
                }
            }
            case NewLayer.Whole w -> {
                if (output.naming() != LoraNaming.KOHYA) {
                    throw new SoupException(
                            "peft's naming has no name for the whole update of %s; write kohya's, or give a rank."
                                    .formatted(w.target()));
                }
                boolean bias = w.target().tensor().endsWith(".bias");
                entries.add(
                        new TensorEntry(
                                joined(w.target()) + (bias ? ".diff_b" : ".diff"),
                                output.dtype(),
                                w.shape(),
                                channel -> {
                                    try (Arena arena = Arena.ofShared()) {
                                        channel.write(
                                                NewLayer.encode(
                                                                arena,
                                                                w.values().get(),
                                                                output.dtype(),
                                                                w.target())
                                                        .asByteBuffer());
                                    }
                                }));
            }
        }
    }

    private TensorEntry entry(String name, long[] shape, Matrix values, LoraTarget target) {
        DType dtype = output.dtype();
        return new TensorEntry(
                name,
                dtype,
                shape,
                channel -> {
                    try (Arena arena = Arena.ofShared()) {
                        channel.write(NewLayer.encode(arena, values, dtype, target).asByteBuffer());
                    }
                });
    }

    private String joined(LoraTarget t) {
        String component =
                switch (t.component()) {
                    case "unet" -> "unet";
                    case "text_encoder" -> twoEncoders ? "te1" : "te";
                    case "text_encoder_2" -> "te2";
                    default -> throw new SoupException("kohya's naming has no name for " + t + ".");
                };
        return "lora_" + component + "_" + t.module().replace('.', '_');
    }

    private static String dotted(LoraTarget t) {
        return t.component() + "." + t.module();
    }

    /** As diffusers writes it: one rank and alpha for most modules, and patterns for the others. */
    private static String config(List<NewLayer> layers) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text)) {
            g.writeStartObject();
            Map<String, List<NewLayer.Factored>> components =
                    layers.stream()
                            .filter(NewLayer.Factored.class::isInstance)
                            .map(NewLayer.Factored.class::cast)
                            .collect(
                                    Collectors.groupingBy(
                                            l -> l.target().component(),
                                            TreeMap::new,
                                            Collectors.toList()));
            for (var c : components.entrySet()) {
                config(g, c.getKey() + ".", c.getValue());
            }
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("Cannot write the ranks.", e);
        }
        return text.toString();
    }

    private static void config(JsonGenerator g, String prefix, List<NewLayer.Factored> layers)
            throws IOException {
        int rank = most(layers.stream().map(NewLayer.Factored::rank).toList());
        double alpha = most(layers.stream().map(NewLayer.Factored::alpha).toList());
        g.writeObjectFieldStart(prefix + "alpha_pattern");
        for (NewLayer.Factored l : layers) {
            if (l.alpha() != alpha) {
                g.writeNumberField(l.target().module(), l.alpha());
            }
        }
        g.writeEndObject();
        g.writeStringField(prefix + "bias", "none");
        g.writeNumberField(prefix + "lora_alpha", alpha);
        g.writeBooleanField(prefix + "lora_bias", false);
        g.writeStringField(prefix + "peft_type", "LORA");
        g.writeNumberField(prefix + "r", rank);
        g.writeObjectFieldStart(prefix + "rank_pattern");
        for (NewLayer.Factored l : layers) {
            if (l.rank() != rank) {
                g.writeNumberField(l.target().module(), l.rank());
            }
        }
        g.writeEndObject();
        g.writeArrayFieldStart(prefix + "target_modules");
        for (NewLayer.Factored l : layers) {
            g.writeString(l.target().module());
        }
        g.writeEndArray();
        g.writeBooleanField(prefix + "use_dora", false);
        g.writeBooleanField(prefix + "use_rslora", false);
    }

    private static <T extends Comparable<T>> T most(List<T> values) {
        Map<T, Long> count =
                values.stream().collect(Collectors.groupingBy(v -> v, Collectors.counting()));
        return count.entrySet().stream()
                .max(
                        Comparator.comparing((Map.Entry<T, Long> e) -> e.getValue())
                                .thenComparing(Map.Entry::getKey))
                .orElseThrow()
                .getKey();
    }
}
