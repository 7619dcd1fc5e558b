package org.diffusionsoup.core.soup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32C;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Crc32c;
import org.diffusionsoup.core.kernel.AverageKernelTest;
import org.diffusionsoup.core.safetensors.FileChecksum;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A kept sum is used only while it is what was written, and weights mean what was typed. */
class KeptSumTest {
    private static final List<DType> KEPT = List.of(DType.F32, DType.F16, DType.BF16);

    @TempDir Path dir;

    private final SoupOptions keep =
            SoupOptions.DEFAULT
                    .withKeepSum(true)
                    .withThreads(2)
                    .withWriter(new CheckpointWriter(true, 0));

    private Path model(String name, Random random) {
        List<TensorEntry> entries = new ArrayList<>();
        for (DType d : KEPT) {
            int n = 3000;
            entries.add(
                    new TensorEntry(
                            d.name(),
                            d,
                            new long[] {n},
                            TensorBytes.of(AverageKernelTest.inputs(d, random, 1, n)[0])));
        }
        entries.add(new TensorEntry("ids", DType.I64, new long[] {2}, TensorBytes.of(1L, 2L)));
        Path file = dir.resolve(name);
        SafetensorsWriter.write(file, Map.of("format", "pt"), entries);
        return file;
    }

    private static SoupIngredient weighted(Path model, String k) {
        return SoupIngredient.of(model, Coefficient.parse(k));
    }

    private void adjust(Path soup, List<Path> remove, List<SoupIngredient> add, Path out) {
        new SoupAdjuster(keep).exactly(new SoupAdjuster.Request(soup, remove, add, out));
    }

