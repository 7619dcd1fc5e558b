package org.diffusionsoup.workbench.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.TrainedOn;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;

/**
 * Trains an ingredient of a certificate again, from base, data and recorded recipe: under the names
 * that the recipe has for the data, whatever the files are called now, and with as many threads as
 * are recorded.
 */
public final class DeepCheck {
    private DeepCheck() {}

    /**
     * What came of it.
     *
     * @param differing weight files whose bytes are not the certificate's; empty if all are
     * @param now what it was trained on for this check
     * @param then what the certificate says that it was trained on; empty if it does not say
     */
    public record Result(
            String ingredient, List<String> differing, TrainedOn now, Optional<TrainedOn> then) {
        /** Whether it has the certificate's bytes. */
        public boolean isSame() {
            return differing.isEmpty();
        }

        /**
         * Whether other bytes tell nothing, since it was trained on something else, or nobody knows
         * on what.
         */
        public boolean provesNothing() {
            return !isSame() && !then.equals(Optional.of(now));
        }

        /** In words. */
        public String sentence() {
            String what = "ingredient " + ingredient + ": trained again";
            if (isSame()) {
                return what + ", it has the same bytes";
            }
            String differ =
                    String.join(", ", differing) + (differing.size() == 1 ? " differs" : " differ");
            String with = Plural.of(now.threads(), "thread") + " on " + now.processor();
            if (!provesNothing()) {
                return "%s with %s, as it is recorded, %s".formatted(what, with, differ);
            }
            return "%s with %s, %s; %s, and with another number of threads or on another kind of processor training ends in other last bits, so this proves nothing"
                    .formatted(what, with, differ, unlike());
        }

        /** What is recorded, which is not what it was now. */
        private String unlike() {
            if (then.isEmpty()) {
                return "on what it was trained then is not recorded";
            }
            String before = then.get().processor();
            return before.isEmpty()
                    ? "on what processor it was trained then is not recorded"
                    : "it was trained on " + before + " then";
        }
    }

    /**
     * Trains and compares bytes. Training repeats with one number of threads on one kind of
     * processor; elsewhere a difference proves nothing.
     *
     * @param shards the ingredient's data, as it was trained on, in any order and under any name
     * @param work an empty or new folder
     * @throws SoupException before anything is trained, if the data is not what the recipe records
     */
    public static Result check(
            Path certificate,
            Path store,
            String ingredient,
            List<String> shards,
            Path work,
            Progress progress,
            BooleanSupplier stop) {
        JsonObject c = JsonValue.readObject(certificate);
        JsonObject wanted = find(c, ingredient);
        JsonObject recipe = Json.object(wanted, "recipe");
        Path out = work.resolve("again");
        FineTuneRecipe.request(recipe, out, shards, out); // refuses recipes of other programs first
        GivenData data = GivenData.of(ingredient, recipe, shards);
        long baseEntry = Json.number(wanted, "base");
        String base =
                Json.objects(c, "bases").stream()
                        .filter(b -> Json.number(b, "entry") == baseEntry)
                        .map(b -> Json.string(b, "checkpoint"))
                        .findFirst()
                        .orElseThrow(() ->
                                new SoupException("The certificate lacks base " + baseEntry + "."));
        Path rebuilt = new WeightStore(store).rebuild(base, work.resolve("base"));
        FineTuneRequest request =
                FineTuneRecipe.request(recipe, rebuilt, data.sources(), out).calling(data.names());
        Optional<TrainedOn> then = TrainedOn.of(wanted);
        int before = Torch.threads();
        Torch.setThreads(then.map(TrainedOn::threads).orElse(before));
        TrainedOn now = ThisMachine.trainedOn();
        try {
            if (new FineTuner(request, progress, stop).run().isEmpty()) {
                throw new SoupException("Training again was stopped.");
            }
        } finally {
            Torch.setThreads(before);
        }
        Map<String, String> expected = new TreeMap<>(Json.map(wanted, "files"));
        return new Result(
                ingredient,
                expected.keySet().stream()
                        .filter(f ->
                                !Files.exists(out.resolve(f))
                                        || !Hashes.sha256(out.resolve(f)).equals(expected.get(f)))
                        .toList(),
                now,
                then);
    }

    private static JsonObject find(JsonObject c, String ingredient) {
        for (JsonObject soup : Json.objects(c, "soups")) {
            for (JsonObject i : Json.objects(soup, "ingredients")) {
                if (Json.string(i, "name").equals(ingredient)) {
                    return i;
                }
            }
        }
        throw new SoupException("The certificate names no ingredient '" + ingredient + "'.");
    }
}
