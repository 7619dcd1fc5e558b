package org.diffusionsoup.registry.context;

import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.ledger.Dates;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;

/**
 * Which day it is, in UTC.
 *
 * @param clock that is asked each time
 */
public record Calendar(Clock clock) {
    /** The day by the clock alone. */
    private LocalDate today() {
        return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    }

    /**
     * The day that an entry would have which is appended now: that of the ledger's newest one where
     * the clock is a little behind it.
     */
    public LocalDate today(Queries q) {
        return Dates.today(q.last(), clock.instant());
    }

    /** The moment to the second, as ISO 8601 writes it. */
    public String now() {
        return clock.instant().truncatedTo(ChronoUnit.SECONDS).toString();
    }

    /**
     * The date that {@code SOUP_TODAY} confirms; empty if it is not set.
     *
     * @throws RegistryException if it is no date
     */
    public static Optional<LocalDate> confirmed() {
        return Optional.ofNullable(System.getenv("SOUP_TODAY")).map(Calendar::date);
    }

    private static LocalDate date(String text) {
        try {
            return LocalDate.parse(text.strip());
        } catch (DateTimeParseException e) {
            throw new RegistryException(
                    "SOUP_TODAY should be a date such as 2027-01-31, not '"
                            + Visible.shortened(text)
                            + "'.",
                    e);
        }
    }

    /** That {@code SOUP_TODAY} is set and does nothing, in a sentence. */
    public static Optional<String> unused() {
        return unused(confirmed(), new Calendar(Clock.systemUTC()).today());
    }

    /**
     * That a date which somebody says it is does nothing, in a sentence: it confirms this machine's
     * date, and moves no clock.
     */
    public static Optional<String> unused(Optional<LocalDate> said, LocalDate today) {
        return said.filter(d -> !d.equals(today))
                .map(d ->
                        "SOUP_TODAY="
                                + d
                                + " is not this machine's date, "
                                + today
                                + " (UTC), and is ignored: it confirms the date where clock and"
                                + " ledger disagree, and moves neither.");
    }
}
