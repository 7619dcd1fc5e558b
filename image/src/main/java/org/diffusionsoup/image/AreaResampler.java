package org.diffusionsoup.image;

import java.util.Arrays;

/** Box resampling in sRGB values: the mean of the source area under each target pixel. */
final class AreaResampler {
    private AreaResampler() {}

    static RgbImage resample(RgbImage source, int toWidth, int toHeight) {
        byte[] out = new byte[Math.multiplyExact(3, Math.multiplyExact(toWidth, toHeight))];
        double scaleY = (double) source.height() / toHeight;
        double[] line = new double[3 * toWidth];
        double[] row = new double[line.length];
        int held = -1;
        for (int y = 0; y < toHeight; y++) {
            Arrays.fill(line, 0);
            double from = y * scaleY;
            double to = Math.min(source.height(), from + scaleY);
            int last = Math.min(source.height() - 1, (int) Math.ceil(to) - 1);
            for (int sy = (int) from; sy <= last; sy++) {
                double share = (Math.min(to, sy + 1) - Math.max(from, sy)) / (to - from);
                if (held != sy) {
                    narrowed(source, sy, row);
                    held = sy;
                }
                for (int i = 0; i < line.length; i++) {
                    line[i] += share * row[i];
                }
            }
            for (int i = 0; i < line.length; i++) {
                out[3 * toWidth * y + i] = (byte) Math.clamp(Math.round(line[i]), 0, 255);
            }
        }
        return new RgbImage(toWidth, toHeight, out);
    }

    /** One row of the source, resampled along it; a whole picture of them would fill the memory. */
    private static void narrowed(RgbImage source, int y, double[] row) {
        Arrays.fill(row, 0);
        double scale = (double) source.width() / (row.length / 3);
        for (int x = 0; 3 * x < row.length; x++) {
            double from = x * scale;
            double to = Math.min(source.width(), from + scale);
            int last = Math.min(source.width() - 1, (int) Math.ceil(to) - 1);
            for (int sx = (int) from; sx <= last; sx++) {
                double share = (Math.min(to, sx + 1) - Math.max(from, sx)) / (to - from);
                for (int c = 0; c < 3; c++) {
                    row[3 * x + c] += share * source.channel(sx, y, c);
                }
            }
        }
    }
}
