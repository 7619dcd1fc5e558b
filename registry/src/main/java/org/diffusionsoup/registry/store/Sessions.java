package org.diffusionsoup.registry.store;

import java.nio.file.Path;
import java.util.UUID;

/** Who is at work in a store: shares of its lock, and a folder for each who adds. */
record Sessions(StoreLayout layout) {
    /** A share of the lock with a folder for intermediate files, which goes when it is closed. */
    static final class Open implements AutoCloseable {
        private final StoreLock.Held held;
        private final Path store;
        private final String name;

        private Open(StoreLock.Held held, Path store, String name) {
            this.held = held;
            this.store = store;
            this.name = name;
        }

        Path work() {
            return store.resolve(StoreLayout.WORK).resolve(name);
        }

        @Override
        public void close() {
            try {
                Inside.delete(store, StoreLayout.WORK, name);
            } finally {
                held.close();
            }
        }
    }

    Open open() {
        Path store = layout.folder();
        Trees.make(store);
        StoreLock.Held held = lock().shared();
        boolean done = false;
        try {
            String name = ProcessHandle.current().pid() + "-" + UUID.randomUUID();
            Inside.make(store, StoreLayout.WORK, name);
            Open s = new Open(held, store, name);
            done = true;
            return s;
        } finally {
            if (!done) {
                held.close();
            }
        }
    }

    /** A share for someone who only reads, as far as the store can be locked. */
    StoreLock.Held openToRead() {
        return lock().sharedIfPossible();
    }

    /** The whole lock, once nobody has a share. */
    StoreLock.Held alone() {
        Trees.make(layout.folder());
        return lock().alone();
    }

    private StoreLock lock() {
        return StoreLock.of(layout.lock());
    }
}
