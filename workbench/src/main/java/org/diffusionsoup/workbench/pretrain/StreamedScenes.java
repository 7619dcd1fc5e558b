package org.diffusionsoup.workbench.pretrain;

import java.util.List;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.diffusion.train.PictureSet;

/** Scenes as a base is trained on them. */
final class StreamedScenes {
    private StreamedScenes() {}

    /** The pictures of some scenes, of which there is at least one. */
    static PictureSet pictures(List<SceneStream.Row> rows) {
        byte[][] pixels = rows.stream().map(r -> r.image().pixels()).toArray(byte[][]::new);
        int side = rows.getFirst().image().width();
        return new PictureSet(pixels, side, side);
    }
}
