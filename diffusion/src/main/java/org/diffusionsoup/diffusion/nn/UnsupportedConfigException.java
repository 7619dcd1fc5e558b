package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.core.SoupException;

/**
 * A model's {@code config.json} asks for something that is not built here, or states a value
 * outside of its range; the message names file, field and value.
 */
public final class UnsupportedConfigException extends SoupException {
    private static final long serialVersionUID = 1L;

    public UnsupportedConfigException(String message) {
        super(message);
    }
}
