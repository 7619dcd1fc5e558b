package org.diffusionsoup.registry.ledger;

import java.util.Optional;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/**
 * What an ingredient was trained on, so far as the last bits of its weights depend on it.
 *
 * @param threads that every operation had, 1 or more
 * @param processor its name, which another kind of processor does not have; empty where nobody
 *     wrote it down, as in entries of earlier versions
 */
public record TrainedOn(int threads, String processor) {
    private static final String THREADS = "threads";
    private static final String PROCESSOR = "processor";

    /**
     * @throws RegistryException if the number of threads is below 1
     */
    public TrainedOn {
        if (threads < 1) {
            throw new RegistryException(
                    "Nothing can have been trained with "
                            + threads
                            + " threads; leave that out if it is not known.");
        }
    }

    /** As an ingredient's entry, or a certificate's section of it, has it; empty if it has not. */
    public static Optional<TrainedOn> of(JsonObject ingredient) {
        return ingredient.get(THREADS).isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new TrainedOn(
                                (int) Json.number(ingredient, THREADS),
                                ingredient.string(PROCESSOR).orElse("")));
    }

    /** Adds the fields that {@link #of} reads. */
    public Json.Builder describe(Json.Builder ingredient) {
        ingredient.put(THREADS, threads);
        return processor.isEmpty() ? ingredient : ingredient.put(PROCESSOR, processor);
    }
}
