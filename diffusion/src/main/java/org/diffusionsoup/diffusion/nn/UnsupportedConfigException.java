package org.diffusionsoup.diffusion.nn;

/** A model's {@code config.json} asks for something that is not built here. */
public final class UnsupportedConfigException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public UnsupportedConfigException(String message) {
        super(message);
    }
}
