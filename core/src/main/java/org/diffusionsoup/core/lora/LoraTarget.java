package org.diffusionsoup.core.lora;

/**
 * The tensor of a diffusers folder that an update belongs to.
 *
 * @param component such as {@code unet} or {@code text_encoder_2}
 * @param tensor its name there, such as {@code mid_block.attentions.0.proj_in.weight}
 */
public record LoraTarget(String component, String tensor) implements Comparable<LoraTarget> {
    /** The same module's bias. */
    LoraTarget bias() {
        return new LoraTarget(component, module() + ".bias");
    }

    /** The module's name in its component. */
    String module() {
        return tensor.substring(0, tensor.lastIndexOf('.'));
    }

    @Override
    public int compareTo(LoraTarget other) {
        int c = component.compareTo(other.component);
        return c == 0 ? tensor.compareTo(other.tensor) : c;
    }

    /** Component and name, joined by a dot. */
    @Override
    public String toString() {
        return component + "." + tensor;
    }
}
