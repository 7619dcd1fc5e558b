package org.diffusionsoup.core;

/**
 * Root of the project's exceptions. The message is one sentence that names the file, tensor,
 * setting or row and says what to do.
 *
 * <p>Messages, notes and reports name a setting in back-quotes, as {@code `steps` must be at least
 * 1}. The library has no flags; a command line puts its own in place of such names.
 */
public class SoupException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public SoupException(String message) {
        super(message);
    }

    public SoupException(String message, Throwable cause) {
        super(message, cause);
    }

    /**
     * For signals, which somebody waits for and nobody reads.
     *
     * @param traced whether it has a stack trace and keeps what it suppressed
     */
    protected SoupException(String message, boolean traced) {
        super(message, null, traced, traced);
    }
}
