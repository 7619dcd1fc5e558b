package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShardRefTest {
    @TempDir Path dir;

    @BeforeEach
    void dataset() {
        Map<String, List<Sample>> shards = new LinkedHashMap<>();
        shards.put(
                "noto",
                List.of(
                        Pictures.sample("n1", "noto", "food", Split.TRAIN),
                        Pictures.sample("n2", "noto", "animals", Split.HELDOUT)));
        shards.put(
                "fluent",
                List.of(
                        Pictures.sample("f1", "fluent", "food", Split.HELDOUT),
                        Pictures.sample("f2", "fluent", "other", Split.TRAIN)));
        Dataset.write(dir, "tiny", shards);
    }

    private List<String> keys(String terms) {
        return ShardRef.parse(dir + terms).open().infos().stream().map(SampleInfo::key).toList();
    }

    @Test
    void termsCutTheSameRowsInManyWays() {
        assertThat(keys("")).containsExactly("f1", "f2", "n1", "n2");
        assertThat(keys("#provider=noto")).containsExactly("n1", "n2");
        assertThat(keys("#domain=food")).containsExactly("f1", "n1");
        assertThat(keys("#food")).containsExactly("f1", "n1");
        assertThat(keys("#noto")).containsExactly("n1", "n2");
        assertThat(keys("#noto,other")).containsExactly("f2", "n1", "n2");
        assertThat(keys("#food&split=train")).containsExactly("n1");
        assertThat(keys("#domain=food,animals&split=heldout")).containsExactly("f1", "n2");
        assertThat(keys("/noto.tar")).containsExactly("n1", "n2");
        assertThat(keys("/noto.tar#split=train")).containsExactly("n1");
    }

    @Test
    void namesAreShortAndTheStringFormIsReadBack() {
        assertThat(ShardRef.parse("a/emoji#provider=noto&split=train").name()).isEqualTo("noto");
        assertThat(ShardRef.parse("a/mine.tar").name()).isEqualTo("mine");
        assertThat(ShardRef.parse("a/emoji#domain=food&provider=noto").name())
                .isEqualTo("food+noto");
        String text = "a/emoji#food&split=train";
        assertThat(ShardRef.parse(text)).hasToString(text);
        assertThat(ShardRef.parse(ShardRef.parse(text).toString())).isEqualTo(ShardRef.parse(text));
    }

    /** A provider may be called anything, and is found by what the refusal says. */
    @Test
    void signsOfConditionsAreQuotedInValues() {
        Path tar = dir.resolve("odd.tar");
        List<String> providers = List.of("me,you", "me", "a&b", "100%", "%2C", "c%26d");
        ShardWriter.write(
                tar,
                IntStream.range(0, providers.size())
                        .mapToObj(i ->
                                Pictures.sample("n" + i, providers.get(i), "food", Split.TRAIN))
                        .toList());
        for (String provider : providers) {
            ShardRef ref =
                    new ShardRef(tar, List.of(new ShardRef.Term("provider", Set.of(provider))));
            assertThat(ref.open().size()).as(provider).isOne();
            assertThat(ShardRef.parse(ref.toString())).isEqualTo(ref);
        }
        assertThat(ShardRef.parse(tar + "#provider=me%2cyou").open().size()).isOne();
        assertThat(ShardRef.parse(tar + "#provider=100%").open().size()).isOne();
        assertThat(ShardRef.parse(tar + "#provider=me,100%").open().size()).isEqualTo(2);
        assertRefused(tar + "#provider=a", "did you mean a%26b?");
        assertRefused(tar + "#provider=zz", "me%2Cyou");
    }

    @Test
    void viewsOfTheSameRowsHaveTheSameHash() {
        assertThat(ShardRef.parse(dir + "#provider=noto").open().sha256())
                .isEqualTo(ShardRef.parse(dir + "/noto.tar").open().sha256());
    }

    @Test
    void unknownNamesAreRefusedWithWhatThereIs() {
        assertRefused(dir + "#colour=red", "colour");
        assertRefused(dir + "#vehicles", "no shard or view \"vehicles\"");
        assertRefused(dir + "#domain=vehicles", "zero rows");
        assertRefused(dir + "#domain=", "names no value");
        assertRefused(dir + "#=food", "write field=value");
        assertRefused(dir + "/noto.tar#food", "it has no view food");
        assertRefused(dir + "/absent", "does not exist");
        assertRefused("#food", "names no path");
    }

    @Test
    void aShardThatIsNotTheIndexedOneIsRefused() throws Exception {
        ShardWriter.write(
                dir.resolve("noto.tar"),
                List.of(Pictures.sample("n9", "noto", "food", Split.TRAIN)));
        assertRefused(dir.toString(), "content differs");
        Files.delete(dir.resolve("noto.tar"));
        assertRefused(dir.toString(), "does not exist");
    }

    private static void assertRefused(String ref, String part) {
        assertThatThrownBy(() -> ShardRef.parse(ref).open())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(part);
    }
}
