package org.diffusionsoup.workbench.pretrain;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.diffusion.train.PictureSet;

/**
 * An endless stream of scenes, cut into pools that are made when training comes to them. A pool is
 * used for several epochs, because making it costs time; what a run sees depends on the stream
 * alone, so that a resumed run sees the same.
 */
final class StreamedScenes {
    private final SceneStream stream;
    private final int size;
    private final int epochs;

    /**
     * @param size scenes in a pool
     * @param epochs how often every scene of a pool is used before the next pool
     */
    StreamedScenes(SceneStream stream, int size, int epochs) {
        this.stream = stream;
        this.size = size;
        this.epochs = epochs;
    }

    /** Scenes in a pool. */
    int size() {
        return size;
    }

    /** Which pool a batch belongs to; a pool must be a whole number of batches. */
    long poolOf(long batch, int batchSize) {
        if (size % batchSize != 0) {
            throw new IllegalArgumentException(
                    "a pool of " + size + " is no whole number of batches of " + batchSize);
        }
        return batch * batchSize / ((long) size * epochs);
    }

    /**
     * The scenes of a pool.
     *
     * @param pictures their pixels
     * @param captions one of each
     */
    record Pool(PictureSet pictures, List<String> captions) {}

    Pool pool(long number) {
        byte[][] pixels = new byte[size][];
        List<String> captions = new ArrayList<>();
        int side = 0;
        for (int i = 0; i < size; i++) {
            SceneStream.Row row = stream.get(number * size + i);
            pixels[i] = row.image().pixels();
            side = row.image().width();
            captions.add(row.caption());
        }
        return new Pool(new PictureSet(pixels, side, side), captions);
    }
}
