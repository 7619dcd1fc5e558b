package org.diffusionsoup.workbench.generate;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;

/** A scheduler by the short name that a command line takes. */
public enum Sampler {
    DDIM("ddim", "DDIMScheduler"),
    DDPM("ddpm", "DDPMScheduler"),
    DPM_SOLVER("dpm++2m", "DPMSolverMultistepScheduler"),
    EULER("euler", "EulerDiscreteScheduler"),
    EULER_ANCESTRAL("euler-a", "EulerAncestralDiscreteScheduler"),
    HEUN("heun", "HeunDiscreteScheduler"),
    LMS("lms", "LMSDiscreteScheduler"),
    PNDM("pndm", "PNDMScheduler"),
    UNIPC("unipc", "UniPCMultistepScheduler");

    private final String word;
    private final String className;

    Sampler(String word, String className) {
        this.word = word;
        this.className = className;
    }

    /** The short name, such as {@code dpm++2m}. */
    public String word() {
        return word;
    }

    /** The name of diffusers' class. */
    public String className() {
        return className;
    }

    /**
     * A model that samples with this scheduler.
     *
     * @throws SoupException if its noise schedule is none for it
     */
    TextToImagePipeline on(TextToImagePipeline model) {
        try {
            return model.with(model.scheduler().withClassName(className));
        } catch (UnsupportedConfigException e) {
            throw new SoupException(
                    "`scheduler` %s does not suit this model (%s); try ddim, euler or dpm++2m."
                            .formatted(word, e.getMessage()),
                    e);
        }
    }

    /**
     * Reads a short name or the name of diffusers' class, in any case.
     *
     * @throws SoupException naming the possible ones
     */
    public static Sampler parse(String text) {
        for (Sampler s : values()) {
            if (s.word.equals(text.toLowerCase(Locale.ROOT))
                    || s.className.equalsIgnoreCase(text)) {
                return s;
            }
        }
        throw new SoupException(
                "`scheduler` '%s' is unknown; use %s."
                        .formatted(
                                text,
                                Arrays.stream(values())
                                        .map(Sampler::word)
                                        .collect(Collectors.joining(", "))));
    }
}
