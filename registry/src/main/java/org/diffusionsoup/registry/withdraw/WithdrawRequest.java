package org.diffusionsoup.registry.withdraw;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.TrainedOn;
import org.diffusionsoup.registry.near.Likeness;
import org.diffusionsoup.registry.soup.SoupPlan;

/**
 * What is to leave.
 *
 * @param shards names of whole shards
 * @param samples SHA-256 of single pictures, wherever they are
 * @param reason in words, for the ledger and the certificate
 * @param keepSelection whether soups that a search chose with a look at what leaves keep the
 *     choice, and are marked so
 * @param retrainer trains ingredients again without the pictures that leave; without one, such
 *     ingredients leave too
 * @param reselector runs searches again; without one, and of soups whose selection does not tell
 *     how, the withdrawal is refused
 * @param likeness looks at pictures of other shards whose hashes are near those that leave; without
 *     one, the certificate says that nobody looked
 * @param consent asked before anything is done where more would leave than what was named, what was
 *     trained on it, and what was made from that
 */
public record WithdrawRequest(
        List<String> shards,
        Set<String> samples,
        String reason,
        boolean keepSelection,
        Optional<Retrainer> retrainer,
        Optional<Reselector> reselector,
        Optional<Likeness> likeness,
        Consent consent) {
    /** Whether what was neither trained on nor made from what was named may leave too. */
    @FunctionalInterface
    public interface Consent {
        /** To all that the contract takes along. */
        Consent GIVEN = all -> {};

        /**
         * Returns if it is given.
         *
         * @param all everything that would leave; some of it is {@link Gone#beyond}
         * @throws RegistryException if it is not: nothing has happened then, and nothing will
         */
        void ask(List<Gone> all);
    }

    /** A request that all that the contract takes along is to leave. */
    public WithdrawRequest(
            List<String> shards,
            Set<String> samples,
            String reason,
            boolean keepSelection,
            Optional<Retrainer> retrainer,
            Optional<Reselector> reselector,
            Optional<Likeness> likeness) {
        this(
                shards,
                samples,
                reason,
                keepSelection,
                retrainer,
                reselector,
                likeness,
                Consent.GIVEN);
    }

    /** A request with nobody to look for pictures that are alike. */
    public WithdrawRequest(
            List<String> shards,
            Set<String> samples,
            String reason,
            boolean keepSelection,
            Optional<Retrainer> retrainer,
            Optional<Reselector> reselector) {
        this(shards, samples, reason, keepSelection, retrainer, reselector, Optional.empty());
    }

    public WithdrawRequest {
        shards = List.copyOf(shards);
        samples = Set.copyOf(samples);
    }

    /** Whole shards. */
    public static WithdrawRequest ofShards(List<String> shards, String reason) {
        return new WithdrawRequest(
                shards, Set.of(), reason, false, Optional.empty(), Optional.empty());
    }

    /** The same, keeping what searches chose. */
    public WithdrawRequest keepingSelections() {
        return new WithdrawRequest(
                shards, samples, reason, true, retrainer, reselector, likeness, consent);
    }

    /** The same with somebody who looks for pictures that are alike. */
    public WithdrawRequest with(Likeness looks) {
        return new WithdrawRequest(
                shards,
                samples,
                reason,
                keepSelection,
                retrainer,
                reselector,
                Optional.of(looks),
                consent);
    }

    /** The same with somebody who is asked. */
    public WithdrawRequest with(Consent asked) {
        return new WithdrawRequest(
                shards, samples, reason, keepSelection, retrainer, reselector, likeness, asked);
    }

    /**
     * A recorded shard that an ingredient was trained on.
     *
     * @param source where its rows lie
     * @param root Merkle root of the pictures that it was recorded with
     * @param textsSha256 hash of its pictures with their texts; empty where the ledger has none
     * @param lost SHA-256 of its pictures that had been withdrawn when the ingredient came
     */
    public record Data(
            String shard,
            String source,
            String root,
            Optional<String> textsSha256,
            Set<String> lost) {}

    /**
     * An ingredient that has to do without some pictures (paper, Section 5.3).
     *
     * @param data what it was trained on
     * @param without SHA-256 of all pictures that are to be left out
     * @param recipe by which it was trained, with hashes of the rows
     */
    public record Retraining(
            String ingredient,
            Path base,
            List<Data> data,
            Set<String> without,
            JsonObject recipe,
            Path out) {}

    /**
     * What was trained.
     *
     * @param recipe that was followed
     * @param on what; empty if unknown
     */
    public record Trained(JsonObject recipe, Optional<TrainedOn> on) {}

    /** Resets to the base and fine-tunes on the rest. */
    @FunctionalInterface
    public interface Retrainer {
        /** Trains into {@link Retraining#out}. */
        Trained retrain(Retraining what);

        /**
         * Refuses what {@link #retrain} would refuse, before hours are spent on another ingredient.
         *
         * @param what whose base is not there yet
         */
        default void check(Retraining what) {}
    }

    /** Searches again among what is left. */
    @FunctionalInterface
    public interface Reselector {
        /**
         * @return what goes in, and how it was chosen; empty if the selection does not tell how to
         *     search again
         */
        Optional<Choice> reselect(Reselection what);
    }

    /**
     * A soup to choose anew for.
     *
     * @param soup its label
     * @param selection how it was chosen, as recorded
     * @param candidates names of the ingredients that are left of those it was chosen among, at
     *     least two, with their checkpoints in the store
     * @param work a folder for files that are not needed afterwards
     */
    public record Reselection(
            String soup,
            JsonObject selection,
            SequencedMap<String, String> candidates,
            Path work) {}

    /** What a search chose. */
    public record Choice(List<SoupPlan.Item> items, SoupPlan.Selection selection) {}
}
