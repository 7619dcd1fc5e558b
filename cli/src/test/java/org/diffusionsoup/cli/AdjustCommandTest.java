package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code soup adjust}: what weights count beside, damaged sums, names with signs in them. */
class AdjustCommandTest {
    @TempDir private Path folder;

    private Path model(String name, float value) {
        return Checkpoints.of(folder.resolve(name), value, 1);
    }

    private Path out(String name) {
        return folder.resolve(name + ".safetensors");
    }

    @Test
    void weightsCountBesideThoseTypedHoweverASoupCameAbout() {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Path c = model("c", 4);
        Path d = model("d", 8);
        Run.of("merge", a, b, c, "--weights", "2,1/3,0.25", "--keep-sum", "-o", out("m")).ok();
        Run removed =
                Run.of("adjust", out("m"), "--remove", b, "--keep-sum", "-o", out("less")).ok();
        assertThat(removed.out()).contains("8/9  a", "1/9  c").doesNotContain("beside");
        Run.of("merge", a, c, "--weights", "2,0.25", "--keep-sum", "-o", out("direct")).ok();
        for (String from : new String[] {"less", "direct"}) {
            Run added =
                    Run.of("adjust", out(from), "--add", d + "=3/4", "-o", out(from + "-more"))
                            .ok();
            assertThat(added.out())
                    .contains("2/3  a", "1/12  c", "1/4  d")
                    .contains("d counts 3/4 beside the weights of", "a 2, c 1/4");
        }
        assertThat(out("less-more")).hasSameBinaryContentAs(out("direct-more"));
        Run.of("adjust", out("less"), "--add", d + "=1/7", "-o", out("x"))
                .fails(1, "multiples of 1/12", "1/7");
    }

    @Test
    void whatIsInTheSumIsNotAddedASecondTime() throws IOException {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Path c = model("c", 4);
        Run.of("merge", a, b, "--weights", "2,1", "--keep-sum", "-o", out("soup")).ok();
        Path copy = Files.copy(a, folder.resolve("copy"));
        Run.of("adjust", out("soup"), "--add", copy, "-o", out("x"), "-q")
                .fails(
                        1,
                        "copy is in the sum",
                        "it has the weights of 'a', whose weight is 2 of 3 in all",
                        "--remove " + copy + " --add " + copy + "=K");
        Run.of("adjust", out("soup"), "--add", c, "--add", c, "-o", out("x"), "-q")
                .fails(1, "is in the sum");
        assertThat(out("x")).doesNotExist();
        // The advice does what it says.
        Run.of("adjust", out("soup"), "--remove", copy, "--add", copy + "=4", "-o", out("x")).ok();
        Run.of("merge", copy, b, "--weights", "4,1", "-o", out("afresh")).ok();
        assertThat(out("x")).hasSameBinaryContentAs(out("afresh"));
    }

    @Test
    void whatIsInTheSumOnceCannotBeTakenOutTwice() {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Path c = model("c", 4);
        Run.of("merge", a, b, c, "--keep-sum", "-o", out("soup")).ok();
        Run.of("adjust", out("soup"), "--remove", a, "--remove", a, "-o", out("x"), "-q")
                .fails(1, a + " is to be removed more often than the sum", "has it (1)");
        assertThat(out("x")).doesNotExist();
    }

    /** The sum is written first: what cannot have one leaves the soup and its sum as they were. */
    @Test
    void aSumThatCannotBeKeptCostsNeitherSoupNorSum() throws IOException {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Run.of("merge", a, b, "--keep-sum", "-o", out("soup")).ok();
        byte[] before = Files.readAllBytes(out("soup"));
        List<Object> add = new ArrayList<>(List.of("adjust", out("soup"), "--keep-sum", "--force"));
        for (float far : new float[] {3e38f, 1e19f, 1e-19f, 1e-38f}) { // more than a sum's doubles
            add.addAll(List.of("--add", model("m" + far, far)));
        }
        add.addAll(List.of("-o", out("soup"), "-q"));
        Run.of(add.toArray()).fails(1, "No sum was kept");
        assertThat(Files.readAllBytes(out("soup"))).isEqualTo(before);
        // so the old pair still works
        Run.of("adjust", out("soup"), "--remove", b, "-o", out("x")).ok();
        assertThat(hidden()).isEmpty();
    }

    private List<String> hidden() throws IOException {
        try (var all = Files.list(folder)) {
            return all.map(f -> f.getFileName().toString()).filter(n -> n.startsWith(".")).toList();
        }
    }

