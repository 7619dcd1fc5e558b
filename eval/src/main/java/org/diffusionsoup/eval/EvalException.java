package org.diffusionsoup.eval;

import org.diffusionsoup.core.SoupException;

/** Scores that cannot be computed or may not be compared; the message says which and why. */
public final class EvalException extends SoupException {
    private static final long serialVersionUID = 1L;

    public EvalException(String message) {
        super(message);
    }
}
