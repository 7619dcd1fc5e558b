package org.diffusionsoup.data.scene;

import org.jspecify.annotations.Nullable;

/**
 * A drawing ready to be laid into scenes: at three sizes, so that shrinking does not alias, and
 * with what recolouring needs to know about it.
 */
final class Sprite {
    /**
     * Pixels at least this saturated are given the new hue; the rest, outlines and whites, stay.
     */
    private static final float COLOURFUL = 0.18f;

    private final int[] sides;
    private final float[][] levels; // premultiplied RGBA, 0 to 255 and alpha 0 to 1
    private final float[] mean = new float[3];
    private final float colourful;
    private final float saturation;
    private final float value;

    Sprite(ArgbImage image) {
        if (image.width() != image.height()) {
            throw new IllegalArgumentException("a drawing must be square");
        }
        int side = image.width();
        sides = new int[] {side, side / 2, side / 4};
        levels = new float[3][];
        levels[0] = premultiplied(image);
        levels[1] = half(levels[0], side);
        levels[2] = half(levels[1], side / 2);
        double weight = 0;
        double hued = 0;
        double[] sum = new double[3];
        double s = 0;
        double v = 0;
        float[] p = levels[0];
        for (int i = 0; i < p.length; i += 4) {
            float a = p[i + 3];
            if (a > 0) {
                weight += a;
                for (int c = 0; c < 3; c++) {
                    sum[c] += p[i + c];
                }
                float[] hsv = Hsv.of(p[i] / a, p[i + 1] / a, p[i + 2] / a);
                if (hsv[1] > COLOURFUL) {
                    hued += a;
                    s += a * hsv[1];
                    v += a * hsv[2];
                }
            }
        }
        for (int c = 0; c < 3; c++) {
            mean[c] = (float) (sum[c] / Math.max(weight, 1e-9));
        }
        colourful = (float) (hued / Math.max(weight, 1e-9));
        saturation = (float) (s / Math.max(hued, 1e-9));
        value = (float) (v / Math.max(hued, 1e-9));
    }

    /** Whether enough of the drawing has a hue that a new colour shows. */
    boolean takesColour() {
        return colourful >= 0.25f;
    }

    /** Mean colour of what is drawn; channel 0 to 2, 0 to 255. */
    float mean(int channel) {
        return mean[channel];
    }

    /**
     * Lays the drawing over a canvas.
     *
     * @param cx middle, 0 (left) to 1, likewise {@code cy} from the top
     * @param size side of the drawing's square as a share of the canvas
     * @param tint colour it is given, or null for its own
     */
    void draw(Canvas canvas, float cx, float cy, float size, @Nullable SceneColour tint) {
        float pixels = size * canvas.side();
        int level = 0;
        while (level + 1 < sides.length && sides[level + 1] >= pixels) {
            level++;
        }
        int side = sides[level];
        float[] source = tint == null ? levels[level] : tinted(levels[level], tint);
        float x0 = cx * canvas.side();
        float y0 = cy * canvas.side();
        float reach = pixels / 2 + 1;
        float perPixel = side / pixels;
        float[] sum = new float[4];
        for (int y = (int) Math.floor(y0 - reach); y <= y0 + reach; y++) {
            for (int x = (int) Math.floor(x0 - reach); x <= x0 + reach; x++) {
                sum[0] = sum[1] = sum[2] = sum[3] = 0;
                for (int part = 0; part < 4; part++) {
                    float dx = x + 0.25f + 0.5f * (part & 1) - x0;
                    float dy = y + 0.25f + 0.5f * (part >> 1) - y0;
                    float u = dx * perPixel + side / 2f;
                    float v = dy * perPixel + side / 2f;
                    sample(source, side, u, v, sum);
                }
                if (sum[3] > 0) {
                    float a = sum[3] / 4;
                    canvas.blend(x, y, sum[0] / sum[3], sum[1] / sum[3], sum[2] / sum[3], a);
                }
            }
        }
    }

    /** Adds what lies at a place between four pixels. */
    private static void sample(float[] p, int side, float u, float v, float[] sum) {
        float fx = u - 0.5f;
        float fy = v - 0.5f;
        int x = (int) Math.floor(fx);
        int y = (int) Math.floor(fy);
        if (x < -1 || y < -1 || x >= side || y >= side) {
            return;
        }
        fx -= x;
        fy -= y;
        add(p, side, x, y, (1 - fx) * (1 - fy), sum);
        add(p, side, x + 1, y, fx * (1 - fy), sum);
        add(p, side, x, y + 1, (1 - fx) * fy, sum);
        add(p, side, x + 1, y + 1, fx * fy, sum);
    }

    private static void add(float[] p, int side, int x, int y, float weight, float[] sum) {
        if (x >= 0 && y >= 0 && x < side && y < side) {
            int at = 4 * (y * side + x);
            for (int c = 0; c < 4; c++) {
                sum[c] += weight * p[at + c];
            }
        }
    }

    /** The colour's hue everywhere, its saturation and value on average: shading stays. */
    private float[] tinted(float[] p, SceneColour colour) {
        float[] to = colour.hsv();
        float scaleS = to[1] / Math.max(saturation, 0.05f);
        float scaleV = to[2] / Math.max(value, 0.05f);
        float[] out = p.clone();
        for (int i = 0; i < p.length; i += 4) {
            float a = p[i + 3];
            if (a <= 0) {
                continue;
            }
            float[] hsv = Hsv.of(p[i] / a, p[i + 1] / a, p[i + 2] / a);
            if (hsv[1] > COLOURFUL) {
                Hsv.toRgb(
                        to[0], Math.min(1, hsv[1] * scaleS), Math.min(1, hsv[2] * scaleV), out, i);
                for (int c = 0; c < 3; c++) {
                    out[i + c] *= a;
                }
            }
        }
        return out;
    }

    private static float[] premultiplied(ArgbImage image) {
        int[] argb = image.argb();
        float[] out = new float[4 * argb.length];
        for (int i = 0; i < argb.length; i++) {
            float a = (argb[i] >>> 24) / 255f;
            out[4 * i] = a * (argb[i] >> 16 & 0xff);
            out[4 * i + 1] = a * (argb[i] >> 8 & 0xff);
            out[4 * i + 2] = a * (argb[i] & 0xff);
            out[4 * i + 3] = a;
        }
        return out;
    }

    private static float[] half(float[] p, int side) {
        int to = side / 2;
        float[] out = new float[4 * to * to];
        for (int y = 0; y < to; y++) {
            for (int x = 0; x < to; x++) {
                for (int c = 0; c < 4; c++) {
                    int at = 4 * (2 * y * side + 2 * x) + c;
                    out[4 * (y * to + x) + c] =
                            (p[at] + p[at + 4] + p[at + 4 * side] + p[at + 4 * side + 4]) / 4;
                }
            }
        }
        return out;
    }
}
