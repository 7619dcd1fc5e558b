package org.diffusionsoup.workbench.study;

import java.awt.Color;
import java.util.List;
import org.diffusionsoup.eval.mixture.DensityGrid;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.Palette;

/** A density in the plane as a picture, y upwards: the darker the denser, by the square root. */
final class DensityPicture {
    private static final int SIDE = 200;
    private static final int SAMPLE_BINS = 50;

    private DensityPicture() {}

    static RgbImage of(DensityGrid grid) {
        double[] mass = new double[SIDE * SIDE];
        int per = grid.cells() / SIDE;
        for (int y = 0; y < per * SIDE; y++) {
            for (int x = 0; x < per * SIDE; x++) {
                mass[y / per * SIDE + x / per] += grid.mass(x, y);
            }
        }
        return picture(mass, SIDE);
    }

    /** A histogram of samples of [-half, half]². */
    static RgbImage of(List<double[][]> samples, double half) {
        double[] mass = new double[SAMPLE_BINS * SAMPLE_BINS];
        for (double[][] some : samples) {
            for (double[] s : some) {
                int x = (int) Math.floor((s[0] + half) / (2 * half) * SAMPLE_BINS);
                int y = (int) Math.floor((s[1] + half) / (2 * half) * SAMPLE_BINS);
                if (x >= 0 && x < SAMPLE_BINS && y >= 0 && y < SAMPLE_BINS) {
                    mass[y * SAMPLE_BINS + x]++;
                }
            }
        }
        return picture(mass, SAMPLE_BINS);
    }

    private static RgbImage picture(double[] mass, int bins) {
        double most = 0;
        for (double m : mass) {
            most = Math.max(most, m);
        }
        byte[] rgb = new byte[3 * SIDE * SIDE];
        int scale = SIDE / bins;
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                double m = mass[(SIDE - 1 - y) / scale * bins + x / scale];
                Color c = Palette.sequential(Math.sqrt(m / most));
                int at = 3 * (y * SIDE + x);
                rgb[at] = (byte) c.getRed();
                rgb[at + 1] = (byte) c.getGreen();
                rgb[at + 2] = (byte) c.getBlue();
            }
        }
        return new RgbImage(SIDE, SIDE, rgb);
    }
}
