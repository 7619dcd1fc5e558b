package org.diffusionsoup.workbench.generate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureGrid;

/** Lays the pictures of a run out so that what differs stands side by side. */
final class Sheet {
    /** Prompts beside each other before a new band begins. */
    private static final int ACROSS = 8;

    private Sheet() {}

    /**
     * A single picture as it is; one seed: a row per model and a column per prompt; otherwise a
     * column per seed and a row per model and prompt, each named where there are several.
     */
    static RgbImage of(List<Drawn> models, List<String> prompts, List<Long> seeds) {
        if (models.size() * prompts.size() * seeds.size() == 1) {
            return models.getFirst().pictures().getFirst().getFirst();
        }
        return seeds.size() == 1 && (prompts.size() > 1 || models.size() == 1)
                ? byPrompt(models, prompts)
                : bySeed(models, prompts, seeds);
    }

    private static RgbImage byPrompt(List<Drawn> models, List<String> prompts) {
        List<RgbImage> bands = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += ACROSS) {
            int first = from;
            int to = Math.min(from + ACROSS, prompts.size());
            // Short last bands keep the width of the others.
            List<String> heads = new ArrayList<>(prompts.subList(from, to));
            while (prompts.size() > ACROSS && heads.size() < ACROSS) {
                heads.add("");
            }
            PictureGrid grid = PictureGrid.columns(heads);
            models.forEach(m ->
                    grid.row(
                            models.size() == 1 ? "" : m.name(),
                            m.pictures().subList(first, to).stream().map(List::getFirst).toList()));
            bands.add(grid.render());
        }
        return stack(bands);
    }

    private static RgbImage bySeed(List<Drawn> models, List<String> prompts, List<Long> seeds) {
        PictureGrid grid = PictureGrid.columns(seeds.stream().map(s -> "seed " + s).toList());
        if (prompts.size() == 1) {
            grid.title(prompts.getFirst());
        }
        for (int p = 0; p < prompts.size(); p++) {
            for (Drawn m : models) {
                String label =
                        prompts.size() == 1
                                ? m.name()
                                : models.size() == 1
                                        ? prompts.get(p)
                                        : prompts.get(p) + " — " + m.name();
                grid.row(label, m.pictures().get(p));
            }
        }
        return grid.render();
    }

    private static RgbImage stack(List<RgbImage> bands) {
        int width = bands.stream().mapToInt(RgbImage::width).max().orElseThrow();
        int height = bands.stream().mapToInt(RgbImage::height).reduce(0, Math::addExact);
        byte[] pixels = new byte[Math.multiplyExact(3, Math.multiplyExact(width, height))];
        Arrays.fill(pixels, (byte) 0xff);
        int top = 0;
        for (RgbImage band : bands) {
            for (int y = 0; y < band.height(); y++) {
                System.arraycopy(
                        band.pixels(),
                        3 * y * band.width(),
                        pixels,
                        3 * (top + y) * width,
                        3 * band.width());
            }
            top += band.height();
        }
        return new RgbImage(width, height, pixels);
    }
}
