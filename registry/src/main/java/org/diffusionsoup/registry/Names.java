package org.diffusionsoup.registry;

import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.ledger.RegistryException;

/** What things in a registry may be called. */
final class Names {
    private Names() {}

    static void check(String what, String name) {
        if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._+=,-]{0,99}")) {
            throw new RegistryException(
                    "'"
                            + Visible.shortened(name)
                            + "' cannot name a "
                            + what
                            + "; use letters, digits and ._+=,- (at most 100).");
        }
    }
}
