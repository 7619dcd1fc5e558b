package org.diffusionsoup.data.scene;

import org.diffusionsoup.image.RgbImage;

/** A square picture in floats, channel values 0 to 255, rows of RGB. */
final class Canvas {
    private final int side;
    private final float[] rgb;

    Canvas(int side) {
        this.side = side;
        this.rgb = new float[3 * side * side];
    }

    /** A colour for every place. */
    interface Paint {
        /**
         * @param x centre of the pixel, 0 (left) to 1
         * @param y likewise from the top
         * @param out where the colour goes
         */
        void at(float x, float y, float[] out);
    }

    int side() {
        return side;
    }

    /** The values themselves, to be changed in place. */
    float[] rgb() {
        return rgb;
    }

    void fill(Paint paint) {
        float[] out = new float[3];
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                paint.at((x + 0.5f) / side, (y + 0.5f) / side, out);
                System.arraycopy(out, 0, rgb, 3 * (y * side + x), 3);
            }
        }
    }

    /** Lays a colour over one pixel. */
    void blend(int x, int y, float r, float g, float b, float alpha) {
        if (x < 0 || y < 0 || x >= side || y >= side) {
            return;
        }
        int at = 3 * (y * side + x);
        rgb[at] += alpha * (r - rgb[at]);
        rgb[at + 1] += alpha * (g - rgb[at + 1]);
        rgb[at + 2] += alpha * (b - rgb[at + 2]);
    }

    RgbImage toImage() {
        byte[] pixels = new byte[rgb.length];
        for (int i = 0; i < rgb.length; i++) {
            pixels[i] = (byte) Math.clamp(Math.round(rgb[i]), 0, 255);
        }
        return new RgbImage(side, side, pixels);
    }

    void set(RgbImage image) {
        byte[] pixels = image.pixels();
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = pixels[i] & 0xff;
        }
    }
}
