package org.diffusionsoup.workbench.generate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.diffusion.classify.ShardClassifier;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.model.WeightsView;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.pipeline.DenoisersInTurn;
import org.diffusionsoup.diffusion.pipeline.NoisePredictor;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.workbench.classify.ClassifierOrder;

/**
 * Loads models of one base that draw a picture together: the first one's text encoder, autoencoder
 * and scheduler, and all denoisers, or one denoiser that takes the weights of all in turn.
 */
final class EnsembleLoader {
    /** Keyword of the members: one a line, its coefficient, the hash of its UNet, its name. */
    static final String MEMBERS_KEY = "ensemble";

    /** Keyword of the classifier that gives the coefficients: the hash of its weights, its name. */
    static final String CLASSIFIER_KEY = "ensemble_classifier";

    /**
     * Keyword that is there, with {@code true}, where weights are averaged anew for each sample.
     */
    static final String RESOUPED_KEY = "ensemble_resouped";

    private EnsembleLoader() {}

    /** What several denoisers are made into, and what is to be freed with them. */
    private interface Combination {
        /**
         * @param members denoisers
         * @param unets of the members, where each has its own
         */
        NoisePredictor of(
                List<NoisePredictor> members,
                List<UNet2DConditionModel> unets,
                List<Runnable> release);
    }

    /**
     * With coefficients above 0 whose sum is 1.
     *
     * @param sequential whether the members take turns in one UNet
     * @param format that the weights are held in
     */
    static LoadedModel weighted(
            List<Path> folders,
            List<Double> coefficients,
            boolean sequential,
            WeightFormat format) {
        boolean equal = coefficients.stream().distinct().count() == 1;
        String name = "ensemble of " + folders.size();
        return load(
                equal
                        ? name
                        : name
                                + " weighed by "
                                + coefficients.stream()
                                        .map(EnsembleLoader::fraction)
                                        .collect(Collectors.joining(", ")),
                folders,
                equal ? "" : "\n" + coefficients,
                Map.of(MEMBERS_KEY, members(folders, i -> fraction(coefficients.get(i)) + " ")),
                sequential,
                format,
                (members, unets, release) ->
                        NoisePredictor.weighted(
                                members, coefficients.stream().mapToDouble(k -> k).toArray()));
    }

    /**
     * With coefficients that a classifier gives for every sample and timestep. The members stand in
     * the order of its shards, whatever order they are given in.
     *
     * @param given models of one shard each
     * @param resouped whether weights are averaged with them instead of predictions
     * @param sequential whether the members take turns in one UNet
     * @param format that the members' weights are held in; an average of them is float32
     * @throws SoupException if both are wanted: an average needs all weights at once
     */
    static LoadedModel classified(
            List<Path> given,
            Path classifier,
            boolean resouped,
            boolean sequential,
            WeightFormat format) {
        if (resouped && sequential) {
            throw new SoupException(
                    "`resoup` averages the weights of all models, so they cannot take turns; leave `sequential` out.");
        }
        ShardClassifier.require(classifier);
        ClassifierOrder order = ClassifierOrder.of(given, classifier);
        List<Path> folders = order.models();
        String hash = WeightsHash.of(classifier.resolve(ShardClassifier.WEIGHTS));
        String name =
                (resouped ? "soup of %d averaged anew by %s" : "ensemble of %d weighed by %s")
                        .formatted(folders.size(), classifier.getFileName());
        Map<String, String> text = new LinkedHashMap<>();
        text.put(MEMBERS_KEY, members(folders, i -> ""));
        text.put(CLASSIFIER_KEY, hash + " " + ModelNames.of(classifier));
        if (resouped) {
            text.put(RESOUPED_KEY, "true");
        }
        return load(
                        name,
                        folders,
                        (resouped ? "\nresouped " : "\nclassified ") + hash,
                        text,
                        sequential,
                        format,
                        (members, unets, release) -> {
                            ShardClassifier shards = ShardClassifier.load(classifier);
                            release.add(shards.parameters()::close);
                            if (!resouped) {
                                return NoisePredictor.classified(members, shards);
                            }
                            UNet2DConditionModel own =
                                    StableDiffusion.unet(folders.getFirst().resolve("unet"));
                            release.add(own.parameters()::close);
                            return NoisePredictor.resouped(
                                    own,
                                    unets.stream().map(UNet2DConditionModel::parameters).toList(),
                                    shards);
                        })
                .noting(order.notes());
    }

    /**
     * A coefficient as it is given, such as {@code 2/3}: the fraction with the smallest denominator
     * whose double it is, to the bit; as a decimal where there is none up to a thousandth.
     */
    private static String fraction(double k) {
        for (int d = 1; d <= 1000; d++) {
            long n = Math.round(k * d);
            if (n > 0 && (double) n / d == k) {
                return d == 1 ? Long.toString(n) : n + "/" + d;
            }
        }
        return Double.toString(k);
    }

    /** One a line. */
    private static String members(List<Path> folders, IntFunction<String> coefficient) {
        folders.forEach(DiffusersFolder::require);
        List<String> names = ModelNames.of(folders);
        return IntStream.range(0, folders.size())
                .mapToObj(i ->
                        coefficient.apply(i)
                                + WeightsHash.of(
                                        folders.get(i)
                                                .resolve("unet")
                                                .resolve(StableDiffusion.DIFFUSERS_WEIGHTS))
                                + " "
                                + names.get(i))
                .collect(Collectors.joining("\n"));
    }

    private static LoadedModel load(
            String name,
            List<Path> folders,
            String with,
            Map<String, String> text,
            boolean sequential,
            WeightFormat format,
            Combination combination) {
        if (folders.isEmpty()) {
            throw new SoupException("An ensemble needs at least one `model`.");
        }
        Path first = folders.getFirst();
        List<Path> others = folders.subList(1, folders.size());
        others.forEach(other -> requireShared(first, other));
        WeightsView view = WeightsView.STORED.heldIn(format);
        StableDiffusion model = StableDiffusion.load(first, view);
        List<UNet2DConditionModel> unets = new ArrayList<>(List.of(model.unet()));
        List<Runnable> more = new ArrayList<>();
        Runnable release =
                () -> {
                    model.close();
                    unets.subList(1, unets.size()).forEach(u -> u.parameters().close());
                    more.forEach(Runnable::run);
                };
        try {
            List<NoisePredictor> members;
            if (sequential) {
                DenoisersInTurn turns =
                        new DenoisersInTurn(
                                model.unet(),
                                folders.stream().map(f -> f.resolve("unet")).toList());
                more.add(turns::close);
                members = turns.members();
            } else {
                others.forEach(
                        other -> unets.add(StableDiffusion.unet(other.resolve("unet"), view)));
                members = unets.stream().map(NoisePredictor::of).toList();
            }
            NoisePredictor predictor = combination.of(members, unets, more);
            return new LoadedModel(
                    name,
                    List.copyOf(folders),
                    with,
                    text,
                    new TextToImagePipeline(model, predictor, model.scheduler()),
                    false,
                    Map.of(),
                    List.of(),
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
