package org.diffusionsoup.core.soup.average;

import org.diffusionsoup.core.SoupException;

/** An ingredient holds NaN or infinities. */
public final class NonFiniteWeightsException extends SoupException {
    private static final long serialVersionUID = 1L;

    NonFiniteWeightsException(String message) {
        super(message);
    }
}
