package org.diffusionsoup.data;

import java.util.Arrays;

/** Box resampling in sRGB values: the mean of the source area under each target pixel. */
final class AreaResampler {
    private AreaResampler() {}

    static RgbImage resample(RgbImage source, int toWidth, int toHeight) {
        double[] rows = new double[3 * toWidth * source.height()];
        double scaleX = (double) source.width() / toWidth;
        for (int x = 0; x < toWidth; x++) {
            double from = x * scaleX;
            double to = Math.min(source.width(), from + scaleX);
            int last = Math.min(source.width() - 1, (int) Math.ceil(to) - 1);
            for (int sx = (int) from; sx <= last; sx++) {
                double share = (Math.min(to, sx + 1) - Math.max(from, sx)) / (to - from);
                for (int y = 0; y < source.height(); y++) {
                    for (int c = 0; c < 3; c++) {
                        rows[3 * (y * toWidth + x) + c] += share * source.channel(sx, y, c);
                    }
                }
            }
        }
        byte[] out = new byte[Math.multiplyExact(3, Math.multiplyExact(toWidth, toHeight))];
        double scaleY = (double) source.height() / toHeight;
        double[] line = new double[3 * toWidth];
        for (int y = 0; y < toHeight; y++) {
            Arrays.fill(line, 0);
            double from = y * scaleY;
            double to = Math.min(source.height(), from + scaleY);
            int last = Math.min(source.height() - 1, (int) Math.ceil(to) - 1);
            for (int sy = (int) from; sy <= last; sy++) {
                double share = (Math.min(to, sy + 1) - Math.max(from, sy)) / (to - from);
                for (int i = 0; i < line.length; i++) {
                    line[i] += share * rows[3 * toWidth * sy + i];
                }
            }
            for (int i = 0; i < line.length; i++) {
                out[3 * toWidth * y + i] = (byte) Math.clamp(Math.round(line[i]), 0, 255);
            }
        }
        return new RgbImage(toWidth, toHeight, out);
    }
}
