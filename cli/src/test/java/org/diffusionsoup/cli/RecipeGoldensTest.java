package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The recipes that commands leave in headers, byte for byte those of November 2026, which were kept
 * in module core's test resources before recipes had a type.
 */
class RecipeGoldensTest {
    private static final Path GOLDENS = Path.of("../core/src/test/resources/recipes");
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // steps this small only wait for a second one
    }

    private Path at(String name) {
        return folder.resolve(name);
    }

    private Path model(String name, long seed) {
        return MergeModels.file(at(name), seed);
    }

    /** As the first three of a merge, and one that is none of them. */
    private List<Path> models() {
        return List.of(
                model("a.safetensors", 1), model("b.safetensors", 2), model("c.safetensors", 3));
    }

    private static void expect(String golden, Path made, String... placeholders)
            throws IOException {
        String recipe;
        try (SafetensorsFile f = SafetensorsFile.open(made)) {
            recipe = f.metadata().get("soup.recipe");
        }
        for (int i = 0; i < placeholders.length; i += 2) {
            recipe = recipe.replace(placeholders[i], placeholders[i + 1]);
        }
        assertThat(recipe).as(golden).isEqualTo(Files.readString(GOLDENS.resolve(golden)));
    }

    @Test
    void merges() throws IOException {
        List<Path> m = models();
        Path a = m.get(0);
        Path b = m.get(1);
        Path c = m.get(2);
        Run.of("merge", a, b, "-o", at("uniform.safetensors"), "-q").ok();
        expect("uniform.json", at("uniform.safetensors"));
        Run.of("merge", a, b, c, "--weights", "2,1/3,1", "-o", at("w.safetensors"), "-q").ok();
        expect("weighted.json", at("w.safetensors"));
        Path x = MergeModels.folder(at("x"), 11);
        Path y = MergeModels.folder(at("y"), 12);
        Run.of("merge", x, y, "--component", "unet", "--dtype", "F16", "-o", at("xy"), "-q").ok();
        expect("component.json", at("xy").resolve(UNET));
    }

    @Test
    void unlikeIngredients() throws IOException {
        Path[] unlike = new Path[3];
        String[] names = {"one", "two", "é \"three\""};
        for (int i = 0; i < names.length; i++) {
            unlike[i] = at(names[i] + ".safetensors");
            SafetensorsWriter.write(
                    unlike[i],
                    Map.of("format", "pt"),
                    List.of(
                            TensorEntry.ofFloats("w", new long[] {2}, i, 1),
                            TensorEntry.ofFloats("own" + i % 2, new long[] {3}, i, 2, 3)));
        }
        Run.of(
                        "merge",
                        unlike[2],
                        unlike[0],
                        unlike[1],
                        "--on-missing",
                        "average-present",
                        "--on-extra",
                        "keep",
                        "-o",
                        at("out.safetensors"),
                        "-q")
                .ok();
        expect("unlike.json", at("out.safetensors"));
    }

    @Test
    void adjusted() throws IOException {
        List<Path> m = models();
        Path soup = at("soup.safetensors");
        Run.of("merge", m.get(0), m.get(1), m.get(2), "--keep-sum", "-o", soup, "-q").ok();
        Run.of("adjust", soup, "--remove", m.get(1), "-o", at("less.safetensors"), "-q").ok();
        expect("adjust-remove.json", at("less.safetensors"));
        Path d = model("d.safetensors", 4);
        Run.of("adjust", soup, "--add", d + "=2", "-o", at("more.safetensors"), "-q").ok();
        expect("adjust-add.json", at("more.safetensors"));
        Path near = at("near.safetensors");
        Run.of("adjust", soup, "--remove", m.get(2), "--approximate", "-o", near, "-q").ok();
        expect("adjust-approximate.json", near);
    }

    private void cook(String name, Path out, String yaml) throws IOException {
        Path recipe = Files.writeString(at(name + ".yaml"), yaml);
        Run.of("cook", recipe, "-o", out, "-q").ok();
    }

    @Test
    void cooked() throws IOException {
        models();
        MergeModels.fisher(at("fa.safetensors"), 5);
        MergeModels.fisher(at("fb.safetensors"), 6);
        cook(
                "deltas",
                at("deltas.safetensors"),
                """
                inputs: {base: a.safetensors, one: b.safetensors, two: c.safetensors}
                merge:
                  add:
                    to: base
                    scale: 7/10
                    delta:
                      ties:
                        density: 1/5
                        deltas:
                          - dare: {delta: {difference: {of: one, from: base}}, drop: 0.9, seed: 3}
                          - sum:
                              - {delta: {difference: {of: two, from: base}}, scale: 2}
                """);
        expect("cook-deltas.json", at("deltas.safetensors"));
        cook(
                "means",
                at("means.safetensors"),
                """
                inputs:
                  a: a.safetensors
                  b: b.safetensors
                  c: c.safetensors
                  fa: fa.safetensors
                  fb: fb.safetensors
                merge:
                  slerp:
                    from:
                      fisher:
                        terms:
                          - {of: a, fisher: fa}
                          - {of: b, fisher: fb, weight: 2}
                    to:
                      mean: [a, {of: c, weight: 3}]
                    t:
                      blocks: [{match: "down_blocks.*", value: 0.25}]
                      default: 0.5
                """);
        expect("cook-means.json", at("means.safetensors"));
        MergeModels.folder(at("x"), 11);
        MergeModels.folder(at("y"), 12);
        cook(
                "folders",
                at("xy"),
                """
                inputs: {x: x, y: y}
                on_missing: drop
                merge: {slerp: {from: x, to: y, t: 1/3}}
                """);
        expect("cook-component.json", at("xy").resolve(UNET));
    }

    @Test
    void converted() throws IOException {
        Path b = TinyModels.ingredient(at("b"), 2);
        Run.of("merge", TinyModels.sd15(), b, "-o", at("soup"), "-q").ok();
        Run.of("convert", at("soup"), "-o", at("single.safetensors"), "-q").ok();
        expect(
                "convert.json",
                at("single.safetensors"),
                '"' + SoupVersion.current() + '"',
                "\"VERSION\"");
    }

    @Test
    void loras() throws IOException {
        Path base = TinyModels.sd15();
        Path lora = TinyModels.lora("kohya");
        Path other = TinyModels.lora("peft");
        Run.of("lora", "fuse", "--model", base, "--lora", lora + ":0.7", "-o", at("f"), "-q").ok();
        expect("lora-fuse.json", at("f").resolve(UNET));
        Path mean = at("mean.safetensors");
        Run.of("lora", "merge", lora, other, "--weights", "1,2", "-o", mean, "-q").ok();
        expect("lora-merge.json", mean);
        Path less = at("less.safetensors");
        Run.of("lora", "resize", lora, "--rank", 2, "-o", less, "-q").ok();
        expect("lora-resize.json", less);
        Path taken = at("taken.safetensors");
        Run.of("lora", "extract", base, at("f"), "--rank", 2, "-o", taken, "-q").ok();
        expect("lora-extract.json", taken);
    }

    @Test
    void trained() throws IOException {
        Path shard = TinyTraining.shard(at("squares.tar"), 7, 16, "train");
        String hash = Hashes.sha256(shard); // of PNGs, whose bytes are those of a zlib
        Object[] words = {"train", "--base", TinyTraining.BASE, "--shard", shard, "--batch", 2};
        Run.of(with(words, "--steps", 3, "--keep-every", 2, "--out", at("whole"), "-q")).ok();
        expect("train.json", at("whole").resolve(UNET), hash, "SHARD");
        expect("train-kept.json", at("whole-step000002").resolve(UNET), hash, "SHARD");
        Path factors = at("factors.safetensors");
        Run.of(with(words, "--steps", 1, "--lora", 2, "--out", factors, "-q")).ok();
        expect("train-lora.json", factors, hash, "SHARD");
    }

    private static Object[] with(Object[] words, Object... more) {
        List<Object> all = new java.util.ArrayList<>(List.of(words));
        all.addAll(List.of(more));
        return all.toArray();
    }

    @Test
    void madeForBenchmarks() throws IOException {
        Run.of("bench", "make-checkpoints", "--count", 1, "--divisor", 64, "-o", at("m"), "-q")
                .ok();
        expect("bench.json", at("m").resolve("ingredient-01.safetensors"));
    }
}
