package org.diffusionsoup.workbench.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.registry.weights.Origin;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.WithdrawRequest.Data;
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

    /**
     * Refuses data that is not what the ingredient was trained on; where the ledger does not tell
     * by which texts that was, says so.
     */
    @Override
    public void check(WithdrawRequest.Retraining what) {
        request(what, what.data().stream().map(Data::source).toList());
        for (Data d : what.data()) {
            if (!had(what, d).compared()) {
                progress.tell(
                        "What texts ingredient '%s' had of shard '%s' is not recorded: it is trained again with those in %s, which has the recorded pictures."
                                .formatted(what.ingredient(), d.shard(), d.source()));
            }
        }
    }

    @Override
    public WithdrawRequest.Trained retrain(WithdrawRequest.Retraining what) {
        List<String> shards = new ArrayList<>();
        Path folder = what.base().resolveSibling("shards");
        for (Data d : what.data()) {
            // What the tar is called goes nowhere: the recipe has the names of the ledger.
            Path tar = folder.resolve(shards.size() + ".tar");
            Shard rows = had(what, d).rows();
            try {
                shards.add(RegistryShards.without(d.shard(), rows, what.without(), tar));
            } catch (SoupException e) {
                throw cannot(what, d, e);
            }
        }
        List<String> names = what.data().stream().map(Data::shard).toList();
        // Nothing is kept of a withdrawal that is ended in between: the process may just end.
        new FineTuner(request(what, shards).calling(names), progress, () -> false).run();
        return new WithdrawRequest.Trained(
                TrainingRecipe.ofWeights(what.out()), Optional.of(ThisMachine.trainedOn()));
    }

    /**
     * Rows that an ingredient was trained on.
     *
     * @param compared whether their texts are known to be the same, and not only their pictures
     */
    private record Had(Shard rows, boolean compared) {}

    /** What an ingredient had of a shard, which lies where it lay when it was recorded. */
    private static Had had(WithdrawRequest.Retraining what, Data d) {
        try {
            Shard rows =
                    RegistryShards.recordedRows(d.shard(), d.source(), d.root(), d.textsSha256());
            Shard had = rows.filter(i -> !d.lost().contains(i.sha256()));
            Map<String, Long> recorded = Origin.of(what.recipe()).data();
            boolean same = recorded.containsKey(had.sha256());
            // With as many hashes as shards each is that of a shard.
            if (!same && recorded.size() == what.data().size()) {
                throw new SoupException(
                        "The rows in %s are not those that it was trained on: they are %s, its recipe names %s; the pictures may be the same and the captions others."
                                .formatted(
                                        d.source(),
                                        GivenData.rows(had.size(), had.sha256()),
                                        recorded.entrySet().stream()
                                                .map(e -> GivenData.rows(e.getValue(), e.getKey()))
                                                .sorted()
                                                .collect(Collectors.joining(" and "))));
            }
            return new Had(had, same || d.textsSha256().isPresent());
        } catch (SoupException e) {
            throw cannot(what, d, e);
        }
    }

    private static SoupException cannot(WithdrawRequest.Retraining what, Data d, SoupException e) {
        return new SoupException(
                "Ingredient '"
                        + what.ingredient()
                        + "' cannot be trained again on the rest of shard '"
                        + d.shard()
                        + "', and nothing was withdrawn: "
                        + e.getMessage()
                        + (String.valueOf(e.getMessage()).endsWith(".") ? "" : ".")
                        + " The shard is recorded as "
                        + d.source()
                        + ": put its data, or a link to it, back there and give the same command"
                        + " again, or drop the ingredient instead of training it again"
                        + " (`dropIngredients`).",
                e);
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
