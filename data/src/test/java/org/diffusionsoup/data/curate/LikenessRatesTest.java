package org.diffusionsoup.data.curate;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import org.diffusionsoup.core.io.HashIndex;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.scene.Drawing;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.Test;

/**
 * How often the measure of near-duplicates is wrong at its default thresholds, without embeddings:
 * docs/curation.md has the figures of all rows ({@code -Dsoup.rates.step=1}), which are printed.
 */
class LikenessRatesTest {
    private static final int STEP = Integer.getInteger("soup.rates.step", 40);
    private static final NearDuplicates.Options MEASURE = NearDuplicates.Options.DEFAULT;

    private record Seen(String what, long hash, Thumbnail colours) {
        static Seen of(String what, RgbImage image) {
            return new Seen(what, PerceptualHash.of(image), Thumbnail.of(image));
        }

        boolean isLike(Seen other) {
            return !PerceptualHash.isPlain(hash)
                    && !PerceptualHash.isPlain(other.hash)
                    && MEASURE.areNear(
                            PerceptualHash.distance(hash, other.hash), colours, other.colours);
        }
    }

    private static final Path SHARDS = Path.of("..", "shards");

    /** Every so many pictures of the emoji, or of the drawings that scenes are made of. */
    private static List<RgbImage> rows(String dataset) {
        List<RgbImage> rows = new ArrayList<>();
        if (dataset.equals("emoji")) {
            Shard all = ShardRef.parse(SHARDS.resolve(dataset).toString()).open();
            for (int i = 0; i < all.size(); i += STEP) {
                rows.add(all.get(i).image());
            }
            return rows;
        }
        List<Drawing> all = Drawings.load(SHARDS.resolve(dataset)).all();
        for (int i = 0; i < all.size(); i += Math.min(STEP, 5)) {
            rows.add(all.get(i).image().over(0xffffff));
        }
        return rows;
    }

    @Test
    void copiesAreFound() throws IOException {
        Map<String, UnaryOperator<RgbImage>> alterations = new LinkedHashMap<>();
        for (int quality : new int[] {90, 70, 50}) {
            alterations.put("JPEG, quality " + quality, i -> jpeg(i, quality / 100f));
        }
        alterations.put("3/4 of the size", i -> scaled(i, 0.75));
        alterations.put("5/8 of the size", i -> scaled(i, 0.625));
        alterations.put("twice the size", i -> scaled(i, 2));
        alterations.put("3/4 of the size, JPEG 70", i -> jpeg(scaled(i, 0.75), 0.7f));
        alterations.put("brightness x 0.9", i -> times(i, 0.9));
        alterations.put("1/64 cut off each side", i -> cropped(i, 1 / 64.0));
        alterations.put("1/32 cut off each side", i -> cropped(i, 1 / 32.0));
        Map<String, Double> found = new LinkedHashMap<>();
        for (String dataset : List.of("emoji", "drawings")) {
            List<RgbImage> rows = rows(dataset);
            alterations.forEach((name, alter) -> {
                int n = 0;
                for (RgbImage row : rows) {
                    n += Seen.of("", row).isLike(Seen.of("", alter.apply(row))) ? 1 : 0;
                }
                double rate = n / (double) rows.size();
                System.out.printf(
                        "missed of %d of %s, %s: %.4f%n", rows.size(), dataset, name, 1 - rate);
                found.put(dataset + ", " + name, rate);
            });
        }
        found.forEach((name, rate) -> {
            boolean cut = name.contains("cut off");
            assertThat(cut ? 1 : rate).as(name).isGreaterThanOrEqualTo(0.95);
        });
    }

    @Test
    void differentDrawingsAreNotTakenForCopies() {
        for (String dataset : List.of("emoji", "drawings")) {
            List<Seen> seen = new ArrayList<>();
            rows(dataset).forEach(r -> seen.add(Seen.of("", r)));
            long pairs = (long) seen.size() * (seen.size() - 1) / 2;
            long like = like(seen);
            System.out.printf(
                    "alike of %d pairs of different files of %s: %d (%.2e)%n",
                    pairs, dataset, like, like / (double) pairs);
            assertThat(like / (double) pairs).isLessThan(1e-4);
        }
    }

