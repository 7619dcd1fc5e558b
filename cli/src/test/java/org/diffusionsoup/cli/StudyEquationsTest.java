package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup study costs}, {@code linear} and {@code naf} on tiny models. */
class StudyEquationsTest {
    @TempDir private Path temp;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private static JsonNode json(Object... args) throws IOException {
        List<Object> words = new ArrayList<>(List.of(args));
        words.add("--json");
        return new ObjectMapper().readTree(Run.of(words.toArray()).ok().out());
    }

    private static double estimate(JsonNode node, String path) {
        JsonNode interval = node.at(path);
        double estimate = interval.path("estimate").asDouble(Double.NaN);
        assertThat(interval.path("low").asDouble()).as(path).isLessThanOrEqualTo(estimate + 1e-12);
        assertThat(interval.path("high").asDouble())
                .as(path)
                .isGreaterThanOrEqualTo(estimate - 1e-12);
        return estimate;
    }

    @Test
    void anEnsembleCostsWhatItsMembersDoAndASoupWhatOneDoes() throws IOException {
        Path out = temp.resolve("costs");
        Object[] args = {
            "study",
            "costs",
            "--model",
            TinyModels.sd15(),
            "--members",
            "1,4",
            "--pictures",
            1,
            "--steps",
            2,
            "--repeats",
            2,
            "-o",
            out
        };
        JsonNode json = json(args);
        JsonNode one = json.at("/rows/0");
        JsonNode four = json.at("/rows/1");
        long unet =
                Files.size(TinyModels.sd15().resolve("unet/diffusion_pytorch_model.safetensors"));
        long alone = one.at("/soup/weightBytes").asLong();
        long three =
                four.at("/ensemble/weightBytes").asLong()
                        - one.at("/ensemble/weightBytes").asLong();
        assertThat(three % 3).isZero();
        assertThat((double) three / 3)
                .isCloseTo(unet, within(0.1 * unet)); // less the file's header
        assertThat(four.at("/soup/weightBytes").asLong()).isEqualTo(alone);
        assertThat(one.at("/ensemble/weightBytes").asLong()).isEqualTo(alone);
        assertThat(json.at("/exponents/soup/weightBytes").asDouble()).isZero();
        assertThat(json.at("/exponents/ensemble/weightBytes").asDouble())
                .isCloseTo(Math.log((double) (alone + three) / alone) / Math.log(4), within(1e-9));
        assertThat(estimate(four, "/ratio")).isGreaterThan(1.5);
        assertThat(estimate(four, "/ensemble/secondsPerPicture")).isPositive();
        assertThat(estimate(json, "/exponents/ensemble/processorSeconds"))
                .isGreaterThan(estimate(json, "/exponents/soup/processorSeconds"));
        assertThat(Files.readString(out.resolve("costs.html")))
                .contains("<svg", "1 picture of 2 steps, 2 repeats")
                .doesNotContain("n^-", " [-");
        assertThat(Files.readString(out.resolve("costs.json")))
                .contains("\"model\" : \"tiny-sd15\"")
                .doesNotContain(temp.toString())
                .doesNotContain(TinyModels.sd15().toString());
        assertThat(Run.of(args).ok().out()).contains("weights held grow as n^p: soup p = 0.00");

        Run.of("study", "costs", "--model", TinyModels.sd15(), "--members", "2,2", "-o", out)
                .fails(2, "--members takes two or more different numbers");
        Run.of("study", "costs", "--model", TinyModels.sd15(), "--repeats", 1, "-o", out)
                .fails(2, "--repeats must be at least 2");
        Run.of("study", "costs", "--model", temp.resolve("none"), "-o", out).fails(1, "none");
        Run.of(
                        "study",
                        "costs",
                        "--model",
                        TinyModels.sd15(),
                        "--members",
                        "1,100000000",
                        "-o",
                        out)
                .fails(1, "of memory together", "give fewer or smaller numbers");
    }