    @Test
    void weightsThatAreNoNumbersHaveNoSum() throws IOException {
        Path nan = model("nan", Float.NaN);
        Path a = model("a", 1);
        Run.of("merge", a, a, "--keep-sum", "-o", out("soup"), "-q").ok();
        byte[] before = Files.readAllBytes(out("soup"));
        Run.of("merge", nan, a, "--keep-sum", "-o", out("soup"), "--force", "-q")
                .fails(1, "holds 4 NaN", "--allow-nan");
        assertThat(Files.readAllBytes(out("soup"))).isEqualTo(before);
        Run with = Run.of("merge", nan, a, "--allow-nan", "--keep-sum", "-o", out("n")).ok();
        assertThat(with.err()).contains("No sum was kept: NaN or infinities");
        assertThat(folder.resolve("n.safetensors.sum")).doesNotExist();
        assertThat(hidden()).isEmpty();
    }

    /** An ingredient in whose place its soup was written would be gone for good. */
    @Test
    void noIngredientIsReplacedByWhatIsMadeOfIt() throws IOException {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Path c = model("c", 4);
        Run.of("merge", a, b, "--keep-sum", "-o", out("soup")).ok();
        byte[] inA = Files.readAllBytes(a);
        byte[] inC = Files.readAllBytes(c);
        Path same = Files.createLink(folder.resolve("same.safetensors"), c);
        for (Path place : new Path[] {c, folder.resolve(".").resolve("c"), same}) {
            Run.of("adjust", out("soup"), "--add", c, "-o", place, "--force", "-q")
                    .fails(1, "Cannot write to " + place, "its ingredient " + c);
        }
        Run.of("adjust", out("soup"), "--remove", a, "-o", a, "--force", "-q")
                .fails(1, "Cannot write to " + a, "its ingredient " + a);
        assertThat(Files.readAllBytes(a)).isEqualTo(inA);
        assertThat(Files.readAllBytes(c)).isEqualTo(inC);
        // the soup itself may be, and what its old sum still holds is said
        assertThat(
                        Run.of("adjust", out("soup"), "--remove", a, "-o", out("soup"), "--force")
                                .ok()
                                .err())
                .contains("soup.safetensors.sum is the sum of what was at", "--keep-sum");
        // whatever is asked for, since what that sum holds says nothing of the soup
        for (String change : new String[] {"--add", "--remove"}) {
            Run.of("adjust", out("soup"), change, a, "-o", out("other"))
                    .fails(1, "soup.safetensors.sum is not that of", "their recipes differ");
        }
        assertThat(Run.of("merge", a, b, "-o", out("soup"), "--force").ok().err())
                .contains("soup.safetensors.sum is the sum of what was at");
    }

    @Test
    void theSameWeightsTwiceAreTold() {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Run twice = Run.of("merge", a, a, b, "-o", out("twice")).ok();
        assertThat(twice.err()).contains(a + " is given twice, and counts twice.");
        assertThat(twice.out()).contains("1/3");
        assertThat(Run.of("merge", a, b, "-o", out("once")).ok().err())
                .doesNotContain("same weights");
    }

    /** Of a soup of some components the others are the first ingredient's of those that stay. */
    @Test
    void nothingOfWhatIsRemovedStaysInTheComponentsThatAreCopied() throws IOException {
        Path x = MergeModels.folder(folder.resolve("x"), 1);
        Path y = MergeModels.folder(folder.resolve("y"), 2);
        Path z = MergeModels.folder(folder.resolve("z"), 3);
        Path soup = folder.resolve("soup");
        Run.of("merge", x, y, z, "--component", "unet", "--keep-sum", "-o", soup).ok();
        Path less = folder.resolve("less");
        Run removed = Run.of("adjust", soup, "--remove", x, "-o", less).ok();
        assertThat(removed.err()).contains("Not averaged, but copied from " + y);
        Path afresh = folder.resolve("afresh");
        Run.of("merge", y, z, "--component", "unet", "-o", afresh).ok();
        for (String f :
                new String[] {
                    "model_index.json",
                    "unet/diffusion_pytorch_model.safetensors",
                    "vae/diffusion_pytorch_model.safetensors"
                }) {
            assertThat(less.resolve(f)).hasSameBinaryContentAs(afresh.resolve(f));
        }
        Run.of("reproduce", less, "--inputs", x, y, z).ok();
        Run.of("reproduce", soup, "--inputs", x, y, z).ok();
        Files.move(y, folder.resolve("away"), StandardCopyOption.ATOMIC_MOVE);
        Path out = folder.resolve("none");
        Run.of("adjust", soup, "--remove", x, "-o", out)
                .fails(
                        1,
                        "'y'",
                        "average afresh: soup merge y z --out " + out + " --component unet");
        assertThat(out).doesNotExist();
    }

