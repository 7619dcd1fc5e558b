package org.diffusionsoup.data.artwork;

import com.github.weisj.jsvg.SVGDocument;
import com.github.weisj.jsvg.parser.DocumentLimits;
import com.github.weisj.jsvg.parser.LoaderContext;
import com.github.weisj.jsvg.parser.SVGLoader;
import com.github.weisj.jsvg.renderer.NullPlatformSupport;
import com.github.weisj.jsvg.view.FloatSize;
import com.github.weisj.jsvg.view.ViewBox;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;

/** Draws an SVG four times larger with antialiasing, and averages it down. */
public final class SvgRasterizer {
    private static final int OVERSAMPLING = 4;

    /** Side of the picture in which a drawing is looked for. */
    private static final int LOOK = 1024;

    private static final double ROOM = 0.85;
    private static final double CLOSE = 0.98;
    private static final int VISIBLE_ALPHA = 16;

    private static final DocumentLimits LIMITS =
            new DocumentLimits(
                    DocumentLimits.DEFAULT_MAX_NESTING_DEPTH,
                    DocumentLimits.DEFAULT_MAX_USE_NESTING_DEPTH,
                    20_000);

    /**
     * Tags of an element that the renderer does not know and leaves out. Illustrator puts whole
     * drawings into it, beside data of its own that no renderer draws; as a group they are drawn.
     */
    private static final Pattern SWITCH = Pattern.compile("<(/?)switch([\\s>])");

    private SvgRasterizer() {}

    /**
     * Draws the whole page on white.
     *
     * @param svg the whole document
     * @param size side of the square picture in pixels
     * @param margin white border on every side in pixels of the result; negative crops the
     *     drawing's own border, but only where that cuts nothing off
     * @param what how to name the drawing in an error
     * @throws SoupException if it is no SVG
     */
    public static RgbImage draw(String svg, int size, double margin, String what) {
        SVGDocument document = load(svg, what);
        RgbImage image = draw(document, size, margin);
        return margin < 0 && !borderIsWhite(image) ? draw(document, size, 0) : image;
    }

    /**
     * Draws without a background, trimmed: the drawing's bounding box is scaled so that its longer
     * side is the picture's side, and centred.
     *
     * @param svg the whole document
     * @param side of the square picture in pixels
     * @param what how to name the drawing in an error
     * @return {@code side * side} pixels {@code 0xAARRGGBB} with straight alpha
     * @throws SoupException if it is no SVG, or nothing of it is visible
     */
    public static int[] drawTrimmed(String svg, int side, String what) {
        SVGDocument document = load(svg, what);
        Rectangle2D.Double found = box(document, LOOK, page(document, LOOK), 1, what);
        // What is thin shows only when it is large: look again with room around what was found.
        for (double share : new double[] {ROOM, CLOSE}) {
            Rectangle2D.Double nearer = enlarged(document, found, LOOK, share);
            found = box(document, LOOK, nearer, VISIBLE_ALPHA, what);
        }
        int large = side * OVERSAMPLING;
        return averaged(render(document, large, enlarged(document, found, large, 1)), side);
    }

    /** Where the page must be drawn so that a box, in pages, fills that share of a square. */
    private static Rectangle2D.Double enlarged(
            SVGDocument document, Rectangle2D.Double box, int side, double share) {
        Rectangle2D.Double whole = page(document, 1);
        double longer = Math.max(box.width * whole.width, box.height * whole.height);
        double width = whole.width * side * share / longer;
        double height = whole.height * side * share / longer;
        return new Rectangle2D.Double(
                side / 2.0 - box.getCenterX() * width,
                side / 2.0 - box.getCenterY() * height,
                width,
                height);
    }

    /** The box around what is visible when the page is drawn there; its unit is the page. */
    private static Rectangle2D.Double box(
            SVGDocument document, int side, Rectangle2D.Double page, int alpha, String what) {
        Rectangle box = visible(render(document, side, page), alpha);
        if (box.isEmpty()) {
            throw new SoupException("nothing of " + what + " is visible");
        }
        return new Rectangle2D.Double(
                (box.x - page.x) / page.width,
                (box.y - page.y) / page.height,
                box.width / page.width,
                box.height / page.height);
    }

