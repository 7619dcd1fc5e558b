package org.diffusionsoup.workbench.evaluate;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.diffusion.classify.ShardClassifier;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * A model of an evaluation, ready to draw: a folder, or an ensemble of several.
 *
 * @param folders in diffusers layout, one or more
 * @param coefficients of their predictions, with sum 1; empty where a classifier gives them
 * @param classifier folder of one, if it gives the coefficients for every sample and timestep
 * @param resouped whether weights are averaged with them instead of predictions
 * @param sequential whether one UNet takes the weights of all in turn, with the same pictures
 */
public record MadeModel(
        List<Path> folders,
        List<Double> coefficients,
        Optional<Path> classifier,
        boolean resouped,
        boolean sequential) {
    public MadeModel {
        folders = List.copyOf(folders);
        coefficients = List.copyOf(coefficients);
    }

    /** An ensemble with these coefficients, of sum 1; equal ones where the list is empty. */
    static MadeModel ensemble(List<Path> folders, List<Double> coefficients, boolean sequential) {
        int n = folders.size();
        return new MadeModel(
                folders,
                coefficients.isEmpty() ? Collections.nCopies(n, 1.0 / n) : coefficients,
                Optional.empty(),
                false,
                sequential);
    }

    /** One model. */
    static MadeModel of(Path folder) {
        return ensemble(List.of(folder), List.of(), false);
    }

    /** Whether several models are asked at every step. */
    public boolean isEnsemble() {
        return folders.size() > 1;
    }

    /** Hash of all that decides its pictures: 64 hexadecimal digits. */
    String hash() {
        if (!isEnsemble()) {
            return ModelHash.of(folders.getFirst());
        }
        StringBuilder lines = new StringBuilder("ensemble\n");
        classifier.ifPresent(c ->
                lines.append(resouped ? "resouped " : "classified ")
                        .append(WeightsHash.of(c.resolve(ShardClassifier.WEIGHTS)))
                        .append('\n'));
        for (int i = 0; i < folders.size(); i++) {
            lines.append(coefficients.isEmpty() ? "" : coefficients.get(i)).append(' ');
            lines.append(ModelHash.of(folders.get(i))).append('\n');
        }
        return Hashes.sha256Hex(lines.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Loads it; the caller closes it. */
    Generator open(GenerateSettings settings) {
        if (classifier.isPresent()) {
            return Generator.classified(folders, classifier.get(), resouped, sequential, settings);
        }
        return isEnsemble()
                ? Generator.ensemble(folders, coefficients, sequential, settings)
                : Generator.open(folders.getFirst(), settings);
    }
}
