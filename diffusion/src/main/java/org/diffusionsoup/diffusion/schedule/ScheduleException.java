package org.diffusionsoup.diffusion.schedule;

/** A scheduler is asked for something its schedule does not have. */
public final class ScheduleException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ScheduleException(String message) {
        super(message);
    }
}