    private static SVGDocument load(String svg, String what) {
        byte[] bytes = SWITCH.matcher(svg).replaceAll("<$1g$2").getBytes(StandardCharsets.UTF_8);
        SVGDocument document =
                new SVGLoader()
                        .load(
                                new ByteArrayInputStream(bytes),
                                null,
                                LoaderContext.builder().documentLimits(LIMITS).build());
        if (document == null) {
            throw new SoupException(what + " is not an SVG that can be drawn");
        }
        return document;
    }

    private static RgbImage draw(SVGDocument document, int size, double margin) {
        int large = size * OVERSAMPLING;
        Rectangle2D.Double page = page(document, (size - 2 * margin) * OVERSAMPLING);
        page.x += margin * OVERSAMPLING;
        page.y += margin * OVERSAMPLING;
        return RgbImage.onWhite(render(document, large, page)).resized(size, size);
    }

    /** The page in the middle of a square of that side, as large as fits. */
    private static Rectangle2D.Double page(SVGDocument document, double side) {
        FloatSize natural = document.size();
        double scale = side / Math.max(natural.width, natural.height);
        double width = natural.width * scale;
        double height = natural.height * scale;
        return new Rectangle2D.Double((side - width) / 2, (side - height) / 2, width, height);
    }

    private static BufferedImage render(SVGDocument document, int side, Rectangle2D.Double page) {
        BufferedImage canvas = new BufferedImage(side, side, BufferedImage.TYPE_INT_ARGB);
        Graphics2D graphics = canvas.createGraphics();
        graphics.setRenderingHint(
                RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(
                RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        document.renderWithPlatform(
                NullPlatformSupport.INSTANCE,
                graphics,
                new ViewBox(
                        (float) page.x, (float) page.y, (float) page.width, (float) page.height));
        graphics.dispose();
        return canvas;
    }

    /** The smallest box around all pixels of at least that alpha. */
    private static Rectangle visible(BufferedImage image, int alpha) {
        int width = image.getWidth();
        int height = image.getHeight();
        int[] argb = image.getRGB(0, 0, width, height, null, 0, width);
        int left = width;
        int right = -1;
        int top = height;
        int bottom = -1;
        for (int i = 0; i < argb.length; i++) {
            if (argb[i] >>> 24 >= alpha) {
                left = Math.min(left, i % width);
                right = Math.max(right, i % width);
                top = Math.min(top, i / width);
                bottom = i / width;
            }
        }
        return new Rectangle(left, top, right - left + 1, bottom - top + 1);
    }

    /** Each pixel is the mean of those under it; colours count as much as they are opaque. */
    private static int[] averaged(BufferedImage image, int side) {
        int step = image.getWidth() / side;
        int[] argb = new int[side * side];
        for (int i = 0; i < argb.length; i++) {
            long alpha = 0;
            long[] colour = new long[3];
            for (int y = 0; y < step; y++) {
                for (int x = 0; x < step; x++) {
                    int pixel = image.getRGB(i % side * step + x, i / side * step + y);
                    int a = pixel >>> 24;
                    alpha += a;
                    for (int c = 0; c < 3; c++) {
                        colour[c] += (long) a * (pixel >> 16 - 8 * c & 0xff);
                    }
                }
            }
            int a = (int) ((alpha + step * step / 2) / (step * step));
            if (a > 0) {
                argb[i] = a << 24;
                for (int c = 0; c < 3; c++) {
                    argb[i] |= (int) ((colour[c] + alpha / 2) / alpha) << 16 - 8 * c;
                }
            }
        }
        return argb;
    }

    private static boolean borderIsWhite(RgbImage image) {
        int last = image.width() - 1;
        for (int i = 0; i <= last; i++) {
            for (int c = 0; c < 3; c++) {
                int darkest =
                        Math.min(
                                Math.min(image.channel(i, 0, c), image.channel(i, last, c)),
                                Math.min(image.channel(0, i, c), image.channel(last, i, c)));
                if (darkest < 255) {
                    return false;
                }
            }
        }
        return true;
    }
}
