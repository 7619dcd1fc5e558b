package org.diffusionsoup.data.scene;

/** Which drawings go where: what the web has, and what only curators bring. */
public final class Worlds {
    /** The provider that no web scene is made of, so that its shards have a style to teach. */
    public static final String CURATED_ONLY = "fluent";

    private Worlds() {}

    /** Whether a drawing may be seen by training at all: its subject is not held out. */
    public static boolean known(Drawing drawing) {
        return Subjects.all().stream()
                .noneMatch(s -> s.heldOut() && s.name().equals(drawing.subject()));
    }

    /**
     * Whether a drawing lies about on the web: every provider's but {@link #CURATED_ONLY}'s, and of
     * OpenClipart's those of half the artists, chosen by a hash of their names.
     */
    public static boolean onTheWeb(Drawing drawing) {
        if (drawing.provider().equals(CURATED_ONLY) || !known(drawing)) {
            return false;
        }
        return !drawing.provider().equals("openclipart")
                || Seeds.bucket("scene-artists-1: " + drawing.artist(), 2) == 0;
    }

    /** The endless stream that a base is pretrained on. */
    public static SceneStream web(Drawings drawings, long seed) {
        return new SceneStream(new SceneMaker(drawings, Worlds::onTheWeb), Tier.WEB, seed);
    }
}
