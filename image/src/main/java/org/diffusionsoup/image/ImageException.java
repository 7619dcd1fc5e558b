package org.diffusionsoup.image;

import org.diffusionsoup.core.SoupException;

/** A picture or its preprocessing config cannot be used; the message names the file. */
public final class ImageException extends SoupException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message one sentence naming the file and the remedy
     */
    public ImageException(String message) {
        super(message);
    }

    /**
     * @param message one sentence naming the file and the remedy
     * @param cause what the file system or the decoder said
     */
    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
