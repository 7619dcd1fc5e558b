package org.diffusionsoup.workbench.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuner;

/** Trains an ingredient of a certificate again, from base, data and recorded recipe. */
public final class DeepCheck {
    private DeepCheck() {}

    /**
     * What came of it.
     *
     * @param differing weight files whose bytes are not the certificate's; empty if all are
     */
    public record Result(String ingredient, List<String> differing) {}

    /**
     * Trains and compares bytes. Training repeats on one kind of machine and library; elsewhere a
     * difference proves nothing.
     *
     * @param shards the ingredient's data, as it was trained on
     * @param work an empty or new folder
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
        long baseEntry = Json.number(wanted, "base");
        String base =
                Json.objects(c, "bases").stream()
                        .filter(b -> Json.number(b, "entry") == baseEntry)
                        .map(b -> Json.string(b, "checkpoint"))
                        .findFirst()
                        .orElseThrow(() ->
                                new SoupException("The certificate lacks base " + baseEntry + "."));
        Path out = work.resolve("again");
        Path rebuilt = new WeightStore(store).rebuild(base, work.resolve("base"));
        boolean finished =
                new FineTuner(
                                FineTuneRecipe.request(
                                        Json.object(wanted, "recipe"), rebuilt, shards, out),
                                progress,
                                stop)
                        .run()
                        .isPresent();
        if (!finished) {
            throw new SoupException("Training again was stopped.");
        }
        Map<String, String> expected = new TreeMap<>(Json.map(wanted, "files"));
        return new Result(
                ingredient,
                expected.keySet().stream()
                        .filter(f ->
                                !Files.exists(out.resolve(f))
                                        || !Hashes.sha256(out.resolve(f)).equals(expected.get(f)))
                        .toList());
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

    /** A folder for {@link #check} that is made now. */
    public static Path workFolder() {
        try {
            return Files.createTempDirectory("soup-deep-");
        } catch (IOException e) {
            throw new SoupIoException("make", Path.of(System.getProperty("java.io.tmpdir")), e);
        }
    }
}
