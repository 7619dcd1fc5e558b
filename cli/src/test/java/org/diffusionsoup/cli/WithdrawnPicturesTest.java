package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.RegisteredTraining;
import org.diffusionsoup.workbench.registry.RegistryShards;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Single pictures leave a shard whose ingredient is trained again: what is in the way is said. */
class WithdrawnPicturesTest {
    @TempDir private Path folder;
    private Path registry;
    private Path tar;
    private Path list;
    private List<String> pictures = List.of();

    @BeforeEach
    void make() {
        registry = folder.resolve("registry");
        tar = TinyTraining.shard(folder.resolve("mine.tar"), 4, 16, "train");
        list = folder.resolve("gone.txt");
        pictures = Shard.open(tar).infos().stream().map(i -> i.sha256()).toList();
        soup("init").ok();
        soup("base", "add", "tiny", TinyTraining.BASE).ok();
        soup("shard", "add", "mine", "--data", tar).ok();
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private void train() {
        soup(
                        "train",
                        "--base",
                        TinyTraining.BASE,
                        "--shard",
                        "mine",
                        "--steps",
                        1,
                        "--batch",
                        2,
                        "--out",
                        folder.resolve("out"))
                .ok();
    }

    private Run withdraw(List<String> some, Object... more) throws IOException {
        Files.writeString(list, "# who asked\n" + String.join("\n", some) + "\n");
        List<Object> words =
                new java.util.ArrayList<>(
                        List.of("withdraw", "--samples", list, "--reason", "asked"));
        words.addAll(List.of(more));
        return soup(words.toArray());
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void dataThatWasMovedIsPutBackOrTheIngredientDropped() throws IOException {
        train();
        Path moved = Files.move(tar, folder.resolve("elsewhere.tar"));
        withdraw(pictures.subList(0, 1))
                .fails(
                        1,
                        "Ingredient 'mine' cannot be trained again on the rest of shard 'mine', and"
                                + " nothing was withdrawn",
                        tar + " does not exist",
                        "or a link to it, back there",
                        "--drop-ingredients");
        Files.createSymbolicLink(tar, moved);
        assertThat(withdraw(pictures.subList(0, 1)).ok().out()).contains("(1 trained again)");
        Files.delete(tar);
        assertThat(withdraw(pictures.subList(1, 2), "--drop-ingredients").ok().out())
                .contains("1 single picture, 1 ingredient, ");
        soup("fsck").ok();
    }

    /**
     * What is trained again is trained on what the ledger has of the shard, and on nothing else.
     */
    @Test
    void otherPicturesAtTheShardsPlaceAreNotTrainedOn() throws IOException {
        train();
        Path own = Files.move(tar, folder.resolve("elsewhere.tar"));
        TinyTraining.shard(folder.resolve("mine.tar"), 5, 16, "train");
        withdraw(pictures.subList(0, 1))
                .fails(
                        1,
                        "nothing was withdrawn",
                        "are not those that shard 'mine' was recorded with");
        Files.move(own, tar, StandardCopyOption.REPLACE_EXISTING);
        assertThat(withdraw(pictures.subList(0, 1)).ok().out()).contains("(1 trained again)");
        soup("fsck").ok();
    }

    /** The same pictures, another caption each. */
    private Path recaptioned() {
        Path to = folder.resolve("other-words.tar");
        ShardWriter.write(
                to,
                Shard.open(tar).samples().stream()
                        .map(s -> new Sample(with(s.info(), "something else"), s.png()))
                        .toList());
        return to;
    }

    private static SampleInfo with(SampleInfo i, String caption) {
        return new SampleInfo(
                i.key(),
                caption,
                i.name(),
                i.style(),
                i.subject(),
                i.provider(),
                i.licence(),
                i.group(),
                i.subgroup(),
                i.domain(),
                i.split(),
                i.sha256());
    }

    /** In ledgers of before, which know no texts of a shard, the ingredient's recipe tells. */
    @Test
    void otherTextsAtTheShardsPlaceAreNotTrainedOn() throws IOException {
        Path other = recaptioned();
        Path mine = folder.resolve("before.tar");
        Files.copy(tar, mine);
        NewShard all =
                RegistryShards.describe(
                        "before",
                        mine.toString(),
                        Optional.empty(),
                        Optional.empty(),
                        "",
                        Optional.empty(),
                        n -> {},
                        Progress.silent(),
                        n -> {});
        Registry.open(registry)
                .addShard(
                        new NewShard(
                                "before",
                                all.provider(),
                                all.licence(),
                                all.uses(),
                                all.expires(),
                                all.source(),
                                all.samples()));
        train();
        soup(
                        "train",
                        "--base",
                        TinyTraining.BASE,
                        "--shard",
                        "before",
                        "--seed",
                        7,
                        "--steps",
                        1,
                        "--batch",
                        2,
                        "--out",
                        folder.resolve("out-before"))
                .ok();
        Files.copy(other, mine, StandardCopyOption.REPLACE_EXISTING);
        withdraw(pictures.subList(0, 1))
                .fails(
                        1,
                        "Ingredient 'before' cannot be trained again",
                        "nothing was withdrawn",
                        "The rows in " + mine + " are not those that it was trained on",
                        "4 rows with the hash",
                        "--drop-ingredients");
        Files.copy(tar, mine, StandardCopyOption.REPLACE_EXISTING);
        Path own = Files.move(tar, folder.resolve("elsewhere.tar"));
        Files.copy(other, tar);
        withdraw(pictures.subList(0, 1))
                .fails(
                        1,
                        "Ingredient 'mine' cannot be trained again",
                        "nothing was withdrawn",
                        "The rows in " + tar + " have the pictures that shard 'mine'",
                        "but other texts");
        soup(
                        "train",
                        "--base",
                        TinyTraining.BASE,
                        "--shard",
                        "mine",
                        "--name",
                        "late",
                        "--out",
                        folder.resolve("late"))
                .fails(1, "but other texts");
        Files.move(own, tar, StandardCopyOption.REPLACE_EXISTING);
        assertThat(withdraw(pictures.subList(0, 1)).ok().out()).contains("(2 trained again)");
        // What is trained again had all but that picture.
        Files.copy(other, mine, StandardCopyOption.REPLACE_EXISTING);
        withdraw(pictures.subList(1, 2)).fails(1, "3 rows with the hash");
        soup("fsck").ok();
    }

    @Test
    void aShardOfWhichNothingWouldBeLeftIsWithdrawnWhole() throws IOException {
        train();
        withdraw(pictures)
                .fails(
                        1,
                        "Of shard 'mine' all 4 pictures that are left would leave",
                        "nothing was withdrawn",
                        "'soup withdraw mine'");
        withdraw(pictures.subList(0, 3)).ok();
        withdraw(pictures.subList(3, 4))
                .fails(1, "Of shard 'mine' the one picture that is left", "'soup withdraw mine'");
        soup("withdraw", "mine", "--reason", "asked").ok();
    }

    @Test
    void aListThatGrowsIsGivenAgain() throws IOException {
        withdraw(pictures.subList(0, 1)).ok();
        withdraw(pictures.subList(0, 1)).fails(1, "it was withdrawn before (entry 3)");
        Run again = withdraw(pictures.subList(0, 2)).ok();
        assertThat(again.out())
                .contains("0 shards, 1 single picture,")
                .containsPattern("before +line 2 of the list: it had left by entry 3");
        JsonNode json =
                new ObjectMapper().readTree(withdraw(pictures.subList(0, 3), "--json").ok().out());
        assertThat(json.path("samples").asInt()).isOne();
        assertThat(json.path("withdrawn_before").path(pictures.get(0)).asLong()).isEqualTo(3);
        assertThat(json.path("withdrawn_before").path(pictures.get(1)).asLong()).isEqualTo(4);
        withdraw(pictures.subList(0, 3))
                .fails(1, "No live shard has any of the 3 pictures", "withdrawn before (entry 5)");
        soup("fsck").ok();
    }

    @Test
    void weightsOfWhatWasWithdrawnMeanwhileAreToBeDeleted() throws IOException {
        Path out = folder.resolve("slow");
        for (boolean whole : new boolean[] {false, true}) {
            RegisteredTraining training =
                    RegisteredTraining.begin(
                            registry, TinyTraining.BASE, List.of("mine"), Optional.of("slow"), out);
            if (!whole) {
                Run.of(
                                "train",
                                "--base",
                                TinyTraining.BASE,
                                "--shard",
                                tar,
                                "--steps",
                                1,
                                "--batch",
                                2,
                                "--out",
                                out)
                        .ok();
                withdraw(pictures.subList(0, 1)).ok();
            } else {
                soup("withdraw", "mine", "--reason", "asked").ok();
            }
            assertThatThrownBy(training::end)
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("Trained, but not recorded, since meanwhile")
                    .hasMessageContaining("withdrawn")
                    .hasMessageContaining("Delete " + out + ", which holds what was learnt from it")
                    .hasMessageNotContaining("ingredient add");
        }
    }
}