    /** A soup says which variant of the weights it is made of, and others are none of it. */
    @Test
    void theSoupsVariantIsReadOfWhatComesAndLeaves() throws IOException {
        List<Path> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Path m = MergeModels.folder(folder.resolve("v" + i), i);
            MergeModels.file(m.resolve("unet/diffusion_pytorch_model.non_ema.safetensors"), 50 + i);
            all.add(m);
        }
        Path two = folder.resolve("two");
        String[] variant = {"--variant", "non_ema"};
        Run.of("merge", all.get(0), all.get(1), variant[0], variant[1], "--keep-sum", "-o", two)
                .ok();
        Path three = folder.resolve("three");
        Run.of("adjust", two, "--add", all.get(2), "--keep-sum", "-o", three).ok();
        Path afresh = folder.resolve("afresh");
        Run.of("merge", all.get(0), all.get(1), all.get(2), variant[0], variant[1], "-o", afresh)
                .ok();
        String unet = "unet/diffusion_pytorch_model.safetensors";
        assertThat(three.resolve(unet)).hasSameBinaryContentAs(afresh.resolve(unet));
        Run.of("reproduce", three, "--inputs", all.get(0), all.get(1), all.get(2)).ok();
        Path back = folder.resolve("back");
        Run.of("adjust", three, "--remove", all.get(2), "-o", back).ok();
        assertThat(back.resolve(unet)).hasSameBinaryContentAs(two.resolve(unet));
        Path formula = folder.resolve("formula");
        Run.of("adjust", three, "--remove", all.get(2), "--approximate", "-o", formula).ok();
        Path plain = MergeModels.folder(folder.resolve("plain"), 9);
        Run.of("adjust", two, "--add", plain, "-o", folder.resolve("none"))
                .fails(1, plain + " has no weights of the variant 'non_ema', of which " + two);
    }

    @Test
    void jsonCountsTheWeights() {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Run.of("merge", a, b, "--keep-sum", "-o", out("s")).ok();
        String merged = Run.of("merge", a, "--json", "-o", out("a-alone")).ok().out();
        String weights = merged.lines().filter(l -> l.contains("parameters")).findFirst().get();
        assertThat(weights).doesNotContain(": 0,");
        Run exact = Run.of("adjust", out("s"), "--remove", b, "--json", "-o", out("t")).ok();
        assertThat(exact.out()).contains(weights.strip());
        Run formula =
                Run.of("adjust", out("s"), "--remove", b, "--approximate", "--json", "-o", out("u"))
                        .ok();
        assertThat(formula.out()).contains(weights.strip());
    }

    @Test
    void aDamagedSumIsNotUsed() throws IOException {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Run.of("merge", a, b, "--keep-sum", "-o", out("s")).ok();
        Path sums = folder.resolve("s.safetensors.sum/weights.safetensors");
        byte[] bytes = Files.readAllBytes(sums);
        bytes[bytes.length - 3] ^= 1;
        Files.write(sums, bytes);
        Run.of("adjust", out("s"), "--remove", b, "-o", out("x"), "-q")
                .fails(1, "s.safetensors.sum is damaged", "--keep-sum");
        assertThat(out("x")).doesNotExist();
    }

    @Test
    void aNameWithASignInItIsTheFileThatExists() throws IOException {
        Path a = model("a", 1);
        model("x", 2);
        Path signed = model("x=2", 4);
        Run.of("merge", a, "--keep-sum", "-o", out("s")).ok();
        assertThat(Run.of("adjust", out("s"), "--add", signed, "-o", out("t")).ok().out())
                .contains("1/2  a", "1/2  x=2");
        assertThat(Run.of("adjust", out("s"), "--add", signed + "=3", "-o", out("u")).ok().out())
                .contains("1/4  a", "3/4  x=2");
        Files.move(signed, folder.resolve("away"), StandardCopyOption.ATOMIC_MOVE);
        assertThat(Run.of("adjust", out("s"), "--add", signed, "-o", out("v")).ok().out())
                .contains("1/3  a", "2/3  x");
    }

    @Test
    void anApproximateSoupSaysWhyNothingMoreIsRemoved() {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Path c = model("c", 4);
        Run.of("merge", a, b, c, "-o", out("s")).ok();
        Run.of("adjust", out("s"), "--remove", b, "--approximate", "-o", out("t")).ok();
        Run.of("adjust", out("t"), "--remove", c, "--approximate", "-o", out("u"))
                .fails(1, "t.safetensors is approximate itself", "soup merge");
    }

    @Test
    void anOptionThatIsUnknownIsNamedBeforeWhatIsMissing() {
        Run.of("merge", "--hlep").fails(2, "unknown option '--hlep'", "'--help'");
        Run.of("merge", "a", "--wieghts=1,2").fails(2, "unknown option '--wieghts'", "--weights");
        Run.of("merge", "--weights", "2,1").fails(2, "missing");
        Run.of("generate", "--prompt", "--hlep").fails(2, "missing");
    }

    /** Else the sum could not be replaced any more, as it would hold what is no part of it. */
    @Test
    void nothingIsWrittenIntoASum() throws IOException {
        Path a = model("a", 1);
        Path b = model("b", 2);
        Path soup = out("soup");
        Path sum = folder.resolve("soup.safetensors.sum");
        Run.of("merge", a, b, "--keep-sum", "-o", soup).ok();
        Path link = Files.createSymbolicLink(folder.resolve("link"), sum);
        for (Path in : List.of(sum, link)) {
            for (String name : List.of("x", "deep/x")) {
                Path out = in.resolve(name);
                for (boolean keep : new boolean[] {false, true}) {
                    List<Object> words = new ArrayList<>(List.of("-o", out, "-q", "--force"));
                    if (keep) {
                        words.add("--keep-sum");
                    }
                    List<Object> adjust = new ArrayList<>(List.of("adjust", soup, "--remove", b));
                    adjust.addAll(words);
                    Run.of(adjust.toArray()).fails(1, out + " lies inside ", "a kept sum");
                    List<Object> merge = new ArrayList<>(List.of("merge", a, b));
                    merge.addAll(words);
                    Run.of(merge.toArray()).fails(1, out + " lies inside ", "a kept sum");
                }
            }
        }
        Run.of("adjust", soup, "--remove", b, "--keep-sum", "--force", "-o", soup).ok();
    }

    @Test
    void theSoupIsNotWrittenIntoByAnotherName() throws IOException {
        Path one = TinyModels.ingredient(folder.resolve("one"), 1);
        Path two = TinyModels.ingredient(folder.resolve("two"), 2);
        Path soup = folder.resolve("soup");
        Run.of("merge", one, two, "--keep-sum", "-o", soup).ok();
        Path link = Files.createSymbolicLink(folder.resolve("link"), soup);
        for (Path out : List.of(soup.resolve("x"), link.resolve("x"))) {
            Run.of("adjust", soup, "--remove", two, "-o", out, "-q")
                    .fails(1, "lies inside the soup " + soup);
        }
    }

    /** In as many files as averaging afresh with the size that the soup was made with. */
    @ParameterizedTest
    @ValueSource(strings = {"8B", "20kB", "100kB", "250kB", "300kB", "1MB"})
    void aSoupInSeveralFilesStaysOne(String size) throws IOException {
        Path one = TinyModels.ingredient(folder.resolve("one"), 1);
        Path two = TinyModels.ingredient(folder.resolve("two"), 2);
        Path soup = folder.resolve("soup");
        Run.of("merge", one, two, "--keep-sum", "--shard-size", size, "-o", soup).ok();
        Path afresh = folder.resolve("afresh");
        Run.of("merge", one, "--shard-size", size, "-o", afresh).ok();
        Path exact = folder.resolve("exact");
        Run.of("adjust", soup, "--remove", two, "-o", exact).ok();
        assertThat(files(exact)).isEqualTo(files(afresh));
        for (String file : files(afresh)) {
            assertThat(exact.resolve(file)).hasSameBinaryContentAs(afresh.resolve(file));
        }
        Path formula = folder.resolve("formula");
        Run.of("adjust", soup, "--remove", two, "--approximate", "-o", formula).ok();
        assertThat(files(formula)).isEqualTo(files(afresh));
    }

    @Test
    void soDoesASingleModelInSeveralFiles() throws IOException {
        Path a = TinyModels.ingredient(folder.resolve("one"), 1);
        Path b = TinyModels.ingredient(folder.resolve("two"), 2);
        String unet = "unet/diffusion_pytorch_model.safetensors";
        Path soup = folder.resolve("soup");
        a = Files.copy(a.resolve(unet), out("a"));
        b = Files.copy(b.resolve(unet), out("b"));
        Run.of("merge", a, b, "--keep-sum", "--shard-size", "200kB", "-o", soup).ok();
        Path afresh = folder.resolve("afresh");
        Run.of("merge", b, "--shard-size", "200kB", "-o", afresh).ok();
        Run.of("adjust", soup, "--remove", a, "-o", soup, "--keep-sum", "--force").ok();
        assertThat(files(soup)).isEqualTo(files(afresh)).hasSizeGreaterThan(3);
        for (String file : files(afresh)) {
            assertThat(soup.resolve(file)).hasSameBinaryContentAs(afresh.resolve(file));
        }
    }

    private static List<String> files(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile)
                    .map(f -> folder.relativize(f).toString())
                    .sorted()
                    .toList();
        }
    }
}
