package org.diffusionsoup.workbench.judges;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/** A toy world: coloured squares and discs on white, in two styles, with groups to match. */
public final class Drawings {
    private static final int SIDE = 32;
    private static final int[][] RGB = {
        {220, 30, 30}, {40, 160, 60}, {40, 80, 220}, {240, 210, 40}, {120, 60, 170}, {20, 20, 20}
    };
    private static final String[] WORDS = {"red", "green", "blue", "yellow", "purple", "black"};

    private Drawings() {}

    /** One picture: a square or a disc of a colour; style two has a grey bar below it. */
    public static RgbImage image(int colour, boolean disc, boolean bar) {
        byte[] p = new byte[3 * SIDE * SIDE];
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                double dx = x - 15.5;
                double dy = y - 14.5;
                boolean in = disc ? dx * dx + dy * dy < 100 : Math.abs(dx) < 9 && Math.abs(dy) < 9;
                boolean grey = bar && y > 26 && y < 30 && x > 3 && x < 28;
                for (int c = 0; c < 3; c++) {
                    p[3 * (y * SIDE + x) + c] = (byte) (in ? RGB[colour][c] : grey ? 128 : 255);
                }
            }
        }
        return new RgbImage(SIDE, SIDE, p);
    }

    /** 24 rows: six colours, two shapes, two styles; every fifth subject held out. */
    public static Shard shard(Path folder) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            int colour = i % 6;
            boolean disc = i / 6 % 2 == 1;
            String style = i < 12 ? "plain" : "barred";
            String name = WORDS[colour] + (disc ? " disc" : " square");
            byte[] png = PngCodec.encode(image(colour, disc, i >= 12));
            samples.add(
                    new Sample(
                            new SampleInfo(
                                    style + "_" + name.replace(' ', '-'),
                                    style + " " + name + ", shape, flat",
                                    name,
                                    style,
                                    name,
                                    style,
                                    "CC0-1.0",
                                    disc ? "animals-nature" : "symbols",
                                    disc ? "animal-mammal" : "geometric",
                                    "other",
                                    i % 12 % 5 == 4 ? "heldout" : "train",
                                    Hashes.sha256Hex(png)),
                            png));
        }
        Path tar = folder.resolve("drawings.tar");
        ShardWriter.write(tar, samples);
        return Shard.open(tar);
    }
}
