package org.diffusionsoup.registry.store;

/**
 * A checkpoint that was read, hashed and written to the store's disk, but is in the store only once
 * it is kept: what is refused after a look at its weights leaves nothing there. To be closed while
 * the {@link WeightStore.Session} is held that it was staged in.
 */
public final class Staged implements AutoCloseable {
    private final WeightStore store;
    private final Objects.Batch batch;
    private final Manifest manifest;

    Staged(WeightStore store, Objects.Batch batch, Manifest manifest) {
        this.store = store;
        this.batch = batch;
        this.manifest = manifest;
    }

    /** Its id, as it will be in the store. */
    public String id() {
        return manifest.id();
    }

    /** What it consists of. */
    public Manifest manifest() {
        return manifest;
    }

    /** The store as it would be with this in it, to read from until this is closed. */
    public WeightStore view() {
        return store.with(batch, manifest);
    }

    /** Puts it into the store, or finds it there; a second call changes nothing. */
    public void keep() {
        batch.commit();
        store.write(manifest);
    }

    /** Deletes what was written, unless it was kept. */
    @Override
    public void close() {
        batch.close();
    }
}
