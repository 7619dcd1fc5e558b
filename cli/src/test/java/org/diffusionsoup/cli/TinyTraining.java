package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;

/** The smallest things that {@code soup train} works on. */
final class TinyTraining {
    /** A pipeline with random weights that trains at hundreds of pictures per second. */
    static final Path BASE =
            Path.of("../diffusion/src/test/resources/reference/pipelines/tiny-sd15");

    private TinyTraining() {}

    /** Writes a shard of coloured squares. */
    static Path shard(Path tar, int rows, int side, String split) {
        int[][] sizes = new int[rows][];
        Arrays.fill(sizes, new int[] {side, side});
        return shard(tar, sizes, split);
    }

    /** Writes a shard of pictures of these widths and heights. */
    static Path shard(Path tar, int[][] sizes, String split) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < sizes.length; i++) {
            int width = sizes[i][0];
            int height = sizes[i][1];
            byte[] pixels = new byte[3 * width * height];
            for (int p = 0; p < pixels.length; p++) {
                pixels[p] = (byte) (p % 3 == i % 3 ? 40 + 5 * i : p / (i + 2));
            }
            byte[] png = PngCodec.encode(new RgbImage(width, height, pixels));
            SampleInfo info =
                    new SampleInfo(
                            "row%03d".formatted(i),
                            "plain square number " + i + ", coloured",
                            "square number " + i,
                            "plain",
                            "s" + i,
                            "test",
                            "CC0-1.0",
                            "",
                            "",
                            "other",
                            split,
                            Hashes.sha256Hex(png));
            samples.add(new Sample(info, png));
        }
        ShardWriter.write(tar, samples);
        return tar;
    }

    /** A copy of the base that a test may damage. */
    static Path copyOfBase(Path to) throws IOException {
        Files.walkFileTree(
                BASE,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path f, BasicFileAttributes a)
                            throws IOException {
                        Path target = to.resolve(BASE.relativize(f).toString());
                        Files.createDirectories(target.getParent());
                        Files.copy(f, target);
                        return FileVisitResult.CONTINUE;
                    }
                });
        return to;
    }

    /** Every file below a folder, by its relative path, as the hash of its bytes. */
    static Map<String, String> contents(Path folder) throws IOException {
        Map<String, String> out = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path f : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                out.put(folder.relativize(f).toString(), Hashes.sha256Hex(Files.readAllBytes(f)));
            }
        }
        return out;
    }

    /** Trains until some steps are done, and is stopped then, as by a signal. */
    static void stopAfter(FineTuneRequest request, int steps) {
        int[] done = new int[1];
        Progress counting =
                new Progress() {
                    @Override
                    public void start(String task, long total, String unit) {}

                    @Override
                    public void advance(long units) {}

                    @Override
                    public void message(String loss) { // one after each step
                        done[0]++;
                    }

                    @Override
                    public void close() {}
                };
        assertThat(new FineTuner(request, counting, () -> done[0] >= steps).run()).isEmpty();
    }
}
