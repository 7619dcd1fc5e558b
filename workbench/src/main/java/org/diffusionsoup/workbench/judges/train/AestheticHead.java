package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * The LAION aesthetic predictor's head (christophschuhmann/improved-aesthetic-predictor) over a
 * CLIP's unit image embeddings: five layers without activations between them, with the same
 * parameter names. Its dropouts are left out.
 */
public final class AestheticHead {
    private static final int[] WIDTHS = {1024, 128, 64, 16, 1};

    /** The numbers between were the dropouts' places. */
    private static final int[] PLACES = {0, 2, 4, 6, 7};

    private final Parameters parameters;
    private final List<Linear> layers = new ArrayList<>();

    /**
     * @param width of the embeddings
     */
    public AestheticHead(int width) {
        Names root = Names.root();
        parameters = root.parameters();
        int in = width;
        for (int i = 0; i < WIDTHS.length; i++) {
            layers.add(new Linear(root.sub("layers", PLACES[i]), in, WIDTHS[i], true));
            in = WIDTHS[i];
        }
        parameters.allocate();
    }

    public Parameters parameters() {
        return parameters;
    }

    /** Scores (N, 1) of unit embeddings (N, width). */
    public Tensor forward(Tensor embeddings) {
        Tensor x = embeddings;
        for (Linear layer : layers) {
            x = layer.forward(x);
        }
        return x;
    }
}
