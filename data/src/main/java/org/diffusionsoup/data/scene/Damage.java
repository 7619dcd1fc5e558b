package org.diffusionsoup.data.scene;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.random.RandomGenerator;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageInputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;

/** What crawled pictures suffer from. Every kind grows from hardly visible (0) to plain (1). */
public enum Damage {
    /** Out of focus: a Gaussian of 0.4 to 1.8 pixels. */
    BLUR {
        @Override
        void apply(Canvas canvas, float strength, RandomGenerator random) {
            float sigma = 0.4f + 1.4f * strength;
            int reach = (int) Math.ceil(2.5f * sigma);
            float[] kernel = new float[2 * reach + 1];
            float sum = 0;
            for (int i = 0; i < kernel.length; i++) {
                kernel[i] = (float) Math.exp(-(i - reach) * (i - reach) / (2 * sigma * sigma));
                sum += kernel[i];
            }
            int n = canvas.side();
            float[] rgb = canvas.rgb();
            float[] line = new float[n];
            for (int pass = 0; pass < 2; pass++) {
                int step = pass == 0 ? 3 : 3 * n;
                int across = pass == 0 ? 3 * n : 3;
                for (int l = 0; l < n; l++) {
                    for (int c = 0; c < 3; c++) {
                        int start = l * across + c;
                        for (int i = 0; i < n; i++) {
                            float v = 0;
                            for (int k = 0; k < kernel.length; k++) {
                                int at = Math.clamp(i + k - reach, 0, n - 1);
                                v += kernel[k] * rgb[start + at * step];
                            }
                            line[i] = v / sum;
                        }
                        for (int i = 0; i < n; i++) {
                            rgb[start + i * step] = line[i];
                        }
                    }
                }
            }
        }
    },
    /** Grain: Gaussian noise of 4 to 34 levels. */
    NOISE {
        @Override
        void apply(Canvas canvas, float strength, RandomGenerator random) {
            float sigma = 4 + 30 * strength;
            float[] rgb = canvas.rgb();
            for (int i = 0; i < rgb.length; i++) {
                rgb[i] = Math.clamp(rgb[i] + sigma * (float) random.nextGaussian(), 0, 255);
            }
        }
    },
    /** JPEG of quality 0.5 down to 0.03. */
    JPEG {
        @Override
        void apply(Canvas canvas, float strength, RandomGenerator random) {
            canvas.set(throughJpeg(canvas.toImage(), 0.5f - 0.47f * strength));
        }
    },
    /** Enlarged from 48 down to 16 pixels, each a visible square. */
    PIXELS {
        @Override
        void apply(Canvas canvas, float strength, RandomGenerator random) {
            int n = Math.round(48 - 32 * strength);
            RgbImage small = canvas.toImage().resized(n, n);
            canvas.fill((x, y, out) -> {
                for (int c = 0; c < 3; c++) {
                    out[c] = small.channel((int) (x * n), (int) (y * n), c);
                }
            });
        }
    },
    /** Washed out: 15 to 65 % of the way to light grey. */
    WASH {
        @Override
        void apply(Canvas canvas, float strength, RandomGenerator random) {
            float share = 0.15f + 0.5f * strength;
            float grey = 150 + 70 * random.nextFloat();
            float[] rgb = canvas.rgb();
            for (int i = 0; i < rgb.length; i++) {
                rgb[i] += share * (grey - rgb[i]);
            }
        }
    },
    /** Wrong colours: every channel's gain is off by up to 45 %. */
    CAST {
        @Override
        void apply(Canvas canvas, float strength, RandomGenerator random) {
            float[] rgb = canvas.rgb();
            for (int c = 0; c < 3; c++) {
                float gain = 1 + (0.1f + 0.35f * strength) * (2 * random.nextFloat() - 1);
                for (int i = c; i < rgb.length; i += 3) {
                    rgb[i] = Math.min(255, rgb[i] * gain);
                }
            }
        }
    },
    /** A watermark across the picture: bars and blocks like letters, 15 to 55 % opaque. */
    WATERMARK {
        @Override
        void apply(Canvas canvas, float strength, RandomGenerator random) {
            float alpha = 0.15f + 0.4f * strength;
            float shade = random.nextBoolean() ? 255 : 40;
            int rows = 1 + random.nextInt(3);
            for (int r = 0; r < rows; r++) {
                int y0 = random.nextInt(canvas.side() - 7);
                int x = random.nextInt(12) - 4;
                while (x < canvas.side()) {
                    int letter = random.nextInt();
                    for (int i = 0; i < 4; i++) {
                        for (int j = 0; j < 6; j++) {
                            boolean edge = i == 0 || j == (letter & 3);
                            if (edge || (letter >> (8 + i + 4 * (j % 4)) & 1) == 1) {
                                canvas.blend(x + i, y0 + j, shade, shade, shade, alpha);
                            }
                        }
                    }
                    x += 6;
                }
            }
        }
    },
    /** Clutter: two to seven coloured scraps lying about. */
    CLUTTER {
        @Override
        void apply(Canvas canvas, float strength, RandomGenerator random) {
            int scraps = 2 + Math.round(5 * strength);
            for (int k = 0; k < scraps; k++) {
                float cx = canvas.side() * random.nextFloat();
                float cy = canvas.side() * random.nextFloat();
                float w = 2 + 5 * random.nextFloat();
                float h = 2 + 5 * random.nextFloat();
                float r = 255 * random.nextFloat();
                float g = 255 * random.nextFloat();
                float b = 255 * random.nextFloat();
                boolean round = random.nextBoolean();
                for (int y = (int) (cy - h); y <= cy + h; y++) {
                    for (int x = (int) (cx - w); x <= cx + w; x++) {
                        float dx = (x + 0.5f - cx) / w;
                        float dy = (y + 0.5f - cy) / h;
                        float far =
                                round ? dx * dx + dy * dy : Math.max(Math.abs(dx), Math.abs(dy));
                        if (far < 1) {
                            canvas.blend(x, y, r, g, b, 0.85f);
                        }
                    }
                }
            }
        }
    };

    /**
     * Damages a picture in place.
     *
     * @param strength 0 to 1
     * @param random of everything left open
     */
    abstract void apply(Canvas canvas, float strength, RandomGenerator random);

    /**
     * A damaged copy of a picture.
     *
     * @param image square
     * @param strength 0 (hardly visible) to 1
     * @param seed of everything left open; the same picture, strength and seed give the same copy
     */
    public RgbImage of(RgbImage image, float strength, long seed) {
        Canvas canvas = new Canvas(image.width());
        canvas.set(image);
        apply(canvas, strength, Seeds.random(seed, 4));
        return canvas.toImage();
    }

    private static RgbImage throughJpeg(RgbImage image, float quality) {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            ImageWriteParam param = writer.getDefaultWriteParam();
            param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            param.setCompressionQuality(quality);
            try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
                writer.setOutput(out);
                writer.write(null, new IIOImage(image.toBufferedImage(), null, null), param);
            }
            BufferedImage back =
                    ImageIO.read(
                            new MemoryCacheImageInputStream(
                                    new ByteArrayInputStream(bytes.toByteArray())));
            return RgbImage.onWhite(back);
        } catch (IOException e) {
            throw new SoupException("a JPEG in memory could not be written: " + e.getMessage(), e);
        } finally {
            writer.dispose();
        }
    }
}
