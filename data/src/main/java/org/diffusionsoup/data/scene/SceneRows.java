package org.diffusionsoup.data.scene;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Split;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/**
 * Finite shards of scenes: rows with picture, caption and the truth. The same drawings, tier and
 * seed give the same bytes.
 *
 * <p>The truth of a row is the JSON object {@code scene} of its file: {@code tier}; {@code groups}
 * with {@code subject}, {@code count} and, where one was given, {@code colour}; {@code arrangement}
 * and {@code background} in words; {@code style}; {@code artists}; {@code boxes}, one {@code [left,
 * top, right, bottom]} per thing as shares of the side; {@code new}, the pairs that training must
 * not see, empty in rows for training.
 */
public final class SceneRows {
    private static final String STAGE = "make scenes";

    private final SceneMaker maker;
    private final Map<String, Drawing> drawings = new HashMap<>();
    private final Tier tier;
    private final long seed;

    /**
     * @param all the drawings
     * @param wanted which of them the shard may hold
     * @param tier what becomes of pictures and captions
     * @param seed of the shard
     * @throws org.diffusionsoup.core.SoupException if no drawing is wanted
     */
    public SceneRows(Drawings all, Predicate<Drawing> wanted, Tier tier, long seed) {
        this.maker = new SceneMaker(all, wanted);
        all.all().forEach(d -> drawings.put(d.key(), d));
        this.tier = tier;
        this.seed = seed;
    }

    /**
     * Makes the rows.
     *
     * @param train rows of combinations that training may see
     * @param heldOut rows of combinations that it may not; never damaged and always captioned
     *     whole, as they are what models are asked for
     * @param listener told of every row
     */
    public List<Sample> rows(int train, int heldOut, ProgressListener listener) {
        List<Sample> rows = new ArrayList<>();
        long all = (long) train + heldOut;
        for (int i = 0; i < train; i++) {
            long own = Seeds.mix(seed ^ Seeds.mix(i));
            Scene scene = maker.known(own);
            rows.add(
                    row(
                            "t%05d".formatted(i),
                            scene,
                            tier,
                            tier.caption(scene, () -> maker.known(Seeds.mix(own)), own),
                            tier.render(maker, scene, own),
                            Split.TRAIN));
            listener.progress(STAGE, rows.size(), all);
        }
        for (int i = 0; i < heldOut; i++) {
            Scene scene = maker.heldOut(Seeds.mix(~seed ^ Seeds.mix(i)));
            rows.add(
                    row(
                            "v%05d".formatted(i),
                            scene,
                            Tier.CURATED,
                            Captions.whole(scene),
                            maker.render(scene),
                            Split.HELDOUT));
            listener.progress(STAGE, rows.size(), all);
        }
        return rows;
    }

    private Sample row(
            String key, Scene scene, Tier of, String caption, RgbImage image, Split split) {
        byte[] png = PngCodec.encode(image);
        Subject first = scene.groups().getFirst().subject();
        String licences =
                scene.items().stream()
                        .map(i -> drawing(i).licence())
                        .distinct()
                        .sorted()
                        .collect(Collectors.joining(" AND "));
        return new Sample(
                new SampleInfo(
                        key,
                        caption,
                        "",
                        scene.style(),
                        scene.groups().stream()
                                .map(g -> g.subject().name())
                                .collect(Collectors.joining(" + ")),
                        scene.provider(),
                        licences,
                        of.name().toLowerCase(Locale.ROOT),
                        "",
                        first.domain(),
                        split.word(),
                        Hashes.sha256Hex(png),
                        truth(scene, of)),
                png);
    }

    private Drawing drawing(Scene.Item item) {
        Drawing drawing = drawings.get(item.drawing());
        if (drawing == null) {
            throw new IllegalStateException("there is no drawing " + item.drawing());
        }
        return drawing;
    }

    private String truth(Scene scene, Tier of) {
        ObjectNode node = JsonMappers.PLAIN.createObjectNode();
        node.put("tier", of.name().toLowerCase(Locale.ROOT));
        ArrayNode groups = node.putArray("groups");
        for (Scene.Group g : scene.groups()) {
            ObjectNode group = groups.addObject();
            group.put("subject", g.subject().name());
            group.put("count", g.count());
            g.colour().ifPresent(c -> group.put("colour", c.word()));
        }
        node.put("arrangement", scene.arrangement().words());
        node.putObject("background")
                .put("kind", scene.background().kind().name().toLowerCase(Locale.ROOT))
                .put("colour", scene.background().colour().word());
        node.put("style", scene.style());
        TreeSet<String> artists = new TreeSet<>();
        ArrayNode boxes = node.putArray("boxes");
        for (Scene.Item i : scene.items()) {
            artists.add(drawing(i).artist());
            ArrayNode box = boxes.addArray();
            box.add(share(i.cx() - i.size() / 2)).add(share(i.cy() - i.size() / 2));
            box.add(share(i.cx() + i.size() / 2)).add(share(i.cy() + i.size() / 2));
        }
        ArrayNode names = node.putArray("artists");
        artists.forEach(names::add);
        ArrayNode unseen = node.putArray("new");
        Combinations.heldOut(scene).forEach(unseen::add);
        return node.toString();
    }

    /** In the picture, to three digits. */
    private static double share(float at) {
        return Math.round(1000 * Math.clamp(at, 0, 1)) / 1000.0;
    }
}
