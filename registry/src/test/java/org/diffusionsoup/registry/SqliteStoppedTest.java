package org.diffusionsoup.registry;

import java.util.Optional;

/** Commands that were stopped, on SQLite. */
class SqliteStoppedTest extends StoppedContract {
    @Override
    Optional<String> freshDatabase() {
        return Optional.empty();
    }
}
