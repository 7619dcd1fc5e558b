package org.diffusionsoup.core.soup;

import org.diffusionsoup.core.SoupException;

/** An ingredient holds NaN or infinities. */
final class NonFiniteWeightsException extends SoupException {
    private static final long serialVersionUID = 1L;

    NonFiniteWeightsException(String message) {
        super(message);
    }
}
