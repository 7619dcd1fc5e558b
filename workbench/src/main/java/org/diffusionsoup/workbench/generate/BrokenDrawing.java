package org.diffusionsoup.workbench.generate;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.pipeline.NonFiniteException;
import org.diffusionsoup.workbench.verify.BrokenWeights;

/**
 * Why a model draws NaN or infinities.
 *
 * @param model as users know it
 * @param folders whose weights it draws with
 * @param changed whether its weights are no longer those of the folders, as with LoRAs in them
 * @param guidance as set
 */
record BrokenDrawing(String model, List<Path> folders, boolean changed, double guidance) {

    SoupException explained(NonFiniteException e) {
        Optional<String> weights =
                folders.stream().flatMap(f -> BrokenWeights.first(f).stream()).findFirst();
        String why =
                weights.map(w ->
                                "its weights are damaged ("
                                        + w
                                        + "); leave it out or train it again")
                        .orElseGet(this::withoutDamage);
        return new SoupException(
                "%s cannot draw: NaN or infinities appear %s, as %s."
                        .formatted(model, e.where(), why),
                e);
    }

    private String withoutDamage() {
        if (guidance > 1) {
            return "`guidance` %s is too much for it%s; choose a smaller one"
                    .formatted(
                            guidance, changed ? ", or the weights put into it are too large" : "");
        }
        return changed
                ? "the weights put into it are too large; give them a smaller coefficient"
                : "its weights are too large for its layers; leave it out or train it again";
    }
}
