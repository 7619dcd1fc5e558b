package org.diffusionsoup.registry.store;

import org.diffusionsoup.core.SoupException;

/** Something in the store is missing or altered; the message names it. */
public final class StoreException extends SoupException {
    private static final long serialVersionUID = 1L;

    public StoreException(String message) {
        super(message);
    }

    public StoreException(String message, Throwable cause) {
        super(message, cause);
    }
}