    private static void flip(Path file, long at, int bit) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[(int) at] ^= (byte) (1 << bit);
        Files.write(file, bytes);
    }

    /** Nothing is damaged where another run has put its own sum there meanwhile. */
    @Test
    void aSumThatAnotherRunReplacesMeanwhileIsNotCalledDamaged() {
        Random random = new Random(9);
        Path a = model("a", random);
        Path b = model("b", random);
        Path c = model("c", random);
        Path soup = dir.resolve("soup");
        List<SoupIngredient> all = List.of(weighted(a, "1"), weighted(b, "1"), weighted(c, "1"));
        Souper.with(keep).make(all, soup);
        List<String> ran = new ArrayList<>();
        SoupOptions racing =
                keep.withProgress((what, done, total) -> {
                    if (ran.isEmpty()) {
                        ran.add(what);
                        adjust(soup, List.of(a), List.of(), soup);
                    }
                });
        assertThatThrownBy(() ->
                        new SoupAdjuster(racing)
                                .exactly(
                                        new SoupAdjuster.Request(
                                                soup, List.of(b), List.of(), soup)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("soup.sum was replaced by another run")
                .hasMessageNotContaining("damaged");
        assertThat(ran).isNotEmpty();
        // The other's change is what stands there, and the same command goes on from it.
        assertThat(SoupAdjuster.weights(soup)).containsOnlyKeys("b", "c");
        adjust(soup, List.of(b), List.of(), soup);
        assertThat(SoupAdjuster.weights(soup)).containsOnlyKeys("c");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void aFlippedBitAnywhereInTheSumIsFoundBeforeAnythingIsWritten(long seed) throws IOException {
        Random random = new Random(seed);
        Path a = model("a", random);
        Path b = model("b", random);
        Path c = model("c", random);
        Path soup = dir.resolve("soup");
        Souper.with(keep).make(List.of(weighted(a, "1"), weighted(b, "2"), weighted(c, "1")), soup);
        byte[] before = Files.readAllBytes(soup);
        Path sum = KeptSum.folderOf(soup);
        List<Path> files =
                List.of(
                        sum.resolve("weights.safetensors"),
                        sum.resolve("weights.exceptions.safetensors"),
                        sum.resolve("sum.json"));
        for (int i = 0; i < 12; i++) {
            Path file = files.get(i < 8 ? 0 : 1 + i % 2);
            long at = random.nextLong(Files.size(file));
            int bit = random.nextInt(8);
            flip(file, at, bit);
            Path out = dir.resolve("out");
            String what = "seed %d: bit %d of byte %d of %s".formatted(seed, bit, at, file);
            assertThatThrownBy(() -> adjust(soup, List.of(b), List.of(), out))
                    .as(what)
                    .isInstanceOf(SoupException.class);
            assertThat(out).as(what).doesNotExist();
            assertThat(KeptSum.folderOf(out)).as(what).doesNotExist();
            assertThatThrownBy(() -> adjust(soup, List.of(b), List.of(), soup))
                    .as(what)
                    .isInstanceOf(SoupException.class);
            assertThat(soup).as(what).hasBinaryContent(before);
            flip(file, at, bit);
        }
        adjust(soup, List.of(b), List.of(), dir.resolve("out"));
        // A value, not a header: said to be damage, with what to do.
        flip(files.getFirst(), Files.size(files.getFirst()) - 5, 6);
        assertThatThrownBy(() -> adjust(soup, List.of(b), List.of(), dir.resolve("x")))
                .hasMessageContaining("soup.sum is damaged: weights.safetensors")
                .hasMessageContaining("`keepSum`");
    }

    @Test
    void theComponentsOfAFolderAreChecked() throws IOException {
        Path other = SouperTest.perturbed(dir.resolve("other"), 5);
        Path soup = dir.resolve("soup");
        Souper.with(keep)
                .make(List.of(SoupIngredient.of(SouperTest.TINY), SoupIngredient.of(other)), soup);
        Path sums = KeptSum.folderOf(soup).resolve("vae.safetensors");
        flip(sums, Files.size(sums) - 1, 6);
        assertThatThrownBy(() -> adjust(soup, List.of(other), List.of(), dir.resolve("x")))
                .hasMessageContaining("vae.safetensors is not what was written");
        assertThat(dir.resolve("x")).doesNotExist();
        SoupAdjuster sharded =
                new SoupAdjuster(keep.withWriter(new CheckpointWriter(false, 10_000)));
        assertThatThrownBy(() ->
                        sharded.exactly(
                                new SoupAdjuster.Request(
                                        soup, List.of(other), List.of(), dir.resolve("x"))))
                .hasMessageContaining("vae.safetensors is not what was written");
        assertThat(dir.resolve("x")).doesNotExist();
    }

    @Test
    void sumsOfEarlierVersionsAreRefused() throws IOException {
        Random random = new Random(4);
        Path a = model("a", random);
        Path b = model("b", random);
        Path soup = dir.resolve("soup");
        Souper.with(keep).make(List.of(weighted(a, "1"), weighted(b, "1")), soup);
        Path index = KeptSum.folderOf(soup).resolve("sum.json");
        String old =
                Files.readString(index)
                        .replaceAll("(?s),\\s*\"crc32c\" : \\{.*?\\}", "")
                        .replaceAll(",\\s*\"(crc32c_of_this|given)\" : \"[^\"]*\"", "");
        assertThat(old).doesNotContain("crc").doesNotContain("given");
        Files.writeString(index, old);
        assertThatThrownBy(() -> adjust(soup, List.of(b), List.of(), dir.resolve("x")))
                .hasMessageContaining("has no checksums")
                .hasMessageContaining("`keepSum`");
        // Of a caller who has his own means it is used, and its whole weights count as given.
        assertThat(SoupAdjuster.weights(soup)).containsEntry("a", Coefficient.ONE);
        new SoupAdjuster(keep)
                .exactly(
                        new SoupAdjuster.Request(
                                soup, List.of(b), List.of(), dir.resolve("x"), true));
        assertThat(WeightsHash.of(dir.resolve("x"))).isEqualTo(WeightsHash.of(a));
    }

    @Test
    void aWeightCountsBesideThoseThatWereTyped() {
        Random random = new Random(5);
        Path a = model("a", random);
        Path b = model("b", random);
        Path c = model("c", random);
        Path d = model("d", random);
        Path made = dir.resolve("made");
        Souper.with(keep)
                .make(List.of(weighted(a, "2"), weighted(b, "1/3"), weighted(c, "0.25")), made);
        Path less = dir.resolve("less");
        adjust(made, List.of(b), List.of(), less);
        Path direct = dir.resolve("direct");
        Souper.with(keep).make(List.of(weighted(a, "2"), weighted(c, "1/4")), direct);
        assertThat(less).hasSameBinaryContentAs(direct);
        for (Path soup : List.of(less, direct)) {
            assertThat(SoupAdjuster.weights(soup))
                    .containsOnly(
                            Map.entry("a", Coefficient.parse("2")),
                            Map.entry("c", Coefficient.parse("1/4")));
            Path more = dir.resolve("more-of-" + soup.getFileName());
            adjust(soup, List.of(), List.of(weighted(d, "1")), more);
            Path afresh = dir.resolve("afresh");
            Souper.create()
                    .replaceExisting(true)
                    .make(List.of(weighted(a, "2"), weighted(c, "1/4"), weighted(d, "1")), afresh);
            assertThat(more).hasSameBinaryContentAs(afresh);
        }
        assertThatThrownBy(() ->
                        adjust(direct, List.of(), List.of(weighted(d, "1/5")), dir.resolve("x")))
                .hasMessageContaining("multiples of 1/4")
                .hasMessageContaining("a=2")
                .hasMessageContaining("1/5");
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14, 15, 16})
    void howASoupCameAboutDoesNotCount(long seed) {
        Random random = new Random(seed);
        List<SoupIngredient> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            String k = (1 + random.nextInt(4)) + "/" + (1 + random.nextInt(3));
            all.add(weighted(model("m" + i, random), k));
        }
        Path soup = dir.resolve("soup");
        Souper.with(keep).make(all.subList(0, 3), soup);
        int gone = random.nextInt(3);
        List<SoupIngredient> wanted = new ArrayList<>(all);
        SoupIngredient leaver = wanted.remove(gone);
        SoupIngredient comer =
                new SoupIngredient(
                        "new",
                        all.getLast().path(),
                        Coefficient.parse(Integer.toString(1 + random.nextInt(3))));
        wanted.set(wanted.size() - 1, comer);
        Path adjusted = dir.resolve("adjusted");
        adjust(soup, List.of(leaver.path()), List.of(comer), adjusted);
        Path afresh = dir.resolve("afresh");
        Souper.create().make(wanted, afresh);
        assertThat(adjusted).as("seed %d", seed).hasSameBinaryContentAs(afresh);
    }

    /** Whole weights that share a factor still leave room for a single one beside them. */
    @Test
    void oneBesideTwoAndTwo() {
        Random random = new Random(6);
        Path a = model("a", random);
        Path b = model("b", random);
        Path c = model("c", random);
        Path soup = dir.resolve("soup");
        Souper.with(keep).make(List.of(weighted(a, "2"), weighted(b, "2")), soup);
        adjust(soup, List.of(), List.of(weighted(c, "1")), soup);
        Path afresh = dir.resolve("afresh");
        Souper.create().make(List.of(weighted(a, "2"), weighted(b, "2"), weighted(c, "1")), afresh);
        assertThat(soup).hasSameBinaryContentAs(afresh);
    }

    @Test
    void checksumsOfPiecesInAnyOrderAreThatOfTheFile() throws IOException {
        Random random = new Random(7);
        for (int round = 0; round < 200; round++) {
            byte[] bytes = new byte[random.nextInt(5000)];
            random.nextBytes(bytes);
            int cut = random.nextInt(bytes.length + 1);
            CRC32C first = new CRC32C();
            first.update(bytes, 0, cut);
            CRC32C second = new CRC32C();
            second.update(bytes, cut, bytes.length - cut);
            int joined =
                    Crc32c.join(
                            (int) first.getValue(), (int) second.getValue(), bytes.length - cut);
            assertThat(HexFormat.of().toHexDigits(joined)).isEqualTo(FileChecksum.ofBytes(bytes));
        }
        // RFC 3720, B.4: 32 bytes of zeros
        assertThat(FileChecksum.ofBytes(new byte[32])).isEqualTo("8a9136aa");
        Path file = model("m", random);
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            FileChecksum sum = new FileChecksum();
            List<long[]> pieces = new ArrayList<>();
            for (long at = 0; at < 12_000; at += 400) {
                pieces.add(new long[] {at, 400});
            }
            pieces.add(new long[] {500, 900}); // over others: left to the end
            java.util.Collections.shuffle(pieces, random);
            for (long[] p : pieces.subList(0, 26)) {
                sum.add("F32", p[0], f.data("F32").asSlice(p[0], p[1]));
            }
            assertThat(sum.of(file)).isEqualTo(FileChecksum.ofWhole(file));
        }
    }
}
