package org.diffusionsoup.workbench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What all use cases share. */
class SmallPartsTest {
    @TempDir private Path dir;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0 | 0.0 MB",
                "1e6 | 1.0 MB",
                "9.94e6 | 9.9 MB",
                "10e6 | 10 MB",
                "999e6 | 999 MB",
                "1e9 | 1.0 GB",
                "3.1e12 | 3.1 TB",
                "2.5e15 | 2.5 PB",
                "1.2345e19 | 12,345 PB",
            })
    void bytesAreSaidAsAPersonWould(double bytes, String text) {
        assertThat(FreeMemory.text(bytes)).isEqualTo(text);
    }

    @Test
    void freeMemoryIsSomeAndNotMoreThanTheMachineHas() {
        var system =
                (com.sun.management.OperatingSystemMXBean)
                        java.lang.management.ManagementFactory.getOperatingSystemMXBean();
        assertThat(FreeMemory.bytes()).isBetween(1e6, (double) system.getTotalMemorySize() * 1.01);
    }

    private static UNetConfig tiny() {
        return UNetConfig.of(JsonConfig.read(TinyModels.sd15().resolve("unet/config.json")));
    }

    /** Channels 16, 16, 24 with two layers; the first two levels attend, the last does not. */
    @Test
    void mapsOfAUNetAreCountedLevelByLevel() {
        double side = 16;
        double expected =
                side * side * 16 * (8 + 3 + 40) * 5
                        + side * side / 4 * 16 * (8 + 3 + 40) * 5
                        + side * side / 16 * 24 * (8 + 3) * 5;
        assertThat(UNetMaps.values(tiny(), side)).isEqualTo(expected);
        double outputs =
                side * side * 16 * 5 * 5
                        + side * side / 4 * 16 * 5 * 5
                        + side * side / 16 * 24 * 2 * 5;
        double largest = side * side * 16 * 40;
        assertThat(UNetMaps.drawn(tiny(), side)).isEqualTo(outputs + largest);
        assertThat(UNetMaps.recomputed(tiny(), side)).isEqualTo(outputs + 2 * largest);
    }

    @Test
    void mapsGrowWithTheAreaAndRecomputingHoldsFewer() {
        Random random = new Random(1);
        for (int i = 0; i < 50; i++) {
            double side = 1 + random.nextInt(1 << 20);
            double once = UNetMaps.values(tiny(), side);
            assertThat(UNetMaps.values(tiny(), 2 * side)).isCloseTo(4 * once, within(1e-9 * once));
            assertThat(UNetMaps.drawn(tiny(), side)).isLessThan(UNetMaps.recomputed(tiny(), side));
            assertThat(UNetMaps.recomputed(tiny(), side)).isLessThan(once);
        }
    }

    @Test
    void workIsStoppedAtItsNextReport() {
        TellingProgress told = new TellingProgress();
        AtomicBoolean stop = new AtomicBoolean();
        StoppableProgress progress = new StoppableProgress(told, stop::get);
        List<Integer> done = new ArrayList<>();
        String end =
                progress.unlessStopped(
                        p -> {
                            p.start("work", 9, "pictures");
                            for (int i = 0; i < 9; i++) {
                                done.add(i);
                                stop.set(i == 3);
                                p.advance(1);
                            }
                            return "whole";
                        },
                        "stopped");
        assertThat(end).isEqualTo("stopped");
        assertThat(done).containsExactly(0, 1, 2, 3);
        assertThat(told.done).as("what was done is told first").containsExactly(4L);
        assertThatThrownBy(() -> progress.message("x"))
                .isInstanceOf(StoppableProgress.Stopped.class);
        assertThatThrownBy(() -> progress.start("more", 1, ""))
                .isInstanceOf(StoppableProgress.Stopped.class);
        assertThat(told.tasks).as("a task that may not begin is not told").containsExactly("work");
        progress.close();
        stop.set(false);
        assertThat(progress.unlessStopped(p -> "whole", "stopped")).isEqualTo("whole");
    }

    @Test
    void faultsOfStoppedWorkAreNotSwallowed() {
        StoppableProgress progress = new StoppableProgress(Progress.silent(), () -> false);
        assertThatThrownBy(() ->
                        progress.unlessStopped(
                                p -> {
                                    throw new SoupException("a fault.");
                                },
                                "stopped"))
                .hasMessage("a fault.");
    }

    @Test
    void skippedUnitsAreDoneUnlessSomebodyTellsThemApart() {
        List<Long> advanced = new ArrayList<>();
        Progress plain =
                new Progress() {
                    @Override
                    public void start(String task, long total, String unit) {}

                    @Override
                    public void advance(long units) {
                        advanced.add(units);
                    }

                    @Override
                    public void message(String note) {}

                    @Override
                    public void close() {}
                };
        plain.skip(5);
        assertThat(advanced).containsExactly(5L);
    }

    @Test
    void poolsAreTheSequenceAndABatchKnowsItsPool() {
        RowPools<Long> pools = new RowPools<>(i -> i * i, 12, 3);
        for (long number : new long[] {0, 1, 5}) {
            assertThat(pools.pool(number))
                    .containsExactlyElementsOf(
                            LongStream.range(12 * number, 12 * number + 12)
                                    .mapToObj(i -> i * i)
                                    .toList());
        }
        // 3 epochs of 12 rows are 9 batches of 4.
        for (long batch = 0; batch < 40; batch++) {
            assertThat(pools.poolOf(batch, 4)).isEqualTo(batch / 9);
        }
        assertThat(pools.poolOf(1L << 40, 12)).isEqualTo((1L << 40) / 3);
        assertThatThrownBy(() -> pools.poolOf(0, 5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a pool of 12 is no whole number of batches of 5");
        assertThat(RowPools.forRun(i -> i, 7, 12, 1).size()).isEqualTo(7);
        assertThat(RowPools.forRun(i -> i, 1L << 40, 12, 1).size()).isEqualTo(12);
    }

    private void yaml(String text, String problem) {
        assertThatThrownBy(
                        () -> {
                            Path file = Files.writeString(dir.resolve("r.yaml"), text);
                            try (JsonParser p = YamlParsers.open(file)) {
                                JsonToken token = p.nextToken();
                                while (token != null) {
                                    token = p.nextToken();
                                }
                            }
                        })
                .isInstanceOf(JsonProcessingException.class)
                .satisfies(e ->
                        assertThat(((JsonProcessingException) e).getOriginalMessage())
                                .contains(problem));
    }

    @Test
    void yamlIsReadInOneMeaningOnly() throws IOException {
        yaml("a: &x 1\nb: *x\n", "recipes have no aliases, write the value out");
        yaml("a: 1\nb: 2\na: 3\n", "the key 'a' stands there twice");
        yaml("a: [1, 2\nb: 3\n", "this is no YAML: ");
        yaml("? [a, b]\n: 1\n", "a key has to be a plain word");
        Path good = Files.writeString(dir.resolve("good.yaml"), "a: [1, '*x']\n");
        List<String> texts = new ArrayList<>();
        try (JsonParser p = YamlParsers.open(good)) {
            for (JsonToken t = p.nextToken(); t != null; t = p.nextToken()) {
                texts.add(String.valueOf(p.getText()));
            }
        }
        assertThat(texts).contains("a", "1", "*x");
        assertThatThrownBy(() -> YamlParsers.open(dir.resolve("none.yaml")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("none.yaml");
    }

    private void own(OutputKind kind, String name, byte[] ours, byte[] others) throws IOException {
        Path mine = Files.write(dir.resolve(name), ours);
        kind.checkOwn(mine);
        Files.write(mine, others);
        assertThatThrownBy(() -> kind.checkOwn(mine))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(mine.toString())
                .hasMessageContaining("it is not replaced");
        Files.delete(mine);
        kind.checkOwn(mine);
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void onlyWhatSaysThatItIsOursIsReplacedUnasked() throws IOException {
        own(
                OwnOutputs.PICTURE,
                "p.png",
                PngCodec.encode(TinyModels.noise(300, 1), OwnOutputs.MARK),
                PngCodec.encode(TinyModels.noise(300, 1)));
        String page = "<!DOCTYPE html>\n<html><head>%s</head></html>";
        own(
                OwnOutputs.PAGE,
                "p.html",
                text(page.formatted("Diffusion Soup")),
                text(page.formatted("My thesis")));
        String drawing = "<svg xmlns=\"http://www.w3.org/2000/svg\"><!-- %s --></svg>";
        own(
                OwnOutputs.DRAWING,
                "d.svg",
                text(drawing.formatted("Diffusion Soup")),
                text(drawing.formatted("by hand")));
    }

    @Test
    void foldersOfResultsAreKnownByWhatIsInThem() throws IOException {
        Path results = Files.createDirectory(dir.resolve("results"));
        OwnOutputs.EVALUATION.checkOwn(results);
        Files.writeString(results.resolve("holiday.txt"), "x");
        assertThatThrownBy(() -> OwnOutputs.EVALUATION.checkOwn(results))
                .isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> OwnOutputs.DEMO.checkOwn(results))
                .isInstanceOf(SoupException.class);
        Files.writeString(results.resolve("results.json"), "{}");
        OwnOutputs.EVALUATION.checkOwn(results);
        Files.writeString(results.resolve("plan.txt"), "x");
        OwnOutputs.DEMO.checkOwn(results);
    }
}
