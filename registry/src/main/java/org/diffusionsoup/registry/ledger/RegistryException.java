package org.diffusionsoup.registry.ledger;

import org.diffusionsoup.core.SoupException;

/** A registry that cannot do what was asked; the message says what is wrong and what to do. */
public final class RegistryException extends SoupException {
    private static final long serialVersionUID = 1L;

    public RegistryException(String message) {
        super(message);
    }

    public RegistryException(String message, Throwable cause) {
        super(message, cause);
    }
}
