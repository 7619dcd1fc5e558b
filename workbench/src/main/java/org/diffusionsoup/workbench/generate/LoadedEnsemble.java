package org.diffusionsoup.workbench.generate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.diffusion.classify.ShardClassifier;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.pipeline.NoisePredictor;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.workbench.classify.ClassifierOrder;

/**
 * Models of one base that draw a picture together, loaded: the first one's text encoder,
 * autoencoder and scheduler, and all denoisers.
 *
 * @param name that pictures carry
 * @param folders the models, in diffusers layout
 * @param with what besides the folders decides the pictures; empty for equal coefficients
 * @param pipeline draws with all of them
 * @param release frees all of them
 */
record LoadedEnsemble(
        String name,
        List<Path> folders,
        String with,
        TextToImagePipeline pipeline,
        Runnable release) {

    /** What several denoisers are made into, and what is to be freed with them. */
    private interface Combination {
        NoisePredictor of(List<UNet2DConditionModel> unets, List<Runnable> release);
    }

    /** With coefficients above 0 whose sum is 1. */
    static LoadedEnsemble weighted(List<Path> folders, List<Double> coefficients) {
        boolean equal = coefficients.stream().distinct().count() == 1;
        String name = "ensemble of " + folders.size();
        return load(
                equal ? name : name + " weighed by " + coefficients,
                folders,
                equal ? "" : "\n" + coefficients,
                (unets, release) ->
                        NoisePredictor.weighted(
                                unets.stream().map(NoisePredictor::of).toList(),
                                coefficients.stream().mapToDouble(k -> k).toArray()));
    }

    /** With coefficients that a classifier gives for every sample and timestep. */
    static LoadedEnsemble classified(List<Path> folders, Path classifier, boolean resouped) {
        ShardClassifier.require(classifier);
        ClassifierOrder.check(folders, classifier);
        String with =
                (resouped ? "\nresouped " : "\nclassified ")
                        + WeightsHash.of(classifier.resolve(ShardClassifier.WEIGHTS));
        String name =
                (resouped ? "soup of %d averaged anew by %s" : "ensemble of %d weighed by %s")
                        .formatted(folders.size(), classifier.getFileName());
        return load(
                name,
                folders,
                with,
                (unets, release) -> {
                    ShardClassifier shards = ShardClassifier.load(classifier);
                    release.add(shards.parameters()::close);
                    if (!resouped) {
                        return NoisePredictor.classified(
                                unets.stream().map(NoisePredictor::of).toList(), shards);
                    }
                    UNet2DConditionModel own =
                            StableDiffusion.unet(folders.getFirst().resolve("unet"));
                    release.add(own.parameters()::close);
                    return NoisePredictor.resouped(
                            own,
                            unets.stream().map(UNet2DConditionModel::parameters).toList(),
                            shards);
                });
    }

    private static LoadedEnsemble load(
            String name, List<Path> folders, String with, Combination combination) {
        if (folders.isEmpty()) {
            throw new SoupException("An ensemble needs at least one `model`.");
        }
        folders.forEach(DiffusersFolder::require);
        Path first = folders.getFirst();
        folders.subList(1, folders.size()).forEach(other -> requireShared(first, other));
        StableDiffusion model = StableDiffusion.load(first);
        List<UNet2DConditionModel> unets = new ArrayList<>(List.of(model.unet()));
        List<Runnable> more = new ArrayList<>();
        Runnable release =
                () -> {
                    model.close();
                    unets.subList(1, unets.size()).forEach(u -> u.parameters().close());
                    more.forEach(Runnable::run);
                };
        try {
            for (Path folder : folders.subList(1, folders.size())) {
                unets.add(StableDiffusion.unet(folder.resolve("unet")));
            }
            NoisePredictor predictor = combination.of(unets, more);
            return new LoadedEnsemble(
                    name,
                    List.copyOf(folders),
                    with,
                    new TextToImagePipeline(model, predictor, model.scheduler()),
                    release);
        } catch (RuntimeException e) {
            release.run();
            throw e;
        }
    }

    private static void requireShared(Path first, Path other) {
        for (String weights :
                List.of(
                        "text_encoder/" + StableDiffusion.TRANSFORMERS_WEIGHTS,
                        "vae/" + StableDiffusion.DIFFUSERS_WEIGHTS)) {
            if (!WeightsHash.of(first.resolve(weights))
                    .equals(WeightsHash.of(other.resolve(weights)))) {
                throw new SoupException(
                        "%s and %s differ in %s; an ensemble takes models of one base."
                                .formatted(first, other, weights));
            }
        }
    }
}
