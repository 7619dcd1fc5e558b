package org.diffusionsoup.core.lora;

/** How tensors of a LoRA that is written are named. */
public enum LoraNaming {
    /**
     * {@code lora_unet_….lora_down.weight}, {@code .lora_up.weight}, {@code .alpha}, and {@code
     * .diff} for updates that are not factored: read by kohya's scripts, A1111, ComfyUI and
     * diffusers.
     */
    KOHYA,
    /**
     * {@code unet.….lora_A.weight}, {@code .lora_B.weight}, ranks and alphas in the header as
     * diffusers writes them from 0.34 on.
     */
    PEFT
}
