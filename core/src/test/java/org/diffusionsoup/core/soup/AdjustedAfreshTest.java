package org.diffusionsoup.core.soup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What an adjusted soup is made of beside means: the components that are copied, the variant of the
 * weights, files without weights, integers. All of it is what averaging the others afresh gives, or
 * nothing is made.
 */
class AdjustedAfreshTest {
    private static final String VARIANT = "fp16";

    @TempDir Path dir;

    private final SoupOptions keep =
            SoupOptions.DEFAULT
                    .withKeepSum(true)
                    .withThreads(2)
                    .withWriter(new CheckpointWriter(true, 0));

    static Stream<Long> seeds() {
        return Stream.iterate(1L, s -> s + 1).limit(40);
    }

    /** A walk over soups: in every place the bytes of averaging afresh, or a refusal. */
    @ParameterizedTest
    @MethodSource("seeds")
    void anyOrderOfComingAndLeavingEqualsAveragingAfresh(long seed) throws IOException {
        Random random = new Random(seed);
        SoupOptions options = options(random);
        List<Path> all = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            all.add(folder("i" + i, random, options.components().isEmpty()));
        }
        List<SoupIngredient> in = new ArrayList<>();
        List<Path> others = new ArrayList<>(all);
        for (int i = 0; i < 3; i++) {
            in.add(weighted(take(others, random), random));
        }
        Path soup = dir.resolve("soup");
        assertThat(Souper.with(options).make(in, soup).note()).doesNotContain("No sum");
        boolean hides = random.nextInt(3) == 0;
        Set<Path> hidden = new HashSet<>();
        int refused = 0;
        for (int step = 0; step < 6; step++) {
            List<SoupIngredient> next = new ArrayList<>(in);
            List<Path> remove = new ArrayList<>();
            List<SoupIngredient> add = new ArrayList<>();
            List<Path> out = new ArrayList<>(others);
            for (int i = random.nextInt(Math.min(3, in.size() + 1)); i > 0; i--) {
                SoupIngredient gone = next.remove(random.nextInt(next.size()));
                remove.add(gone.path());
            }
            for (int i = random.nextInt(3); i > 0 && !out.isEmpty(); i--) {
                SoupIngredient comes = weighted(take(out, random), random);
                add.add(comes);
                next.add(comes);
            }
            if (!remove.isEmpty() && random.nextInt(4) == 0) { // another weight, in its place
                SoupIngredient again = weighted(remove.getFirst(), random);
                add.add(again);
                next = reweighted(in, next, again);
            }
            if (next.isEmpty() || remove.isEmpty() && add.isEmpty()) {
                continue;
            }
            if (hides) {
                hide(in, remove, add, hidden, random);
            }
            Path target = random.nextBoolean() ? soup : dir.resolve("step" + step);
            SortedMap<String, String> before = tree(soup);
            try {
                new SoupAdjuster(
                                SoupOptions.DEFAULT
                                        .withKeepSum(true)
                                        .withThreads(2)
                                        .withWriter(new CheckpointWriter(true, 0)))
                        .exactly(new SoupAdjuster.Request(soup, remove, add, target));
            } catch (SoupException e) {
                assertThat(hidden).as("seed %d step %d: %s", seed, step, e).isNotEmpty();
                assertThat(e).hasMessageContaining("average afresh: soup merge ");
                assertThat(tree(soup)).isEqualTo(before);
                refused++;
                show(hidden);
                continue;
            }
            show(hidden);
            Path afresh = dir.resolve("afresh");
            Souper.with(options).make(next, afresh);
            assertThat(tree(target)).as("seed %d step %d", seed, step).isEqualTo(tree(afresh));
            in = next;
            others = new ArrayList<>(all);
            for (SoupIngredient i : in) {
                others.remove(i.path());
            }
            soup = target;
        }
        assertThat(hides || refused == 0).isTrue();
    }

    private SoupOptions options(Random random) {
        SoupOptions options = keep;
        options =
                switch (random.nextInt(3)) {
                    case 0 -> options;
                    case 1 -> options.withComponents(Set.of("unet"));
                    default -> options.withComponents(Set.of("unet", "text_encoder"));
                };
        if (random.nextBoolean()) {
            options = options.withVariant(VARIANT);
        }
        if (random.nextBoolean()) { // from a file per tensor to one or two of them in several
            int size = 1 << random.nextInt(10);
            options = options.withWriter(new CheckpointWriter(true, size));
        }
        return random.nextInt(3) == 0 ? options.withOutputDType(Optional.of(DType.F16)) : options;
    }

    private static Path take(List<Path> from, Random random) {
        return from.remove(random.nextInt(from.size()));
    }

    private static SoupIngredient weighted(Path path, Random random) {
        return SoupIngredient.of(path, Coefficient.parse(String.valueOf(1 + random.nextInt(3))));
    }

    /** Who gets another weight stays in his place among those who were there. */
    private static List<SoupIngredient> reweighted(
            List<SoupIngredient> before, List<SoupIngredient> next, SoupIngredient again) {
        List<SoupIngredient> made = new ArrayList<>();
        for (SoupIngredient i : before) {
            if (i.path().equals(again.path())) {
                made.add(again);
            } else if (next.contains(i)) {
                made.add(i);
            }
        }
        next.stream().filter(i -> !before.contains(i)).forEach(made::add);
        return made;
    }

    /** Takes one who is neither leaving nor coming out of sight. */
    private static void hide(
            List<SoupIngredient> in,
            List<Path> remove,
            List<SoupIngredient> add,
            Set<Path> hidden,
            Random random)
            throws IOException {
        List<Path> can = new ArrayList<>(in.stream().map(SoupIngredient::path).toList());
        can.removeAll(remove);
        can.removeAll(add.stream().map(SoupIngredient::path).toList());
        if (!can.isEmpty()) {
            Path p = can.get(random.nextInt(can.size()));
            Files.move(p, p.resolveSibling("away-" + p.getFileName()));
            hidden.add(p);
        }
    }

    private static void show(Set<Path> hidden) throws IOException {
        for (Path p : hidden) {
            Files.move(p.resolveSibling("away-" + p.getFileName()), p);
        }
        hidden.clear();
    }

    private static SortedMap<String, String> tree(Path folder) throws IOException {
        TreeMap<String, String> tree = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            all.filter(Files::isRegularFile)
                    .forEach(f -> tree.put(folder.relativize(f).toString(), Hashes.sha256(f)));
        }
        return tree;
    }

    /**
     * A pipeline whose components all differ from any other's, and whose texts say the same in
     * words of their own.
     *
     * @param alike whether what is never averaged says the same, too
     */
    private Path folder(String name, Random random, boolean alike) throws IOException {
        Path folder = Files.createDirectory(dir.resolve(name));
        text(
                folder.resolve("model_index.json"),
                random,
                "\"_class_name\": \"StableDiffusionPipeline\"",
                "\"unet\": [\"diffusers\", \"UNet2DConditionModel\"]",
                "\"vae\": [\"diffusers\", \"AutoencoderKL\"]",
                "\"text_encoder\": [\"transformers\", \"CLIPTextModel\"]",
                "\"tokenizer\": [\"transformers\", \"CLIPTokenizer\"]",
                "\"scheduler\": [\"diffusers\", \"DDIMScheduler\"]");
        text(folder.resolve("unet/config.json"), random, "\"in_channels\": 4", "\"sample\": 8");
        String scale = alike ? "1" : String.valueOf(random.nextInt(3));
        text(
                folder.resolve("vae/config.json"),
                random,
                "\"latent_channels\": 4",
                "\"scaling_factor\": " + scale);
        text(folder.resolve("text_encoder/config.json"), random, "\"a\": 1", "\"b\": 2");
        text(folder.resolve("tokenizer/vocab.json"), random, "\"x\": 0", "\"y\": 1");
        text(
                folder.resolve("scheduler/scheduler_config.json"),
                random,
                "\"prediction_type\": \"epsilon\"",
                "\"beta_start\": 0.1");
        weights(folder.resolve("unet/diffusion_pytorch_model"), "." + VARIANT, random);
        weights(folder.resolve("vae/diffusion_pytorch_model"), "", random);
        weights(folder.resolve("text_encoder/model"), "." + VARIANT, random);
        return folder;
    }

    private static void text(Path file, Random random, String... fields) throws IOException {
        Files.createDirectories(file.getParent());
        List<String> words = new ArrayList<>(List.of(fields));
        if (random.nextBoolean()) {
            words = words.reversed();
        }
        String between = List.of(", ", ",", ",\n  ").get(random.nextInt(3));
        Files.writeString(file, "{" + String.join(between, words) + "}");
    }

    /** The weights, and those of a variant, which are others. */
    private static void weights(Path stem, String variant, Random random) {
        for (String word : variant.isEmpty() ? List.of("") : List.of("", variant)) {
            write(stem.resolveSibling(stem.getFileName() + word + ".safetensors"), random, 7);
        }
    }

    private static void write(Path file, Random random, long ids) {
        float[] w = new float[50];
        for (int i = 0; i < w.length; i++) {
            w[i] = random.nextInt(-4000, 4000) / 1024f;
        }
        SafetensorsWriter.write(
                file,
                Map.of("format", "pt"),
                List.of(
                        TensorEntry.ofFloats("w", new long[] {50}, w),
                        new TensorEntry("ids", DType.I64, new long[] {1}, TensorBytes.of(ids))));
    }

    private void adjust(Path soup, List<Path> remove, List<Path> add, Path out) {
        new SoupAdjuster(keep)
                .exactly(
                        new SoupAdjuster.Request(
                                soup, remove, add.stream().map(SoupIngredient::of).toList(), out));
    }

    private Path soup(SoupOptions options, Path... in) {
        Path soup = dir.resolve("soup");
        Souper.with(options).make(Stream.of(in).map(SoupIngredient::of).toList(), soup);
        return soup;
    }

    /** Single files: what their headers say, and names of tensors of other libraries. */
    @ParameterizedTest
    @MethodSource("seeds")
    void singleFilesSayWhatAveragingAfreshSays(long seed) throws IOException {
        Random random = new Random(seed);
        List<Path> all = new ArrayList<>();
        Set<Path> old = new HashSet<>();
        for (int i = 0; i < 6; i++) {
            Path file = dir.resolve("m" + i + ".safetensors");
            boolean named = random.nextInt(4) == 0;
            Map<String, String> header = new TreeMap<>(Map.of("format", "pt"));
            if (random.nextBoolean()) {
                header.put("modelspec.prediction_type", "epsilon");
            }
            if (random.nextInt(4) == 0) {
                Files.writeString(
                        dir.resolve("m" + i + ".yaml"), "model:\n  parameterization: eps\n");
            }
            SafetensorsWriter.write(
                    file,
                    header,
                    List.of(
                            TensorEntry.ofFloats(
                                    (named ? "_orig_mod." : "") + "w",
                                    new long[] {2},
                                    random.nextInt(100),
                                    random.nextInt(100))));
            all.add(file);
            if (named) {
                old.add(file);
            }
        }
        List<SoupIngredient> in = new ArrayList<>();
        List<Path> others = new ArrayList<>(all);
        in.add(weighted(take(others, random), random));
        in.add(weighted(take(others, random), random));
        Path soup = dir.resolve("soup.safetensors");
        Souper.with(keep).make(in, soup);
        for (int step = 0; step < 8; step++) {
            List<SoupIngredient> next = new ArrayList<>(in);
            List<Path> remove = new ArrayList<>();
            List<SoupIngredient> add = new ArrayList<>();
            List<Path> out = new ArrayList<>(others);
            if (random.nextBoolean()) {
                remove.add(next.remove(random.nextInt(next.size())).path());
            }
            if ((remove.isEmpty() || random.nextBoolean()) && !out.isEmpty()) {
                add.add(weighted(take(out, random), random));
                next.addAll(add);
            }
            if (next.isEmpty() || remove.isEmpty() && add.isEmpty()) {
                continue;
            }
            try {
                new SoupAdjuster(keep).exactly(new SoupAdjuster.Request(soup, remove, add, soup));
            } catch (SoupException e) {
                assertThat(old).as("seed %d step %d: %s", seed, step, e).isNotEmpty();
                assertThat(e).hasMessageContaining("calls its tensors otherwise");
                continue;
            }
            Path afresh = dir.resolve("afresh.safetensors");
            Souper.with(keep).make(next, afresh);
            assertThat(soup).as("seed %d step %d", seed, step).hasSameBinaryContentAs(afresh);
            in = next;
            others = new ArrayList<>(all);
            for (SoupIngredient i : in) {
                others.remove(i.path());
            }
        }
    }

    /** What merge refuses is not taken in by way of the sum. */
    @ParameterizedTest
    @ValueSource(strings = {"", "F16"})
    void whatAveragingRefusesIsNotAdded(String dtype) throws IOException {
        Random random = new Random(3);
        Path a = folder("a", random, true);
        Path b = folder("b", random, true);
        SoupOptions options = keep.withOutputDType(DType.ofSafetensorsName(dtype));
        Path soup = soup(options, a, b);
        Path out = dir.resolve("out");

        Path integers = folder("integers", random, true);
        write(integers.resolve("vae/diffusion_pytorch_model.safetensors"), random, 8);
        refused(soup, integers, "'ids' is I64 and differs", out);

        Path config = folder("config", random, true);
        Files.writeString(config.resolve("unet/config.json"), "{\"in_channels\": 9}");
        refused(soup, config, "unet/config.json", out);

        Path more = folder("more", random, true);
        SafetensorsWriter.write(
                more.resolve("vae/diffusion_pytorch_model.safetensors"),
                Map.of(),
                List.of(
                        TensorEntry.ofFloats("w", new long[] {50}, new float[50]),
                        TensorEntry.ofFloats("x", new long[] {1}, 1f),
                        new TensorEntry("ids", DType.I64, new long[] {1}, TensorBytes.of(7L))));
        refused(soup, more, "x", out);

        Path half = folder("half", random, true);
        SafetensorsWriter.write(
                half.resolve("vae/diffusion_pytorch_model.safetensors"),
                Map.of(),
                List.of(
                        new TensorEntry(
                                "w",
                                DType.BF16,
                                new long[] {50},
                                TensorBytes.of(MemorySegment.ofArray(new byte[100]))),
                        new TensorEntry("ids", DType.I64, new long[] {1}, TensorBytes.of(7L))));
        refused(soup, half, "BF16", out);
        adjust(soup, List.of(), List.of(folder("c", random, true)), out);
    }

    private void refused(Path soup, Path add, String word, Path out) {
        assertThatThrownBy(() ->
                        Souper.with(keep)
                                .make(
                                        List.of(
                                                SoupIngredient.of(dir.resolve("a")),
                                                SoupIngredient.of(add)),
                                        out))
                .isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> adjust(soup, List.of(), List.of(add), out))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(word);
        assertThat(out).doesNotExist();
    }

    /** The soup says itself which of its ingredients the rest was copied from. */
    @Test
    void whereTheRestIsAlikeTheOrderShowsNowhere() throws IOException {
        Random random = new Random(4);
        Path a = folder("a", random, true);
        Path b = Files.createDirectory(dir.resolve("b"));
        copy(a, b);
        write(b.resolve("unet/diffusion_pytorch_model.safetensors"), random, 7);
        Path c = Files.createDirectory(dir.resolve("c"));
        copy(a, c);
        write(c.resolve("unet/diffusion_pytorch_model.safetensors"), random, 7);
        SoupOptions unet = keep.withComponents(Set.of("unet"));
        SortedMap<String, String> forth = tree(soup(unet, a, b, c));
        assertThat(tree(soup(unet, c, a, b))).isEqualTo(forth);
        // So none of them has to be there.
        Path away = Files.move(b, dir.resolve("away"));
        Path gone = Files.move(a, dir.resolve("gone"));
        adjust(dir.resolve("soup"), List.of(c), List.of(), dir.resolve("out"));
        Files.move(away, b);
        Files.move(gone, a);
        assertThat(tree(dir.resolve("out"))).isEqualTo(tree(soup(unet, b, a)));
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : (Iterable<Path>) all::iterator) {
                Path target = to.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(p, target);
                }
            }
        }
    }

    /** A component that somebody has put into the soup since is none that averaging would give. */
    @Test
    void whatWasPutIntoTheSoupSinceDoesNotStay() throws IOException {
        Random random = new Random(5);
        Path a = folder("a", random, false);
        Path b = folder("b", random, false);
        Path c = folder("c", random, false);
        SoupOptions unet = keep.withComponents(Set.of("unet"));
        Path soup = soup(unet, a, b, c);
        write(soup.resolve("vae/diffusion_pytorch_model.safetensors"), random, 7);
        adjust(soup, List.of(c), List.of(), dir.resolve("out"));
        assertThat(tree(dir.resolve("out"))).isEqualTo(tree(soup(unet, a, b)));
    }

    @Test
    void anIngredientThatIsReadForItsFilesIsNotWrittenOver() throws IOException {
        Random random = new Random(6);
        Path a = folder("a", random, false);
        Path b = dir.resolve("b"); // itself made here, so that it might be replaced
        Souper.create().make(List.of(SoupIngredient.of(folder("of-b", random, false))), b);
        Path soup = soup(keep.withComponents(Set.of("unet")), a, b);
        SortedMap<String, String> before = tree(b);
        assertThatThrownBy(() -> adjust(soup, List.of(a), List.of(), b))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("Cannot write to " + b);
        assertThat(tree(b)).isEqualTo(before);
    }

    /** Sums of earlier versions do not tell what would be copied. */
    @Test
    void aFoldersSumThatDoesNotSayWhatItsIngredientsHaveIsNotUsed() throws IOException {
        Random random = new Random(7);
        Path a = folder("a", random, true);
        Path b = folder("b", random, true);
        Path soup = soup(keep, a, b);
        Path sum = KeptSum.folderOf(soup);
        KeptSum kept = KeptSum.open(soup, Optional.empty());
        List<KeptSum.Member> less =
                kept.members().stream()
                        .map(m ->
                                new KeptSum.Member(
                                        m.name(),
                                        m.a(),
                                        m.given(),
                                        m.hashes(),
                                        m.metadata(),
                                        IngredientTraits.NONE))
                        .toList();
        Files.delete(sum.resolve("sum.json"));
        new KeptSum(sum, less, kept.options(), kept.checksums()).writeIndex(sum);
        Path out = dir.resolve("out");
        assertThatThrownBy(() -> adjust(soup, List.of(a), List.of(), out))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("is of an earlier version")
                .hasMessageEndingWith(
                        "average afresh: soup merge b `out` %s `keepSum` `force`".formatted(out));
        assertThat(out).doesNotExist();
    }

    /** A formula that takes out of every tensor what is only in some. */
    @Test
    void theFormulaIsRefusedWhereNotAllIsAMeanOfAll() throws IOException {
        Random random = new Random(8);
        Path a = folder("a", random, false);
        Path b = folder("b", random, false);
        Path components = soup(SoupOptions.DEFAULT.withComponents(Set.of("unet")), a, b);
        approximately(components, a, "Only components of");
        Path unlike = dir.resolve("unlike");
        Souper.with(
                        SoupOptions.DEFAULT.withPolicy(
                                MismatchPolicy.REFUSE.withFiles(OnFiles.FROM_FIRST)))
                .make(List.of(SoupIngredient.of(a), SoupIngredient.of(b)), unlike);
        approximately(unlike, a, "ingredients that differ");
    }

    private void approximately(Path soup, Path remove, String word) {
        Path out = dir.resolve("out");
        assertThatThrownBy(() ->
                        new SoupAdjuster(SoupOptions.DEFAULT)
                                .approximately(
                                        new SoupAdjuster.Request(
                                                soup, List.of(remove), List.of(), out)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(word);
        assertThat(out).doesNotExist();
    }
}
