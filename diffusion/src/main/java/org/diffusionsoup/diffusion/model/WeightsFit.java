package org.diffusionsoup.diffusion.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.convert.Converter;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.VaeConfig;

/**
 * Whether the weights of a Stable Diffusion model are those that its configurations describe: every
 * tensor there, none besides, each of its shape. Told from headers, before any value is read; it is
 * what loading the model asks for. Components of other classes, and architectures that are not run,
 * are not judged.
 */
public final class WeightsFit {
    private static final String SECOND = "text_encoder_2";
    private static final String PROJECTION = "text_projection.weight";

    /** What a folder's configuration would say, see {@link ComponentFit}. */
    private static final String NOT_PROJECTED =
            ", has no text_projection, and the pipeline of Stable Diffusion XL has one there"
                    + " (CLIPTextModelWithProjection): use the model's whole file.";

    private WeightsFit() {}

    /**
     * Refuses a folder in which weights are missing, surplus, or of other shapes, or whose
     * configurations describe what is not run.
     *
     * @throws UnsupportedConfigException naming the component and the tensors, or the configuration
     */
    public static void require(Path folder) {
        ComponentFit.refuse(misfits(folder, true));
    }

    /**
     * What is missing, surplus, or of another shape: a sentence per component; empty where all fits
     * or the folder is no pipeline, or one without weights.
     *
     * @param folder in diffusers layout
     * @throws SoupException if weights or a configuration cannot be read
     */
    public static List<String> misfits(Path folder) {
        return misfits(folder, false);
    }

    private static List<String> misfits(Path folder, boolean run) {
        if (!DiffusersFolder.isOne(folder)
                || DiffusersFolder.open(folder).weightFiles().isEmpty()) {
            return List.of(); // of one without weights, whoever loads it says so
        }
        try (Checkpoint checkpoint = Checkpoint.openIncomplete(folder)) {
            return misfits(checkpoint, run);
        }
    }

    /**
     * The same of an open model; of a single file, by the configurations that a conversion to a
     * folder would give it, and whether it is known how to sample it. Files that are no whole
     * Stable Diffusion are not judged.
     *
     * @throws SoupException if a configuration cannot be read
     */
    public static List<String> misfits(Checkpoint checkpoint) {
        return misfits(checkpoint, false);
    }

    /**
     * @param run whether it is to be run, so that a configuration that is not fails
     */
    private static List<String> misfits(Checkpoint checkpoint, boolean run) {
        List<String> all = new ArrayList<>();
        if (checkpoint.folder().isPresent()) {
            Path folder = checkpoint.folder().get().path();
            TensorNames.today(checkpoint)
                    .parts()
                    .forEach((name, weights) -> {
                        Path file = folder.resolve(name).resolve("config.json");
                        if (Files.isRegularFile(file)) {
                            String what = folder.resolve(name) + Weights.DOES_NOT_FIT;
                            misfit(name, what, JsonConfig.read(file), weights, run)
                                    .ifPresent(all::add);
                        }
                    });
            return all;
        }
        Map<String, Converter.Component> components;
        try {
            components = Converter.components(checkpoint);
        } catch (SoupException e) {
            return List.of(String.valueOf(e.getMessage())); // no conversion would take it
        }
        if (!components.isEmpty()) {
            try {
                TrainingObjective.requireKnown(checkpoint);
            } catch (SoupException e) {
                all.add(String.valueOf(e.getMessage()));
            }
        }
        components.forEach((name, c) -> {
            String what = checkpoint.path() + ", " + name;
            misfit(
                            name,
                            what + ", does not fit what its header or its own tensors say",
                            JsonConfig.read(c.config(), what),
                            c.weights(),
                            run)
                    .ifPresent(all::add);
            if (name.equals(SECOND) && !c.weights().tensors().containsKey(PROJECTION)) {
                all.add(what + NOT_PROJECTED);
            }
        });
        return all;
    }

    private static Optional<String> misfit(
            String component, String what, JsonConfig config, TensorSource weights, boolean run) {
        Optional<Parameters> declared;
        try {
            declared = config.checked(() -> declared(component, config));
        } catch (UnsupportedConfigException e) {
            if (run) {
                throw e;
            }
            return Optional.empty(); // whoever runs it says so
        }
        return declared.flatMap(d -> Weights.misfit(d, what, weights));
    }

    private static Optional<Parameters> declared(String component, JsonConfig config) {
        String unet = "UNet2DConditionModel";
        String vae = "AutoencoderKL";
        return switch (component) {
            case "unet" ->
                    config.text("_class_name", unet).equals(unet)
                            ? Optional.of(UNet2DConditionModel.declared(UNetConfig.of(config)))
                            : Optional.empty();
            case "vae" ->
                    config.text("_class_name", vae).equals(vae)
                            ? Optional.of(AutoencoderKL.declared(VaeConfig.of(config)))
                            : Optional.empty();
            case "text_encoder", "text_encoder_2" ->
                    TokenizerFit.isClipText(config)
                            ? Optional.of(
                                    ClipTextModel.declared(
                                            ClipTextConfig.of(config),
                                            ClipTextConfig.isProjected(config)))
                            : Optional.empty();
            default -> Optional.empty();
        };
    }
}
