package org.diffusionsoup.registry.ledger;

import org.diffusionsoup.core.SoupException;

/** A registry that cannot do what was asked; the message says what is wrong and what to do. */
public final class RegistryException extends SoupException {
    private static final long serialVersionUID = 1L;

    /** What somebody typed, or a file held, may be repeated in a message, but not all of it. */
    private static final int MOST = 1000;

    public RegistryException(String message) {
        super(cut(message));
    }

    public RegistryException(String message, Throwable cause) {
        super(cut(message), cause);
    }

    private static String cut(String message) {
        int more = message.length() - MOST;
        return more <= 0
                ? message
                : message.substring(0, MOST / 2)
                        + "… ("
                        + more
                        + " more characters) …"
                        + message.substring(message.length() - MOST / 2);
    }
}
