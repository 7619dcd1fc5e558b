package org.diffusionsoup.core;

/**
 * Base of every failure that a user can act on. The message is one sentence that names the file,
 * tensor, flag or row and says what to do; commands print it as it stands.
 */
public class SoupException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public SoupException(String message) {
        super(message);
    }

    public SoupException(String message, Throwable cause) {
        super(message, cause);
    }
}