    @Test
    void plainShapesAreNotTakenForCopies() {
        List<Seen> shapes = shapes();
        long like = like(shapes);
        System.out.printf(
                "alike of %d pairs of %d plain shapes: %d%n",
                (long) shapes.size() * (shapes.size() - 1) / 2, shapes.size(), like);
        assertThat(like).isZero();
    }

    private static long like(List<Seen> seen) {
        long[] hashes = seen.stream().mapToLong(Seen::hash).toArray();
        long[] like = {0};
        new HashIndex(hashes)
                .pairs(
                        MEASURE.maxBits(),
                        (i, j, bits) -> {
                            if (seen.get(i).isLike(seen.get(j))) {
                                System.out.println(
                                        "alike: " + seen.get(i).what() + " " + seen.get(j).what());
                                like[0]++;
                            }
                        });
        return like[0];
    }

    /** Flat colours, and shapes in eight colours on three grounds, each size a quarter larger. */
    private static List<Seen> shapes() {
        Color[] colours = {
            Color.RED,
            Color.GREEN,
            Color.BLUE,
            Color.YELLOW,
            Color.MAGENTA,
            Color.CYAN,
            Color.BLACK,
            Color.GRAY
        };
        Color[] grounds = {Color.WHITE, Color.LIGHT_GRAY, new Color(32, 32, 64)};
        List<Seen> seen = new ArrayList<>();
        for (int grey = 0; grey < 256; grey += 5) {
            seen.add(flat(new Color(grey, grey, grey)));
        }
        for (Color c : colours) {
            seen.add(flat(c));
        }
        for (Color ground : grounds) {
            for (Color c : colours) {
                for (double size : new double[] {0.25, 0.31, 0.39, 0.49, 0.61, 0.76, 0.95}) {
                    String what = c + " on " + ground + ", " + size;
                    double a = 64 * (1 - size) / 2;
                    double s = 64 * size;
                    seen.add(drawn("circle " + what, ground, c, new Ellipse2D.Double(a, a, s, s)));
                    seen.add(
                            drawn("square " + what, ground, c, new Rectangle2D.Double(a, a, s, s)));
                    Path2D triangle = new Path2D.Double();
                    triangle.moveTo(32, a);
                    triangle.lineTo(a + s, a + s);
                    triangle.lineTo(a, a + s);
                    triangle.closePath();
                    seen.add(drawn("triangle " + what, ground, c, triangle));
                }
            }
        }
        return seen;
    }

    private static Seen flat(Color c) {
        return drawn("flat " + c, c, c, new Rectangle2D.Double(0, 0, 1, 1));
    }

    private static Seen drawn(String what, Color ground, Color c, java.awt.Shape shape) {
        BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setColor(ground);
        g.fillRect(0, 0, 64, 64);
        g.setColor(c);
        g.fill(shape);
        g.dispose();
        return Seen.of(what, RgbImage.onWhite(image));
    }

    private static RgbImage scaled(RgbImage image, double by) {
        return image.resized(
                (int) Math.round(image.width() * by), (int) Math.round(image.height() * by));
    }

    private static RgbImage times(RgbImage image, double factor) {
        byte[] pixels = image.pixels().clone();
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) Math.round((pixels[i] & 0xff) * factor);
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }

    private static RgbImage cropped(RgbImage image, double share) {
        int x = (int) Math.round(image.width() * share);
        int y = (int) Math.round(image.height() * share);
        return RgbImage.onWhite(
                image.toBufferedImage()
                        .getSubimage(x, y, image.width() - 2 * x, image.height() - 2 * y));
    }

    private static RgbImage jpeg(RgbImage image, float quality) {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ImageWriteParam param = writer.getDefaultWriteParam();
        param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
        param.setCompressionQuality(quality);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (var out = ImageIO.createImageOutputStream(bytes)) {
            writer.setOutput(out);
            writer.write(null, new IIOImage(image.toBufferedImage(), null, null), param);
            out.flush();
            return RgbImage.onWhite(ImageIO.read(new ByteArrayInputStream(bytes.toByteArray())));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } finally {
            writer.dispose();
        }
    }
}
