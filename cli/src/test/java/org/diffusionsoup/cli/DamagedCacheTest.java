package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PngSeal;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is damaged in the cache of {@code soup evaluate} is made anew, and said to be. */
class DamagedCacheTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PICTURES = 4 * 3;

    @TempDir static Path models;
    @TempDir Path folder;

    @BeforeAll
    static void make() throws IOException {
        Torch.setThreads(1);
        TinyModels.ingredient(models.resolve("i0"), 0);
        TinyModels.ingredient(models.resolve("i1"), 1);
        TinyTraining.shard(models.resolve("rows.tar"), 6, 16, "train");
    }

    private Path recipe(int seed) throws IOException {
        return Files.writeString(
                models.resolve("r" + seed + ".yaml"),
                """
                shards:
                  half: {of: rows.tar, part: 1/2}
                train: {base: %1$s, steps: 2, batch: 2}
                models:
                  i0: i0
                  i1: i1
                  mix: {soup: [i0, i1]}
                  taught: {train: half}
                prompts: {list: [a cat, a red apple, a house]}
                seeds: %3$d
                sampler: {steps: 2, batch: 1}
                judges:
                  CLIP: {clip: %2$s}
                  colour: {measure: colour}
                """
                        .formatted(
                                TinyTraining.BASE.toAbsolutePath().normalize(),
                                TinyModels.clip(),
                                seed));
    }

    private Run evaluate(int seed, Path out) throws IOException {
        return Run.of("evaluate", recipe(seed), "-o", out).ok();
    }

    private static JsonNode results(Path out) throws IOException {
        return JSON.readTree(out.resolve("results.json").toFile());
    }

    private static List<Path> files(Path under, String ending) throws IOException {
        try (Stream<Path> all = Files.walk(under)) {
            return all.filter(p -> p.toString().endsWith(ending)).sorted().toList();
        }
    }

    private static Path model(Path out, String name) throws IOException {
        try (Stream<Path> all = Files.list(out.resolve("cache/models"))) {
            return all.filter(p -> p.getFileName().toString().startsWith(name + "-"))
                    .filter(Files::isDirectory)
                    .findFirst()
                    .orElseThrow()
                    .resolve("unet/diffusion_pytorch_model.safetensors");
        }
    }

    private static Map<Path, String> contents(List<Path> files) throws IOException {
        Map<Path, String> all = new TreeMap<>();
        for (Path f : files) {
            all.put(
                    f,
                    new String(
                            Files.readAllBytes(f), java.nio.charset.StandardCharsets.ISO_8859_1));
        }
        return all;
    }

    @Test
    void aReplacedPictureIsDrawnAnew() throws IOException {
        Path out = folder.resolve("out");
        Run first = evaluate(1, out);
        assertThat(first.err()).doesNotContain("anew");
        JsonNode wanted = results(out);
        List<Path> pictures = files(out.resolve("cache/pictures"), ".png");
        assertThat(pictures).hasSize(PICTURES);
        Map<Path, String> before = contents(pictures);

        // One by another of the cache, one by a stranger's, with no scores kept.
        byte[] foreign = PngCodec.encode(new RgbImage(64, 64, new byte[3 * 64 * 64]));
        Files.write(pictures.get(0), Files.readAllBytes(pictures.get(5)));
        Files.write(pictures.get(1), foreign);
        for (Path scores : files(out.resolve("cache/scores"), ".json")) {
            Files.delete(scores);
        }
        Run again = evaluate(1, out);
        assertThat(results(out).path("judges")).isEqualTo(wanted.path("judges"));
        assertThat(results(out).path("pictures_drawn").asInt()).isEqualTo(2);
        assertThat(contents(pictures)).isEqualTo(before);
        for (Path p : pictures.subList(0, 2)) {
            assertThat(again.err()).contains(p + " is not what was drawn; it is drawn anew.");
        }
        assertThat(again.err().split("anew", -1)).hasSize(3);

        // Scores are kept, and the table would point to another picture than the one they are of.
        Files.write(pictures.get(3), foreign);
        assertThat(evaluate(1, out).err()).contains(pictures.get(3) + " is not what was drawn");
        assertThat(contents(pictures)).isEqualTo(before);
        Files.write(pictures.get(2), Arrays.copyOf(Files.readAllBytes(pictures.get(2)), 900));
        assertThat(evaluate(1, out).err()).contains(pictures.get(2) + " is not what was drawn");
        assertThat(contents(pictures)).isEqualTo(before);
        assertThat(results(out).path("judges")).isEqualTo(wanted.path("judges"));
    }

    @Test
    void changedScoresAreJudgedAnew() throws IOException {
        Path out = folder.resolve("out");
        evaluate(1, out);
        JsonNode wanted = results(out);
        List<Path> scores = files(out.resolve("cache/scores"), ".json");
        assertThat(scores).hasSize(4 * 2);
        String text = Files.readString(scores.getFirst());
        Files.writeString(scores.getFirst(), text.replaceFirst("\\[[^,]+", "[5.0"));
        Files.write(scores.get(1), Files.readAllBytes(scores.get(2))); // those of other pictures
        Run again = evaluate(1, out);
        assertThat(results(out).path("judges")).isEqualTo(wanted.path("judges"));
        assertThat(again.err())
                .contains(scores.get(0) + " are damaged; they are judged anew.")
                .contains(scores.get(1) + " are damaged");
        assertThat(Files.readString(scores.getFirst())).isEqualTo(text);
        Files.writeString(scores.getFirst(), text.substring(0, 20));
        assertThat(evaluate(1, out).err()).contains(scores.getFirst() + " are damaged");
        assertThat(Files.readString(scores.getFirst())).isEqualTo(text);
        assertThat(evaluate(1, out).err()).doesNotContain("anew");
    }

    @Test
    void aDamagedModelIsMadeAnewAndNotDrawnWith() throws IOException {
        Path fresh = folder.resolve("fresh");
        evaluate(2, fresh);
        for (String name : List.of("mix", "taught")) {
            Path out = folder.resolve("out-" + name);
            evaluate(1, out);
            Path weights = model(out, name);
            byte[] whole = Files.readAllBytes(weights);
            try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
                file.seek(whole.length - 100_000);
                file.write(new byte[100_000]);
            }
            Run other = evaluate(2, out);
            assertThat(results(out).path("judges"))
                    .as(name)
                    .isEqualTo(results(fresh).path("judges"));
            assertThat(Files.readAllBytes(weights)).as(name).isEqualTo(whole);
            assertThat(other.err())
                    .contains(
                            weights.getParent().getParent() + " is damaged",
                            "unet/diffusion_pytorch_model.safetensors is not what was written",
                            "it is made anew");
            assertThat(evaluate(2, out).err()).doesNotContain("anew");
        }
    }

    @Test
    void aDamagedShardIsMadeAnewBeforeItIsTrainedOn() throws IOException {
        Path out = folder.resolve("out");
        evaluate(1, out);
        Path tar = files(out.resolve("cache/shards"), ".tar").getFirst();
        byte[] whole = Files.readAllBytes(tar);
        TinyTraining.shard(tar, 3, 16, "train");
        assertThat(evaluate(1, out).err()).contains(tar + " is damaged");
        assertThat(Files.readAllBytes(tar)).isEqualTo(whole);
    }

    /** Nothing is drawn or trained again, only judged. */
    @Test
    void aCacheOfAnEarlierVersionIsUsedAndGuardedFromThenOn() throws IOException {
        Path out = folder.resolve("out");
        evaluate(1, out);
        JsonNode wanted = results(out);
        List<Path> pictures = files(out.resolve("cache/pictures"), ".png");
        List<Path> scores = files(out.resolve("cache/scores"), ".json");
        Map<Path, String> before = contents(pictures);
        for (Path p : pictures) {
            byte[] b = Files.readAllBytes(p);
            int end = b.length - 12;
            byte[] old = Arrays.copyOf(b, b.length - 12 - PngSeal.KEYWORD.length() - 1 - 64);
            System.arraycopy(b, end, old, old.length - 12, 12);
            Files.write(p, old);
        }
        for (Path s : scores) {
            Files.writeString(s, JSON.readTree(s.toFile()).path("scores").toString());
        }
        for (Path record : files(out.resolve("cache/kept"), ".sha256")) {
            Files.delete(record);
        }
        assertThat(evaluate(1, out).err()).doesNotContain("anew");
        assertThat(results(out).path("judges")).isEqualTo(wanted.path("judges"));
        assertThat(results(out).path("pictures_drawn").asInt()).isZero();
        assertThat(contents(pictures)).isEqualTo(before);
        assertThat(files(out.resolve("cache/kept"), ".sha256")).hasSize(3);
    }
}