    @Test
    void theGapOfASoupIsMeasuredAlongFineTuning() throws IOException {
        Path shard = TinyTraining.shard(temp.resolve("rows.tar"), 6, 64, "train");
        for (int i = 1; i <= 2; i++) {
            Run.of(
                            "train",
                            "--base",
                            TinyModels.sd15(),
                            "--shard",
                            shard,
                            "--out",
                            temp.resolve("i" + i),
                            "--steps",
                            3,
                            "--batch",
                            2,
                            "--lr",
                            "1e-3",
                            "--keep-every",
                            1,
                            "--seed",
                            i,
                            "-q")
                    .ok();
        }
        Path out = temp.resolve("linear");
        Object[] args = {
            "study",
            "linear",
            "--base",
            TinyModels.sd15(),
            "--steps-of",
            temp.resolve("i1"),
            "--steps-of",
            temp.resolve("i2"),
            "--shard",
            shard,
            "--rows",
            3,
            "-o",
            out
        };
        JsonNode json = json(args);
        assertThat(json.path("stages"))
                .extracting(s -> s.path("name").asText())
                .containsExactly("step 1", "step 2", "end");
        assertThat(json.path("timesteps")).hasSize(6);
        double before = 0;
        for (JsonNode stage : json.path("stages")) {
            assertThat(stage.path("distance").asDouble()).isGreaterThan(before);
            before = stage.path("distance").asDouble();
            assertThat(estimate(stage, "/overall/relative")).isPositive();
            assertThat(estimate(stage, "/exponent")).isBetween(0.5, 4.0);
            assertThat(stage.path("byTimestep")).hasSize(6);
            assertThat(stage.path("byScale")).hasSize(4);
        }
        String results = Files.readString(out.resolve("linear.json"));
        assertThat(results).doesNotContain(temp.toString());
        Run again = Run.of(args).ok();
        assertThat(again.out()).contains("averaging predictions", "gap / effect");
        assertThat(Files.readString(out.resolve("linear.json"))).isEqualTo(results);
        assertThat(Files.readString(out.resolve("linear.html"))).contains("<svg");

        JsonNode last =
                json(
                        "study",
                        "linear",
                        "--base",
                        TinyModels.sd15(),
                        "--model",
                        temp.resolve("i1"),
                        "--model",
                        temp.resolve("i2"),
                        "--shard",
                        shard,
                        "--rows",
                        3,
                        "-o",
                        out);
        assertThat(last.path("stages")).hasSize(1);
        assertThat(estimate(last, "/stages/0/overall/gap"))
                .isEqualTo(estimate(json, "/stages/2/overall/gap"));
        Run.of("study", "linear", "--base", TinyModels.sd15(), "-o", out)
                .fails(2, "either with --model or with --steps-of");
        for (String flag : List.of("--model", "--steps-of")) {
            Run.of(
                            "study",
                            "linear",
                            "--base",
                            TinyModels.sd15(),
                            flag,
                            temp.resolve("i1"),
                            "-o",
                            temp.resolve("none"))
                    .fails(2, "at least two ingredients; give " + flag + " twice or more");
        }
        assertThat(temp.resolve("none")).doesNotExist();
    }

    @Test
    void aSoupIsAsFarFromASafeModelAsItsTrajectories() throws IOException {
        Path out = temp.resolve("naf");
        Path shard = TinyTraining.shard(temp.resolve("rows.tar"), 4, 64, "train");
        Path a = TinyModels.ingredient(temp.resolve("a"), 1);
        Path soup = temp.resolve("soup");
        Run.of("make", a, TinyModels.sd15(), "-o", soup, "-q").ok();
        Object[] soupOf = {
            "study",
            "naf",
            "--samples",
            100,
            "--soup",
            soup,
            "--safe",
            TinyModels.sd15(),
            "--shard",
            shard,
            "--prompts",
            2,
            "--trajectories",
            1,
            "--steps",
            4,
            "-o",
            out
        };
        JsonNode json = json(soupOf);
        assertThat(json.path("cases")).hasSize(5);
        assertThat(json.at("/cases/0/safe/0/maxDivergence").isNull()).isTrue();
        double half = estimate(json, "/models/path");
        String results = Files.readString(out.resolve("naf.json"));
        assertThat(results).doesNotContain(temp.toString()).contains("\"soup\" : \"soup\"");
        String said = Run.of(soupOf).ok().out();
        assertThat(said).contains("nats per picture, 2 prompts", "infinite", "not known");
        // a KL that is the same of every trajectory has no interval
        String point =
                String.format(
                        Locale.ROOT, "%.4f", json.at("/cases/0/safe/0/path/estimate").asDouble());
        assertThat(said).contains(point).doesNotContain(point + " [");
        assertThat(Files.readString(out.resolve("naf.html")))
                .contains("<th scope=\"col\" class=\"number\">Closed form</th>")
                .contains("<th scope=\"col\" class=\"number\">Max divergence</th>");
        assertThat(Files.readString(out.resolve("naf.html")))
                .contains("infinite", "not known", point)
                .doesNotContain(point + " to ");
        assertThat(Files.readString(out.resolve("naf.json"))).isEqualTo(results);
        soupOf[5] = a;
        double whole = estimate(json(soupOf), "/models/path");
        // About a quarter: half the difference of the predictions, squared.
        assertThat(half / whole).isBetween(0.1, 0.5);

        Run.of("study", "naf", "--prompts", 3, "-o", out)
                .fails(2, "--prompts is of --soup, --safe and --shard, which are missing");
        Run.of("study", "naf", "--soup", soup, "-o", out)
                .fails(2, "--soup, --safe and --shard go together");
    }
}
