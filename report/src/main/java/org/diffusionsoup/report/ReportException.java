package org.diffusionsoup.report;

import org.diffusionsoup.core.SoupException;

/** A report or curve that cannot be built, written or read; the message says which and why. */
public final class ReportException extends SoupException {
    private static final long serialVersionUID = 1L;

    public ReportException(String message) {
        super(message);
    }

    public ReportException(String message, Throwable cause) {
        super(message, cause);
    }
}
