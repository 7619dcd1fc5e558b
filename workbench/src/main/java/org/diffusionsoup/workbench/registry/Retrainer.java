package org.diffusionsoup.workbench.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;

/**
 * Trains an ingredient again without some pictures: from the base, on the rest, by the recipe it
 * had (paper, Section 5.3).
 */
public final class Retrainer implements WithdrawRequest.Retrainer {
    private final Progress progress;

    /** Shows progress. */
    public Retrainer(Progress progress) {
        this.progress = progress;
    }

    @Override
    public WithdrawRequest.Trained retrain(WithdrawRequest.Retraining what) {
        List<String> shards = new ArrayList<>();
        Path folder = what.out().resolveSibling("shards");
        for (int i = 0; i < what.sources().size(); i++) {
            // What the tar is called goes nowhere: the recipe has the names of the ledger.
            shards.add(rest(what, i, folder.resolve(i + ".tar")));
        }
        // Nothing is kept of a withdrawal that is ended in between: the process may just end.
        new FineTuner(request(what, shards).calling(what.shards()), progress, () -> false).run();
        return new WithdrawRequest.Trained(
                TrainingRecipe.ofWeights(what.out()), Optional.of(ThisMachine.trainedOn()));
    }

    /** What is left of a shard, which lies where it lay when it was recorded. */
    private static String rest(WithdrawRequest.Retraining what, int i, Path tar) {
        String shard = what.shards().get(i);
        String source = what.sources().get(i);
        try {
            Shard rows = RegistryShards.recordedRows(shard, source, what.roots().get(i));
            return RegistryShards.without(shard, rows, what.without(), tar);
        } catch (SoupException e) {
            throw new SoupException(
                    "Ingredient '"
                            + what.ingredient()
                            + "' cannot be trained again on the rest of shard '"
                            + shard
                            + "', and nothing was withdrawn: "
                            + e.getMessage()
                            + (String.valueOf(e.getMessage()).endsWith(".") ? "" : ".")
                            + " The shard is recorded as "
                            + source
                            + ": put its data, or a link to it, back there and give the same command"
                            + " again, or drop the ingredient instead of training it again"
                            + " (`dropIngredients`).",
                    e);
        }
    }

    private static FineTuneRequest request(WithdrawRequest.Retraining what, List<String> shards) {
        try {
            return FineTuneRecipe.request(what.recipe(), what.base(), shards, what.out());
        } catch (SoupException e) {
            throw new SoupException(
                    "Ingredient '"
                            + what.ingredient()
                            + "' cannot be trained again, and nothing was withdrawn: "
                            + e.getMessage()
                            + " Where there is no such recipe, `dropIngredients` drops ingredients"
                            + " instead of training them again.",
                    e);
        }
    }
}
