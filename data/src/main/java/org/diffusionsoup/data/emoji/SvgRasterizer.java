package org.diffusionsoup.data.emoji;

import com.github.weisj.jsvg.SVGDocument;
import com.github.weisj.jsvg.parser.LoaderContext;
import com.github.weisj.jsvg.parser.SVGLoader;
import com.github.weisj.jsvg.renderer.NullPlatformSupport;
import com.github.weisj.jsvg.view.FloatSize;
import com.github.weisj.jsvg.view.ViewBox;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.RgbImage;

/** Draws an SVG on white: four times larger with antialiasing, then averaged down. */
final class SvgRasterizer {
    private static final int OVERSAMPLING = 4;

    private SvgRasterizer() {}

    /**
     * @param svg the whole document
     * @param size side of the square picture in pixels
     * @param margin white border on every side in pixels of the result; negative crops the
     *     drawing's own border, but only where that cuts nothing off
     * @param what how to name the drawing in an error
     */
    static RgbImage draw(String svg, int size, double margin, String what) {
        SVGDocument document =
                new SVGLoader()
                        .load(
                                new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)),
                                null,
                                LoaderContext.createDefault());
        if (document == null) {
            throw new SoupException(what + " is not an SVG that can be drawn");
        }
        RgbImage image = draw(document, size, margin);
        return margin < 0 && !borderIsWhite(image) ? draw(document, size, 0) : image;
    }

    private static RgbImage draw(SVGDocument document, int size, double margin) {
        int large = size * OVERSAMPLING;
        BufferedImage canvas = new BufferedImage(large, large, BufferedImage.TYPE_INT_ARGB);
        Graphics2D graphics = canvas.createGraphics();
        graphics.setRenderingHint(
                RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(
                RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        FloatSize natural = document.size();
        double room = (size - 2 * margin) * OVERSAMPLING;
        double scale = room / Math.max(natural.width, natural.height);
        double width = natural.width * scale;
        double height = natural.height * scale;
        document.renderWithPlatform(
                NullPlatformSupport.INSTANCE,
                graphics,
                new ViewBox(
                        (float) ((large - width) / 2),
                        (float) ((large - height) / 2),
                        (float) width,
                        (float) height));
        graphics.dispose();
        return RgbImage.onWhite(canvas).resized(size, size);
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
