package org.diffusionsoup.workbench.evaluate;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.image.Picture;

/**
 * A plain measure of a picture's style, which asks no model: how much colour it has, or how much of
 * it is black lines. Captions are not read.
 *
 * @param measure what is measured
 */
record MeasureJudge(Measure measure) implements RecipeJudge {
    /** Measures, each the mean over pixels of a number from 0 to 1. */
    enum Measure {
        /** The largest of a pixel's channels less its smallest. */
        COLOUR {
            @Override
            double of(int r, int g, int b) {
                return (Math.max(r, Math.max(g, b)) - Math.min(r, Math.min(g, b))) / 255.0;
            }
        },
        /** 1 for a pixel with no channel above a quarter, which is ink, and 0 for others. */
        INK {
            @Override
            double of(int r, int g, int b) {
                return Math.max(r, Math.max(g, b)) < 64 ? 1 : 0;
            }
        };

        abstract double of(int r, int g, int b);
    }

    @Override
    public void requireFiles(String name, Set<String> later) {
        // needs none
    }

    @Override
    public PictureScorer open() {
        return new Scorer(measure);
    }

    private record Scorer(Measure measure) implements PictureScorer {
        @Override
        public Judge judge() {
            String name = measure.name().toLowerCase(Locale.ROOT);
            return new Judge(
                    "measure " + name,
                    Hashes.sha256Hex(("measure-1 " + name).getBytes(StandardCharsets.UTF_8)),
                    "mean over pixels, 0 to 1");
        }

        @Override
        public double[] score(List<Picture> pictures, List<String> captions) {
            PictureScorer.requirePaired(pictures, captions);
            return pictures.stream().mapToDouble(this::score).toArray();
        }

        private double score(Picture picture) {
            double sum = 0;
            byte[] rgb = picture.toRgb().samples();
            for (int i = 0; i < rgb.length; i += 3) {
                sum += measure.of(rgb[i] & 255, rgb[i + 1] & 255, rgb[i + 2] & 255);
            }
            return sum / (rgb.length / 3.0);
        }

        @Override
        public void close() {
            // holds nothing
        }
    }
}
