package org.diffusionsoup.registry.soup;

import java.util.function.Supplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.registry.ledger.RegistryException;

/**
 * Work that takes long and is recorded at its end, done again where others came between: weights
 * are made by one state of the ledger, and the transaction that records them finds another.
 */
public final class Attempts {
    /** How often others may come between before it is given up. */
    private static final int MOST = 20;

    private Attempts() {}

    /** What a transaction finds changed under it: the work is done again. */
    public static final class Overtaken extends SoupException {
        private static final long serialVersionUID = 1L;

        public Overtaken() {
            super("overtaken", false);
        }
    }

    /**
     * Does work until nobody came between.
     *
     * @param name of what is worked on, for the message
     * @param once looks at the ledger anew, and throws {@link Overtaken} if it changed meanwhile
     * @throws RegistryException if others kept coming between
     */
    public static <T> T at(String name, Supplier<T> once) {
        for (int attempt = 0; attempt < MOST; attempt++) {
            try {
                return once.get();
            } catch (Overtaken e) {
                // The next look sees what the others did.
            }
        }
        throw new RegistryException(
                "Others kept changing what soup '" + name + "' is made of; try again.");
    }
}
