package org.diffusionsoup.registry.store;

import java.util.Optional;

/**
 * A checkpoint that was read, hashed and written to the store's disk, but is in the store only once
 * it is kept: what is refused after a look at its weights leaves nothing there. To be closed while
 * the session is held that it was staged in.
 */
public final class Staged implements AutoCloseable {
    private final Manifests manifests;
    private final Objects.Batch batch;
    private final Manifest manifest;

    Staged(Manifests manifests, Objects.Batch batch, Manifest manifest) {
        this.manifests = manifests;
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

    /** The store's manifests with this one's, to read until this is closed. */
    Manifests manifestsWithIt() {
        return new Manifests(manifests.layout(), Optional.of(manifest));
    }

    /** The store's objects with those of this, to read until this is closed. */
    Objects objectsWithIt() {
        return new Objects(manifests.layout().folder(), batch);
    }

    /** Puts it into the store, or finds it there; a second call changes nothing. */
    public void keep() {
        batch.commit();
        manifests.write(manifest);
    }

    /** Deletes what was written, unless it was kept. */
    @Override
    public void close() {
        batch.close();
    }
}
