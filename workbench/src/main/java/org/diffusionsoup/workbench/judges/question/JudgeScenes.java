package org.diffusionsoup.workbench.judges.question;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.diffusionsoup.data.scene.Alterations;
import org.diffusionsoup.data.scene.Captions;
import org.diffusionsoup.data.scene.Combinations;
import org.diffusionsoup.data.scene.Damage;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.Scene;
import org.diffusionsoup.data.scene.SceneMaker;
import org.diffusionsoup.data.scene.SceneTruth;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.data.scene.Worlds;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.image.RgbImage;

/**
 * The scenes that judges are trained and checked on: all providers' drawings, undamaged, of the
 * combinations that training may see or of held-out ones. A quarter each is any scene, one with
 * several things of a kind, one with two kinds, and one with a thing at a side; else most would
 * show a single thing in the middle.
 */
public final class JudgeScenes {
    /**
     * A scene.
     *
     * @param scene where everything is
     * @param truth what can be said of it
     * @param image undamaged
     */
    public record Row(Scene scene, SceneTruth truth, RgbImage image) {}

    private static final List<Predicate<Scene>> SORTS =
            List.of(
                    s -> true,
                    s -> s.groups().getFirst().count() > 1,
                    s -> s.groups().size() == 2,
                    s -> s.groups().size() == 1 && s.arrangement() != Scene.Arrangement.MIDDLE);

    /** Keeps the scenes of checks apart from those that a training of the same seed sees. */
    private static final long CHECKED = 0x5CE7E5;

    private final SceneMaker maker;
    private final String sha256;

    public JudgeScenes(Drawings drawings) {
        maker = new SceneMaker(drawings, Worlds::known);
        sha256 = drawings.sha256();
    }

    /** Of the drawings. */
    public String sha256() {
        return sha256;
    }

    /** Row {@code index} of a seed's endless training sequence. */
    public Row known(long seed, long index) {
        return row(scene(seed, index, s -> Combinations.heldOut(s).isEmpty()));
    }

    /** The truth of {@link #known} without its picture. */
    public SceneTruth knownTruth(long seed, long index) {
        return scene(seed, index, s -> Combinations.heldOut(s).isEmpty()).truth();
    }

    /** Row {@code index} of the sequence of held-out combinations, the same for every check. */
    public Row heldOut(long index) {
        return row(heldOutScene(index));
    }

    /** The truth of {@link #heldOut} without its picture. */
    public SceneTruth heldOutTruth(long index) {
        return heldOutScene(index).truth();
    }

    private Scene heldOutScene(long index) {
        return scene(CHECKED, index, s -> !Combinations.heldOut(s).isEmpty());
    }

    private Scene scene(long seed, long index, Predicate<Scene> split) {
        Predicate<Scene> sort = SORTS.get((int) Math.floorMod(index, (long) SORTS.size()));
        return maker.make(Rng.mix(seed, index), sort.and(split));
    }

    private Row row(Scene scene) {
        return new Row(scene, scene.truth(), maker.render(scene));
    }

    /** The scene as a tier has it, crops and all. */
    public RgbImage tier(Row row, Tier tier, long seed) {
        return tier.render(maker, row.scene(), seed);
    }

    /** A picture damaged in one of the eight ways, of a strength drawn from a range. */
    public static RgbImage damaged(
            RgbImage image, double weakest, double strongest, RandomGenerator r) {
        Damage damage = Damage.values()[r.nextInt(Damage.values().length)];
        float strength = (float) (weakest + (strongest - weakest) * r.nextDouble());
        return damage.of(image, strength, r.nextLong());
    }

    /** The caption of a truth in one of several orders, by a seed. */
    public static String say(SceneTruth truth, long wording) {
        return Captions.any(truth, new SplittableRandom(wording));
    }

    /** One of a list, evenly over the attributes that can be altered, not over alterations. */
    public static SceneTruth altered(List<Alterations.Altered> all, RandomGenerator random) {
        List<Alterations.Attribute> attributes =
                all.stream().map(Alterations.Altered::attribute).distinct().toList();
        Alterations.Attribute one = attributes.get(random.nextInt(attributes.size()));
        List<Alterations.Altered> of = all.stream().filter(a -> a.attribute() == one).toList();
        return of.get(random.nextInt(of.size())).truth();
    }
}
