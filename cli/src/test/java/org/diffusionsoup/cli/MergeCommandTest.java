package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup merge} and {@code soup adjust} from the command line to the bytes. */
class MergeCommandTest {
    @TempDir private Path folder;
    private final List<Path> four = new ArrayList<>();

    @BeforeEach
    void ingredients() {
        for (int i = 1; i <= 4; i++) {
            Path file = folder.resolve("i" + i + ".safetensors");
            float[] w = new float[3000];
            for (int j = 0; j < w.length; j++) {
                w[j] = (float) Math.sin(j * 0.37 + i * i);
            }
            SafetensorsWriter.write(
                    file, Map.of(), List.of(TensorEntry.ofFloats("w", new long[] {30, 100}, w)));
            four.add(file);
        }
    }

    private Run merge(List<Path> inputs, Path out, Object... more) {
        List<Object> args = new ArrayList<>(List.of("merge"));
        args.addAll(inputs);
        args.addAll(List.of("-o", out, "--no-hash-cache"));
        args.addAll(List.of(more));
        return Run.of(args.toArray());
    }

    @Test
    void allOrdersOfFourAndOneTwoAndEightThreadsGiveOneHash() {
        Set<String> hashes = new HashSet<>();
        Path out = folder.resolve("out.safetensors");
        List<List<Integer>> orders = new ArrayList<>();
        permute(new ArrayList<>(List.of(0, 1, 2, 3)), 0, orders);
        assertThat(orders).hasSize(24);
        for (List<Integer> order : orders) {
            for (int threads : new int[] {1, 2, 8}) {
                String weights =
                        String.join(",", order.stream().map(i -> String.valueOf(i + 1)).toList());
                merge(
                                order.stream().map(four::get).toList(),
                                out,
                                "--weights",
                                weights,
                                "--threads",
                                threads,
                                "--force",
                                "-q")
                        .ok();
                hashes.add(Hashes.sha256(out));
            }
        }
        assertThat(hashes).hasSize(1);
    }

    private static void permute(List<Integer> of, int at, List<List<Integer>> into) {
        if (at == of.size()) {
            into.add(List.copyOf(of));
            return;
        }
        for (int i = at; i < of.size(); i++) {
            Collections.swap(of, at, i);
            permute(of, at + 1, into);
            Collections.swap(of, at, i);
        }
    }

    @Test
    void aShardedOutputIsAnInputLikeAnyOther() {
        Path sharded = folder.resolve("sharded");
        Path whole = folder.resolve("whole.safetensors");
        List<Path> two = four.subList(0, 2);
        Path wide = folder.resolve("wide.safetensors");
        SafetensorsWriter.write(
                wide,
                Map.of(),
                List.of(
                        TensorEntry.ofFloats("a", new long[] {2}, 1f, 2f),
                        TensorEntry.ofFloats("b", new long[] {2}, 3f, 4f)));
        merge(List.of(wide), sharded, "--shard-size", "8B").ok();
        assertThat(sharded.resolve("model-00001-of-00002.safetensors")).exists();
        assertThat(sharded.resolve("model.safetensors.index.json")).exists();
        merge(List.of(sharded, wide), folder.resolve("again.safetensors")).ok();
        try (Checkpoint c = Checkpoint.open(folder.resolve("again.safetensors"))) {
            assertThat(c.part("").tensors().keySet()).containsExactly("a", "b");
        }
        merge(two, whole, "--dtype", "F16").ok();
        try (SafetensorsFile f = SafetensorsFile.open(whole)) {
            assertThat(f.tensor("w").dtype()).isEqualTo(DType.F16);
        }
        merge(two, folder.resolve("x"), "--shard-size", "much").fails(1, "'much' is no size");
        merge(two, folder.resolve("x"), "--dtype", "I64")
                .fails(2, "'I64' is no number format for weights");
    }

    @Test
    void whatLeavesByTheSumLeavesTheBytesOfTheRest() throws IOException {
        Path soup = folder.resolve("soup.safetensors");
        merge(four, soup, "--keep-sum").ok();
        Path less = folder.resolve("less.safetensors");
        Run.of("adjust", soup, "--remove", four.get(2), "-o", less, "--no-hash-cache").ok();
        Path afresh = folder.resolve("afresh.safetensors");
        merge(List.of(four.get(0), four.get(1), four.get(3)), afresh).ok();
        assertThat(less).hasSameBinaryContentAs(afresh);

        Path approximate = folder.resolve("approximate.safetensors");
        Run run =
                Run.of("adjust", soup, "--remove", four.get(2), "--approximate", "-o", approximate)
                        .ok();
        assertThat(run.out()).contains("approximate: a residue remains");
        assertThat(Files.mismatch(approximate, afresh)).isNotNegative();

        Run.of("adjust", soup, "-o", less).fails(2, "--remove or --add");
        Run.of("adjust", afresh, "--remove", four.get(0), "-o", folder.resolve("y"))
                .fails(1, "No sum is kept beside", "--keep-sum");
        Path none = folder.resolve("none");
        Run.of("adjust", none, "--remove", four.get(0), "-o", folder.resolve("y"))
                .fails(1, "There is no model " + none);
        Run.of("adjust", soup, "--remove", afresh, "-o", folder.resolve("y"))
                .fails(1, "is not in the sum", "i1.safetensors");
    }

    @Test
    void nanIsAveragedOnlyWhenAllowed() {
        Path nan = folder.resolve("nan.safetensors");
        float[] w = new float[3000];
        w[7] = Float.NaN;
        SafetensorsWriter.write(
                nan, Map.of(), List.of(TensorEntry.ofFloats("w", new long[] {30, 100}, w)));
        Path out = folder.resolve("out.safetensors");
        merge(List.of(nan, four.get(0)), out).fails(1, "'w'", "nan.safetensors", "1 NaN");
        assertThat(out).doesNotExist();
        merge(List.of(nan, four.get(0)), out, "--allow-nan").ok();
        try (SafetensorsFile f = SafetensorsFile.open(out)) {
            float[] mean = f.floats("w");
            assertThat(mean[7]).isNaN();
            assertThat(mean[8]).isFinite();
        }
    }

    /** What a script's unset variables leave of a list of weights is no list of equal ones. */
    @Test
    void emptyPlacesAmongWeightsAreRefused(@TempDir Path dir) throws IOException {
        Path a = TinyModels.copy(TinyModels.sd15(), dir.resolve("a"));
        Path b = TinyModels.copy(TinyModels.sd15(), dir.resolve("b"));
        for (String weights : List.of(",,", "2,1,", ",1", "1,", "2,0", "2,x", "2,-1")) {
            for (String command : List.of("merge", "make")) {
                Run run = Run.of(command, a, b, "-o", dir.resolve("o"), "--weights", weights);
                assertThat(run.status()).as(command + " " + weights).isEqualTo(2);
                assertThat(run.err()).contains("weight", "soup " + command + " --help");
            }
        }
        Run.of("merge", a, b, "-o", dir.resolve("o"), "--weights", "2,0")
                .fails(2, "--weights 0: A coefficient must be above 0, but one is 0.");
        assertThat(dir.resolve("o")).doesNotExist();
    }
}
