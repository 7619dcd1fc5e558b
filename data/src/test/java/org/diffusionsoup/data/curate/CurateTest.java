package org.diffusionsoup.data.curate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.HashIndex;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardParts;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CurateTest {
    private static final Path EMOJI = Path.of("..", "shards", "emoji");

    @TempDir Path dir;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void topKIsTheHeadOfTheSortedRows(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int n = 1 + random.nextInt(500);
        int k = 1 + random.nextInt(60);
        double[] scores = new double[n];
        TopK top = new TopK(k);
        for (int i = 0; i < n; i++) {
            // Few different values, so that ties matter.
            scores[i] = random.nextInt(20) / 10.0;
            top.offer(i, "k" + i, scores[i]);
        }
        List<Integer> brute =
                IntStream.range(0, n)
                        .boxed()
                        .sorted(
                                Comparator.comparingDouble((Integer i) -> -scores[i])
                                        .thenComparing(i -> i))
                        .limit(k)
                        .toList();
        assertThat(top.best()).as("seed %d", seed).extracting(TopK.Ranked::row).isEqualTo(brute);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void quantilesCutTheRankedRowsIntoEqualParts(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int n = 10 + random.nextInt(300);
        int parts = 1 + random.nextInt(9);
        Scores scores = new Scores();
        for (int i = 0; i < n; i++) {
            scores.add(random.nextInt(30) - 15);
        }
        int[] part = Parts.quantiles(scores, parts);
        List<Integer> order =
                IntStream.range(0, n)
                        .boxed()
                        .sorted(
                                Comparator.comparingDouble((Integer i) -> -scores.get(i))
                                        .thenComparing(i -> i))
                        .toList();
        // Along the ranking parts rise, and each holds n / parts rows, larger ones first.
        List<Integer> along = order.stream().map(i -> part[i]).toList();
        List<Integer> expected = new ArrayList<>();
        for (int p = 0; p < parts; p++) {
            for (int i = 0; i < n / parts + (p < n % parts ? 1 : 0); i++) {
                expected.add(p);
            }
        }
        assertThat(along).as("seed %d", seed).isEqualTo(expected);
        assertThat(sizes(Parts.random(n, parts, seed), parts)).isEqualTo(sizes(part, parts));
        assertThat(Parts.random(n, parts, seed)).isEqualTo(Parts.random(n, parts, seed));
    }

    private static List<Long> sizes(int[] part, int parts) {
        return IntStream.range(0, parts)
                .mapToObj(p -> Arrays.stream(part).filter(x -> x == p).count())
                .toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 4, 7, 10, 12})
    void theIndexFindsEveryPairOnceAsComparingAllDoes(int most) {
        SplittableRandom random = new SplittableRandom(most);
        long[] hashes = new long[400];
        for (int i = 0; i < hashes.length; i++) {
            hashes[i] = random.nextLong();
            for (int flips = random.nextInt(16);
                    i > 0 && random.nextBoolean() && flips > 0;
                    flips--) {
                hashes[i] = hashes[i - 1] ^ 1L << random.nextInt(64);
            }
        }
        for (int i = 50; i < 250; i++) {
            long h = hashes[random.nextInt(50)];
            for (int flips = random.nextInt(14); flips > 0; flips--) {
                h ^= 1L << random.nextInt(64);
            }
            hashes[i] = h;
        }
        List<String> brute = new ArrayList<>();
        for (int j = 0; j < hashes.length; j++) {
            for (int i = 0; i < j; i++) {
                int bits = Long.bitCount(hashes[i] ^ hashes[j]);
                if (bits <= most) {
                    brute.add(i + "," + j + "," + bits);
                }
            }
        }
        List<String> found = new ArrayList<>();
        new HashIndex(hashes).pairs(most, (i, j, bits) -> found.add(i + "," + j + "," + bits));
        assertThat(brute).isNotEmpty();
        assertThat(found).containsExactlyInAnyOrderElementsOf(brute);

        // The same asked of an index of one half about the other.
        int half = hashes.length / 2;
        long[] asked = Arrays.copyOfRange(hashes, 0, half);
        List<String> across = new ArrayList<>();
        new HashIndex(Arrays.copyOfRange(hashes, half, hashes.length))
                .near(asked, most, (i, j, bits) -> across.add(i + "," + (half + j) + "," + bits));
        assertThat(across)
                .containsExactlyInAnyOrderElementsOf(
                        brute.stream()
                                .filter(p -> Integer.parseInt(p.split(",")[0]) < half)
                                .filter(p -> Integer.parseInt(p.split(",")[1]) >= half)
                                .toList());
    }

    @Test
    void comparisonsStayFarBelowAllPairs() {
        SplittableRandom random = new SplittableRandom(9);
        long[] hashes = random.longs(50_000).toArray();
        long compared = new HashIndex(hashes).pairs(7, (i, j, bits) -> {});
        assertThat(compared).isLessThan(50_000L * 49_999 / 2 / 500);
    }

    @Test
    void partsAreAPartitionAndKeepProvenance() {
        ShardScan scan = ShardScan.of(ShardRef.parse(EMOJI + "#provider=noto&domain=food,clothes"));
        Shard whole = ShardRef.parse(EMOJI + "#provider=noto&domain=food,clothes").open();
        int[] part = Parts.random(whole.size(), 3, 4);
        List<Path> targets =
                List.of(dir.resolve("a.tar"), dir.resolve("b.tar"), dir.resolve("c.tar"));
        List<Integer> rows =
                ShardParts.write(scan, targets, row -> part[row], ProgressListener.NONE);
        List<SampleInfo> back = new ArrayList<>();
        for (int p = 0; p < 3; p++) {
            Shard shard = Shard.open(targets.get(p));
            assertThat(shard.size()).isEqualTo(rows.get(p));
            back.addAll(shard.infos());
        }
        assertThat(back).containsExactlyInAnyOrderElementsOf(whole.infos());
        assertThat(back.getFirst().licence()).isNotEmpty();
        assertThatThrownBy(() ->
                        ShardParts.write(
                                scan,
                                List.of(dir.resolve("x.tar"), dir.resolve("y.tar")),
                                row -> 0,
                                ProgressListener.NONE))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("y.tar would have zero rows");
        assertThat(dir.resolve("x.tar")).doesNotExist();
    }

    @Test
    void aScanSeesTheRowsThatOpeningSees() {
        for (String ref :
                List.of("", "#food", "#noto,food", "#food&split=heldout", "#provider=noto")) {
            Set<String> keys = new TreeSet<>();
            int n =
                    ShardScan.of(ShardRef.parse(EMOJI + ref))
                            .forEach((i, row) -> keys.add(row.key()));
            assertThat(keys).hasSize(n);
            assertThat(keys)
                    .isEqualTo(
                            ShardRef.parse(EMOJI + ref).open().infos().stream()
                                    .map(SampleInfo::key)
                                    .collect(Collectors.toCollection(TreeSet::new)));
        }
        assertThatThrownBy(() -> ShardScan.of(ShardRef.parse(EMOJI + "#nothing")))
                .hasMessageContaining("no shard or view \"nothing\"");
    }

    @Test
    void plantedDuplicatesAreFoundAndDistinctPicturesStay() throws IOException {
        // Every 40th picture of one provider, each with altered copies in a second shard.
        Shard source = ShardRef.parse(EMOJI + "#provider=noto").open();
        List<Sample> originals = new ArrayList<>();
        List<Sample> copies = new ArrayList<>();
        for (int i = 0; i < source.size(); i += 40) {
            Sample s = source.get(i);
            originals.add(s);
            RgbImage image = s.image();
            copies.add(sample(s, "jpeg", jpeg(image, 0.8f)));
            copies.add(sample(s, "small", PngCodec.encode(image.resized(48, 48))));
            copies.add(sample(s, "large", PngCodec.encode(image.resized(150, 150))));
            copies.add(sample(s, "dark", PngCodec.encode(times(image, 0.93))));
            copies.add(sample(s, "same", s.png()));
        }
        ShardWriter.write(dir.resolve("one.tar"), originals);
        ShardWriter.write(dir.resolve("two.tar"), copies);
        List<ShardScan> scans =
                List.of(
                        ShardScan.of(ShardRef.parse(dir.resolve("one.tar").toString())),
                        ShardScan.of(ShardRef.parse(dir.resolve("two.tar").toString())));
        NearDuplicates.Found found =
                new NearDuplicates(scans, NearDuplicates.Options.DEFAULT, ProgressListener.NONE)
                        .find();
        assertThat(found.dropped().get(0).cardinality()).isZero();
        assertThat(found.dropped().get(1).cardinality()).isEqualTo(copies.size());
        assertThat(found.pairs().stream().filter(NearDuplicates.Pair::identical).count())
                .isEqualTo(originals.size());
        // No pair joins pictures of different originals.
        assertThat(found.pairs())
                .allMatch(p -> root(p.first().key()).equals(root(p.second().key())));
        assertThat(Arrays.stream(found.groups().get(1)).distinct().count())
                .isEqualTo(originals.size());
    }

    @Test
    void embeddingsThatDifferKeepPicturesApart() throws IOException {
        Shard source = ShardRef.parse(EMOJI + "#provider=noto").open();
        Sample s = source.get(3);
        ShardWriter.write(
                dir.resolve("pair.tar"),
                List.of(
                        sample(s, "a", s.png()),
                        sample(s, "b", PngCodec.encode(times(s.image(), 0.95)))));
        List<ShardScan> scans =
                List.of(ShardScan.of(ShardRef.parse(dir.resolve("pair.tar").toString())));
        NearDuplicates.Found alike =
                new NearDuplicates(scans, NearDuplicates.Options.DEFAULT, ProgressListener.NONE)
                        .find(p ->
                                p.stream().map(i -> new double[] {1, 0}).toArray(double[][]::new));
        assertThat(alike.pairs()).hasSize(1);
        assertThat(alike.pairs().getFirst().distance()).hasValue(0);
        NearDuplicates.Found apart =
                new NearDuplicates(scans, NearDuplicates.Options.DEFAULT, ProgressListener.NONE)
                        .find(p ->
                                IntStream.range(0, p.size())
                                        .mapToObj(i -> new double[] {i, 1 - i})
                                        .toArray(double[][]::new));
        assertThat(apart.pairs()).isEmpty();
    }

    private static String root(String key) {
        return key.replaceFirst("-(jpeg|small|large|dark|same)$", "");
    }

    private static Sample sample(Sample of, String suffix, byte[] file) {
        SampleInfo i = of.info();
        return new Sample(
                new SampleInfo(
                        i.key() + "-" + suffix,
                        i.caption(),
                        i.name(),
                        i.style(),
                        i.subject(),
                        i.provider(),
                        i.licence(),
                        i.group(),
                        i.subgroup(),
                        i.domain(),
                        i.split(),
                        Hashes.sha256Hex(file)),
                file);
    }

    private static RgbImage times(RgbImage image, double factor) {
        byte[] pixels = image.pixels().clone();
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) Math.round((pixels[i] & 0xff) * factor);
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }

    private static byte[] jpeg(RgbImage image, float quality) throws IOException {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ImageWriteParam param = writer.getDefaultWriteParam();
        param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
        param.setCompressionQuality(quality);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (var out = ImageIO.createImageOutputStream(bytes)) {
            writer.setOutput(out);
            writer.write(null, new IIOImage(image.toBufferedImage(), null, null), param);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }
}
