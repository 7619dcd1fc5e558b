package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.KeptFiles;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.workbench.TellingProgress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.evaluate.RecipeShards.Spec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shards that a recipe makes of others. */
class RecipeShardsTest {
    @TempDir private Path dir;

    private final TellingProgress told = new TellingProgress();
    private final List<String> notes = new ArrayList<>();
    private Path source;

    @BeforeEach
    void writeSource() {
        source = dir.resolve("source.tar");
        List<Sample> rows = new ArrayList<>();
        for (int i = 0; i < 23; i++) {
            rows.add(
                    TinyModels.row(
                            "row%02d".formatted(i),
                            "picture " + i,
                            "test",
                            "other",
                            i < 20 ? "train" : "heldout",
                            TinyModels.noise(16, i)));
        }
        ShardWriter.write(source, rows);
    }

    private Map<String, Path> make(Map<String, Spec> specs) {
        Path cache = dir.resolve("cache");
        KeptFiles kept = new KeptFiles(cache, ModelHash::counts, notes::add);
        return new RecipeShards(cache.resolve("shards"), kept, told).make(specs);
    }

    private Path make(Spec spec) {
        return make(Map.of("s", spec)).get("s");
    }

    private Spec part(int first, int last, int parts, long seed) {
        return new Spec(source.toString(), first, last, parts, Optional.empty(), false, seed);
    }

    private static List<String> keys(Path tar) {
        return Shard.open(tar).infos().stream().map(SampleInfo::key).toList();
    }

    @Test
    void partsShareNoRowAndHoldAllThatMayBeTrainedOn() {
        for (int parts : new int[] {1, 2, 3, 7, 20}) {
            List<String> all = new ArrayList<>();
            for (int p = 1; p <= parts; p++) {
                List<String> rows = keys(make(part(p, p, parts, 5)));
                assertThat(rows).isSorted().hasSizeBetween(20 / parts, 20 / parts + 1);
                all.addAll(rows);
            }
            assertThat(all)
                    .hasSize(20)
                    .doesNotHaveDuplicates()
                    .noneMatch(k -> k.compareTo("row20") >= 0);
        }
    }

    @Test
    void aRangeOfPartsIsTheirUnion() {
        TreeSet<String> union = new TreeSet<>();
        for (int p = 2; p <= 4; p++) {
            union.addAll(keys(make(part(p, p, 4, 5))));
        }
        assertThat(keys(make(part(2, 4, 4, 5)))).containsExactlyElementsOf(union);
    }

    @Test
    void theSeedDealsAndNothingElse() {
        assertThat(keys(make(part(1, 1, 2, 5)))).isNotEqualTo(keys(make(part(1, 1, 2, 6))));
        Path one = make(part(1, 1, 2, 5));
        Map<String, String> files = TinyModels.contents(dir.resolve("cache"));
        int tasks = told.tasks.size();
        assertThat(make(part(1, 1, 2, 5))).isEqualTo(one);
        assertThat(told.tasks).as("nothing is made again").hasSize(tasks);
        assertThat(TinyModels.contents(dir.resolve("cache"))).isEqualTo(files);
    }

    @Test
    void picturesAreDamagedByTheGradeAndCaptionsLoseTheStyle() {
        Shard plain = Shard.open(make(part(1, 1, 1, 5)));
        Shard worst =
                Shard.open(
                        make(
                                new Spec(
                                        source.toString(),
                                        1,
                                        1,
                                        1,
                                        Optional.of(Tier.AE1),
                                        false,
                                        5)));
        Shard unstyled =
                Shard.open(make(new Spec(source.toString(), 1, 1, 1, Optional.empty(), true, 5)));
        int changed = 0;
        for (int i = 0; i < 20; i++) {
            Sample row = Shard.open(source).get(i);
            assertThat(plain.get(i).png()).isEqualTo(row.png());
            assertThat(unstyled.get(i).png()).isEqualTo(row.png());
            assertThat(unstyled.infos().get(i)).isEqualTo(row.info().withoutStyle());
            changed += java.util.Arrays.equals(worst.get(i).png(), row.png()) ? 0 : 1;
        }
        assertThat(changed).isGreaterThan(10);
    }

    @Test
    void aDamagedTarIsToldOfAndMadeAnew() throws IOException {
        Path tar = make(part(1, 1, 2, 5));
        byte[] bytes = Files.readAllBytes(tar);
        byte[] damaged = bytes.clone();
        damaged[600] ^= 1;
        Files.write(tar, damaged);
        assertThat(Files.readAllBytes(make(part(1, 1, 2, 5)))).isEqualTo(bytes);
        assertThat(notes).singleElement().asString().contains("is damaged");
    }

    @Test
    void aPartWithoutARowIsRefused() {
        assertThatThrownBy(() -> make(part(1, 1, 21, 5)))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "Shard s of the recipe would be empty: %s has 20 rows for 21 parts."
                                .formatted(source));
    }

    @Test
    void modelsAndJudgesAskForThemByName() {
        Map<String, Path> made = make(Map.of("half", part(1, 1, 2, 5)));
        assertThat(made).containsOnlyKeys("half");
        assertThat(made.get("half").getFileName().toString()).matches("half-[0-9a-f]{10}\\.tar");
        assertThat(told.totals).containsExactly(10L);
        assertThat(told.done).containsExactly(10L);
    }
}
