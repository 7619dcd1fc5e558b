package org.diffusionsoup.registry.ledger;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/**
 * When an entry is dated. Clocks of several machines differ by little, and an entry is then dated
 * like the one before it. One that is a day behind the newest entry, or over a year ahead of it, is
 * more likely wrong than right: an entry dated a hundred years ahead could never be taken back, and
 * would drag along every date after it. Whoever knows better confirms the date, and what is dated
 * before the entry ahead of it says so.
 */
public final class Dates {
    /** Names the entry whose later date is wrong. */
    static final String MARK = "dates_behind";

    /** Environment variable that confirms this machine's date. */
    static final String CONFIRM = "SOUP_TODAY";

    private static final Duration BEHIND = Duration.ofDays(1);
    private static final Duration AHEAD = Duration.ofDays(366);

    private Dates() {}

    /**
     * An entry's date.
     *
     * @param time ISO 8601 in UTC
     * @param behind number of the entry that is dated later, if there is one
     */
    record Dated(String time, Optional<Long> behind) {}

    /**
     * @param last the newest entry
     * @param confirmed the date that a person says it is
     * @throws RegistryException if the clock is not believed
     */
    static Dated next(Optional<Entry> last, Instant clock, Optional<LocalDate> confirmed) {
        Instant now = clock.truncatedTo(ChronoUnit.MILLIS);
        if (last.isEmpty()) {
            return new Dated(now.toString(), Optional.empty());
        }
        Entry e = last.get();
        boolean behind = isAhead(e, now);
        if (behind || now.isAfter(e.instant().plus(AHEAD))) {
            LocalDate today = LocalDate.ofInstant(now, ZoneOffset.UTC);
            if (confirmed.isEmpty() || !confirmed.get().equals(today)) {
                throw new RegistryException(
                        ("The ledger's newest entry (%d) is dated %s, and this machine's clock says %s:"
                                        + " nothing was recorded. Set the clock right. If it is right,"
                                        + " say so by setting %s=%s and running the command again.")
                                .formatted(e.seq(), e.time(), now, CONFIRM, today));
            }
            return new Dated(now.toString(), behind ? Optional.of(e.seq()) : Optional.empty());
        }
        return new Dated(e.instant().isBefore(now) ? now.toString() : e.time(), Optional.empty());
    }

    /**
     * The day, in UTC, that the next entry has: the later of the clock's and the newest entry's,
     * but for one that is further ahead than clocks may differ, which is not believed.
     *
     * @param last the newest entry
     */
    public static LocalDate today(Optional<Entry> last, Instant clock) {
        Instant day =
                last.filter(e -> !isAhead(e, clock))
                        .map(Entry::instant)
                        .filter(clock::isBefore)
                        .orElse(clock);
        return LocalDate.ofInstant(day, ZoneOffset.UTC);
    }

    /** Whether an entry is dated later than clocks may differ. */
    static boolean isAhead(Entry e, Instant now) {
        return now.isBefore(e.instant().minus(BEHIND));
    }

    /** The day of an entry's date, in UTC. */
    public static LocalDate day(Entry e) {
        return LocalDate.ofInstant(e.instant(), ZoneOffset.UTC);
    }

    /** The entry whose later date is wrong by what this one says; empty if it says nothing. */
    public static Optional<Long> behind(Entry e) {
        return e.body().fields().containsKey(MARK)
                ? Optional.of(Json.number(e.body(), MARK))
                : Optional.empty();
    }

    /** Whether an entry says of the one before that its date is wrong. */
    static boolean isMarked(Entry e, Entry before) {
        return behind(e).filter(b -> b == before.seq()).isPresent();
    }
}
