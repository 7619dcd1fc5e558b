package org.diffusionsoup.diffusion.torch;

import org.diffusionsoup.core.SoupException;

/** libtorch refused an operation or could not be loaded. */
public final class TorchException extends SoupException {
    private static final long serialVersionUID = 1L;

    /** A failure in one sentence. */
    public TorchException(String message) {
        super(message);
    }

    /** A failure in one sentence, with what caused it. */
    public TorchException(String message, Throwable cause) {
        super(message, cause);
    }
}
