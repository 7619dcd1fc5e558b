package org.diffusionsoup.image;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.WritableRaster;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadata;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * The screen of a GIF, on which its first frame may take only a part. PIL's picture is the screen;
 * the JDK's is the frame.
 */
final class GifCanvas {
    private static final String SCREEN = "LogicalScreenDescriptor";
    private static final String FRAME = "ImageDescriptor";

    private GifCanvas() {}

    /**
     * The size of a picture of any format; of a GIF, of its screen, or what of it a frame needs.
     */
    static PictureSize size(ImageReader reader) throws IOException {
        int width = reader.getWidth(0);
        int height = reader.getHeight(0);
        if (!isGif(reader)) {
            return new PictureSize(width, height);
        }
        return new PictureSize(
                Math.max(
                        of(reader.getStreamMetadata(), SCREEN, "logicalScreenWidth"),
                        left(reader) + width),
                Math.max(
                        of(reader.getStreamMetadata(), SCREEN, "logicalScreenHeight"),
                        top(reader) + height));
    }

    /**
     * A GIF's first frame on its screen, which is transparent around it if the frame has a
     * transparent colour, and of its first colour otherwise; any other picture as it is.
     */
    static BufferedImage filled(ImageReader reader, BufferedImage frame) throws IOException {
        PictureSize size = size(reader);
        boolean isWhole = size.width() == frame.getWidth() && size.height() == frame.getHeight();
        if (isWhole || !(frame.getColorModel() instanceof IndexColorModel colours)) {
            return frame;
        }
        WritableRaster screen =
                frame.getRaster().createCompatibleWritableRaster(size.width(), size.height());
        int[] row = new int[size.width()];
        Arrays.fill(row, Math.max(0, colours.getTransparentPixel()));
        for (int y = 0; y < size.height(); y++) {
            screen.setPixels(0, y, size.width(), 1, row);
        }
        screen.setRect(left(reader), top(reader), frame.getRaster());
        return new BufferedImage(colours, screen, false, null);
    }

    private static boolean isGif(ImageReader reader) throws IOException {
        return reader.getFormatName().equalsIgnoreCase("gif");
    }

    private static int left(ImageReader reader) throws IOException {
        return of(reader.getImageMetadata(0), FRAME, "imageLeftPosition");
    }

    private static int top(ImageReader reader) throws IOException {
        return of(reader.getImageMetadata(0), FRAME, "imageTopPosition");
    }

    private static int of(IIOMetadata metadata, String node, String attribute) {
        Node tree = metadata.getAsTree(metadata.getNativeMetadataFormatName());
        for (Node n = tree.getFirstChild(); n != null; n = n.getNextSibling()) {
            if (n instanceof Element e && n.getNodeName().equals(node)) {
                return Integer.parseInt(e.getAttribute(attribute));
            }
        }
        return 0;
    }
}
