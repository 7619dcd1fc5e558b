package org.diffusionsoup.diffusion.pipeline;

import org.diffusionsoup.core.SoupException;

/** A generation was asked for that the pipeline cannot do. */
public final class PipelineException extends SoupException {
    private static final long serialVersionUID = 1L;

    public PipelineException(String message) {
        super(message);
    }
}
