package org.diffusionsoup.diffusion.train;

import org.diffusionsoup.core.SoupException;

/** A training run cannot start or go on; the message says why and what to do. */
public final class TrainingException extends SoupException {
    private static final long serialVersionUID = 1L;

    public TrainingException(String message) {
        super(message);
    }
}
