package org.diffusionsoup.diffusion.text;

import org.diffusionsoup.core.SoupException;

/** A tokenizer folder cannot be read or written; the message names the file and what to do. */
public final class TokenizerException extends SoupException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message one sentence naming the file and the remedy
     */
    public TokenizerException(String message) {
        super(message);
    }

    /**
     * @param message one sentence naming the file and the remedy
     * @param cause what the file system or the parser said
     */
    public TokenizerException(String message, Throwable cause) {
        super(message, cause);
    }
}
