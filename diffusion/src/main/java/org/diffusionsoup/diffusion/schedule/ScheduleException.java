package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.core.SoupException;

/** A scheduler is asked for something its schedule does not have. */
public final class ScheduleException extends SoupException {
    private static final long serialVersionUID = 1L;

    public ScheduleException(String message) {
        super(message);
    }
}
