package org.diffusionsoup.image;

/**
 * Resizing with the numbers of PIL (Pillow's {@code Image.resize}): two passes of a convolution
 * whose kernel widens with the shrinking, weights in fixed point, each pass rounded to 8 bits.
 */
final class PilResize {
    /** Fraction bits of a weight: 32 less 8 for the sample, 2 for sums beyond 0 to 255. */
    private static final int FRACTION_BITS = 22;

    private PilResize() {}

    /** What a sample's neighbours weigh, by their distance from it. */
    enum Kernel {
        /** Keys' cubic convolution with a = -0.5. */
        BICUBIC(2) {
            @Override
            double weight(double distance) {
                double a = -0.5;
                double x = Math.abs(distance);
                if (x < 1) {
                    return ((a + 2) * x - (a + 3)) * x * x + 1;
                }
                return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
            }
        },
        /** A sinc under the middle lobe of one three times as wide. */
        LANCZOS(3) {
            @Override
            double weight(double distance) {
                return distance >= -3 && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0;
            }

            private static double sinc(double x) {
                double arc = x * Math.PI;
                return x == 0 ? 1 : Math.sin(arc) / arc;
            }
        };

        private final double radius;

        Kernel(double radius) {
            this.radius = radius;
        }

        abstract double weight(double distance);
    }

    static Picture resize(Picture picture, int width, int height, Kernel kernel) {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException(
                    "A picture cannot be resized to " + width + "x" + height + " pixels.");
        }
        if (width == picture.width() && height == picture.height()) {
            return picture;
        }
        return switch (picture.mode()) {
            case BILEVEL, P -> nearest(picture, width, height);
            case L, RGB -> convolve(picture, width, height, kernel);
            case LA, RGBA -> Alpha.divide(convolve(Alpha.multiply(picture), width, height, kernel));
        };
    }

    private static Picture convolve(Picture picture, int width, int height, Kernel kernel) {
        Picture out = picture;
        if (width != out.width()) {
            out = horizontal(out, Weights.of(out.width(), width, kernel));
        }
        if (height != out.height()) {
            out = vertical(out, Weights.of(out.height(), height, kernel));
        }
        return out;
    }

    /**
     * Which input samples make each output sample.
     *
     * @param first index of the first one
     * @param factors their weights in fixed point
     */
    @SuppressWarnings("ArrayRecordComponent") // private to the loops below
    private record Weights(int[] first, int[][] factors) {
        static Weights of(int in, int out, Kernel kernel) {
            double scale = (double) in / out;
            double stretch = Math.max(scale, 1);
            double radius = kernel.radius * stretch;
            int[] first = new int[out];
            int[][] factors = new int[out][];
            for (int i = 0; i < out; i++) {
                double centre = (i + 0.5) * scale;
                first[i] = Math.max(0, (int) (centre - radius + 0.5));
                int end = Math.min(in, (int) (centre + radius + 0.5));
                factors[i] = factors(first[i], end, centre, stretch, kernel);
            }
            return new Weights(first, factors);
        }

        private static int[] factors(
                int from, int end, double centre, double stretch, Kernel kernel) {
            double[] weights = new double[end - from];
            double sum = 0;
            // Multiplying by the reciprocal, not dividing: a weight may else round differently.
            double shrink = 1 / stretch;
            for (int i = 0; i < weights.length; i++) {
                weights[i] = kernel.weight((i + from - centre + 0.5) * shrink);
                sum += weights[i];
            }
            int[] fixed = new int[weights.length];
            for (int i = 0; i < fixed.length; i++) {
                double weight = (sum == 0 ? weights[i] : weights[i] / sum) * (1 << FRACTION_BITS);
                fixed[i] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
            }
            return fixed;
        }
    }

    private static Picture horizontal(Picture in, Weights weights) {
        int bands = in.mode().bands();
        int width = weights.first().length;
        byte[] from = in.rawSamples();
        byte[] out = new byte[Math.multiplyExact(width * bands, in.height())];
        int at = 0;
        for (int y = 0; y < in.height(); y++) {
            for (int x = 0; x < width; x++) {
                int start = (y * in.width() + weights.first()[x]) * bands;
                for (int band = 0; band < bands; band++) {
                    out[at++] = sum(from, start + band, bands, weights.factors()[x]);
                }
            }
        }
        return in.with(width, in.height(), out);
    }

    private static Picture vertical(Picture in, Weights weights) {
        int row = in.width() * in.mode().bands();
        int height = weights.first().length;
        byte[] from = in.rawSamples();
        byte[] out = new byte[Math.multiplyExact(row, height)];
        int at = 0;
        for (int y = 0; y < height; y++) {
            int start = weights.first()[y] * row;
            for (int i = 0; i < row; i++) {
                out[at++] = sum(from, start + i, row, weights.factors()[y]);
            }
        }
        return in.with(in.width(), height, out);
    }

    private static byte sum(byte[] samples, int start, int step, int[] factors) {
        int sum = 1 << (FRACTION_BITS - 1);
        for (int i = 0, at = start; i < factors.length; i++, at += step) {
            sum += (samples[at] & 0xFF) * factors[i];
        }
        return (byte) Math.clamp(sum >> FRACTION_BITS, 0, 255);
    }

    private static Picture nearest(Picture in, int width, int height) {
        int bands = in.mode().bands();
        int[] columns = nearestIndices(in.width(), width);
        int[] rows = nearestIndices(in.height(), height);
        byte[] out = new byte[Math.multiplyExact(Math.multiplyExact(width, height), bands)];
        int at = 0;
        for (int row : rows) {
            for (int column : columns) {
                int from = (row * in.width() + column) * bands;
                System.arraycopy(in.rawSamples(), from, out, at, bands);
                at += bands;
            }
        }
        return in.with(width, height, out);
    }

    private static int[] nearestIndices(int in, int out) {
        double step = (double) in / out;
        // Summed up step by step like PIL's, whose rounding errors decide exact ties.
        double position = step * 0.5;
        int[] indices = new int[out];
        for (int i = 0; i < out; i++) {
            indices[i] = Math.min((int) position, in - 1);
            position += step;
        }
        return indices;
    }

    /** Colours times alpha and back, in PIL's integer arithmetic (modes RGBa and La). */
    private static final class Alpha {
        private Alpha() {}

        static Picture multiply(Picture in) {
            byte[] out = in.samples();
            int bands = in.mode().bands();
            for (int i = 0; i < out.length; i += bands) {
                int alpha = out[i + bands - 1] & 0xFF;
                for (int band = 0; band < bands - 1; band++) {
                    int product = (out[i + band] & 0xFF) * alpha + 128;
                    out[i + band] = (byte) (((product >> 8) + product) >> 8);
                }
            }
            return in.with(in.width(), in.height(), out);
        }

        static Picture divide(Picture in) {
            byte[] out = in.samples();
            int bands = in.mode().bands();
            for (int i = 0; i < out.length; i += bands) {
                int alpha = out[i + bands - 1] & 0xFF;
                if (alpha == 0 || alpha == 255) {
                    continue;
                }
                for (int band = 0; band < bands - 1; band++) {
                    out[i + band] = (byte) Math.min(255, 255 * (out[i + band] & 0xFF) / alpha);
                }
            }
            return in.with(in.width(), in.height(), out);
        }
    }
}
