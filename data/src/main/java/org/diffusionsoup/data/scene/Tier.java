package org.diffusionsoup.data.scene;

import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;

/**
 * How good the pictures and captions of a collection are: from what a crawl brings to what a
 * curator keeps, with five aesthetic grades between them as in the paper's Table 2.
 */
public enum Tier {
    /**
     * A crawl: as many good pictures as bad ones, which have one or two damages, crops, a quarter
     * of the captions off. With more damage than this a small model learns grounds and colours and
     * no subject.
     */
    WEB(0.5f, 1, 2, 0.1f, 0.7f, 0.1f, 0.25f),
    /** The worst grade. */
    AE1(0, 1, 2, 0.6f, 1, 0.15f, 0),
    AE2(0, 1, 1, 0.5f, 0.8f, 0.1f, 0),
    AE3(0, 1, 1, 0.25f, 0.5f, 0, 0),
    AE4(0, 0, 1, 0.1f, 0.3f, 0, 0),
    /** The best grade: untouched. */
    AE5(0, 0, 0, 0, 0, 0, 0),
    /** What a curator keeps: untouched, captions whole. */
    CURATED(0, 0, 0, 0, 0, 0, 0);

    private final float untouched;
    private final int least;
    private final int most;
    private final float weakest;
    private final float strongest;
    private final float crops;
    private final float captionsOff;

    Tier(
            float untouched,
            int least,
            int most,
            float weakest,
            float strongest,
            float crops,
            float captionsOff) {
        this.untouched = untouched;
        this.least = least;
        this.most = most;
        this.weakest = weakest;
        this.strongest = strongest;
        this.crops = crops;
        this.captionsOff = captionsOff;
    }

    /**
     * The scene's picture as this tier has it.
     *
     * @param seed of the damage; the same seed gives the same picture
     */
    public RgbImage render(SceneMaker maker, Scene scene, long seed) {
        RandomGenerator random = Seeds.random(seed, 2);
        Canvas canvas;
        if (random.nextFloat() < crops) {
            canvas =
                    maker.canvas(
                            scene,
                            0.5f * random.nextFloat() - 0.25f,
                            0.5f * random.nextFloat() - 0.25f,
                            1 + 0.5f * random.nextFloat());
        } else {
            canvas = maker.canvas(scene, 0, 0, 1);
        }
        damage(canvas, random);
        return canvas.toImage();
    }

    /**
     * A finished picture as this tier has it: damaged like a scene, never cropped.
     *
     * @param picture square
     * @param ground whether its white surroundings become a ground of another colour first
     * @param seed of the damage; the same seed gives the same picture
     * @throws SoupException if it is not square
     */
    public RgbImage damage(RgbImage picture, boolean ground, long seed) {
        if (picture.width() != picture.height()) {
            throw new SoupException(
                    "only square pictures are damaged, and one is %d×%d"
                            .formatted(picture.width(), picture.height()));
        }
        Canvas canvas = new Canvas(picture.width());
        if (ground) {
            Cutout.ground(Seeds.random(seed, 4)).paint(canvas);
            Cutout.lay(picture, canvas);
        } else {
            canvas.set(picture);
        }
        damage(canvas, Seeds.random(seed, 2));
        return canvas.toImage();
    }

    private void damage(Canvas canvas, RandomGenerator random) {
        boolean good = untouched > 0 && random.nextFloat() < untouched;
        int damages = good ? 0 : least + random.nextInt(most - least + 1);
        for (int i = 0; i < damages; i++) {
            Damage damage = Damage.values()[random.nextInt(Damage.values().length)];
            float strength = weakest + (strongest - weakest) * random.nextFloat();
            damage.apply(canvas, strength, random);
        }
    }

    /**
     * The scene's caption as this tier has it: of those that are off, four in five leave things out
     * and one in five belongs to another picture.
     *
     * @param other a scene whose caption may be taken instead, asked for only then
     * @param seed of the wording
     */
    public String caption(Scene scene, Supplier<Scene> other, long seed) {
        RandomGenerator random = Seeds.random(seed, 3);
        if (random.nextFloat() >= captionsOff) {
            return Captions.any(scene, random);
        }
        if (random.nextFloat() < 0.8f) {
            return Captions.partial(scene, random);
        }
        return Captions.any(other.get(), random);
    }
}
