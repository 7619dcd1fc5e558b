package org.diffusionsoup.data.scene;

import org.diffusionsoup.image.RgbImage;

/**
 * An endless sequence of captioned scenes of one tier, row by row the same for the same seed,
 * whatever is asked for first. All are of combinations that training may see.
 */
public final class SceneStream {
    private final SceneMaker maker;
    private final Tier tier;
    private final long seed;

    /**
     * A row.
     *
     * @param scene the truth
     * @param caption what the tier says of it, which need not be true
     * @param image what the tier made of it
     */
    public record Row(Scene scene, String caption, RgbImage image) {}

    /**
     * @param maker of scenes, from the drawings of this stream
     * @param seed of the whole stream
     */
    public SceneStream(SceneMaker maker, Tier tier, long seed) {
        this.maker = maker;
        this.tier = tier;
        this.seed = seed;
    }

    /** Row {@code index} of the sequence. */
    public Row get(long index) {
        long own = seedOf(index);
        Scene scene = maker.known(own);
        return new Row(scene, caption(scene, own), tier.render(maker, scene, own));
    }

    /** The caption of row {@code index}, without drawing the picture. */
    public String caption(long index) {
        long own = seedOf(index);
        return caption(maker.known(own), own);
    }

    private long seedOf(long index) {
        return Seeds.mix(seed ^ Seeds.mix(index));
    }

    private String caption(Scene scene, long own) {
        return tier.caption(scene, () -> maker.known(Seeds.mix(own)), own);
    }
}
