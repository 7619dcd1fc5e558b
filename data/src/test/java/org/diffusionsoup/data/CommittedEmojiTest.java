package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What everyone who trains on {@code shards/emoji} relies on. */
class CommittedEmojiTest {
    private static final Path FOLDER = Path.of("..", "shards", "emoji");
    private static Shard all;

    @BeforeAll
    static void open() {
        all = Dataset.open(FOLDER).all();
    }

    @Test
    void hasFiveShardsAndAllNineDomains() {
        Dataset dataset = Dataset.open(FOLDER);
        assertThat(dataset.shardNames())
                .containsExactly("noto", "fluent", "twemoji", "openmoji", "lineart");
        dataset.shards().forEach((n, s) -> assertThat(s.size()).as(n).isBetween(1150, 1350));
        assertThat(dataset.views().keySet()).containsAll(Domains.PAPER).contains(Domains.OTHER);
        DatasetSummary summary = DatasetSummary.of(all);
        assertThat(summary.subjects()).isBetween(1000, 1300);
        assertThat(summary.rows()).isEqualTo(all.size()).isGreaterThan(6000);
        for (String domain : Domains.PAPER) {
            assertThat(summary.byDomain().get(domain).train()).as(domain).isGreaterThan(100);
            assertThat(summary.byDomain().get(domain).heldOut()).as(domain).isPositive();
        }
    }

    @Test
    void everyPictureIs64x64RgbAndTheOnlyOneOfItsKind() {
        Map<RgbImage, String> seen = new HashMap<>();
        all.stream()
                .forEach(sample -> {
                    RgbImage image = sample.image();
                    assertThat(image.width()).isEqualTo(64);
                    assertThat(image.height()).isEqualTo(64);
                    assertThat(seen.put(image, sample.key())).as(sample.key()).isNull();
                });
    }

    @Test
    void noSubjectIsOnBothSides() {
        Set<String> train = subjects(all.train());
        Set<String> heldOut = subjects(all.heldOut());
        assertThat(train).isNotEmpty();
        assertThat(heldOut).isNotEmpty();
        Set<String> both = new HashSet<>(train);
        both.retainAll(heldOut);
        assertThat(both).isEmpty();
        double share = (double) heldOut.size() / (train.size() + heldOut.size());
        assertThat(share).isBetween(0.08, 0.12);
    }

    @Test
    void captionsAreShortLowerCaseAsciiAndStartWithStyleAndName() {
        for (SampleInfo info : all.infos()) {
            assertThat(info.caption())
                    .matches("[a-z0-9', .-]+")
                    .startsWith(info.style() + " " + info.name());
            assertThat(info.caption().split(" ")).hasSizeLessThanOrEqualTo(14);
            assertThat(info.prompt()).isEqualTo(info.style() + " " + info.name());
            assertThat(info.subject()).isNotBlank();
            assertThat(info.subgroup()).isNotBlank();
        }
    }

    @Test
    void licencesAreNamedPerRowAndInTheFolder() throws IOException {
        Map<String, Set<String>> licences =
                all.infos().stream()
                        .collect(
                                Collectors.groupingBy(
                                        SampleInfo::provider,
                                        Collectors.mapping(
                                                SampleInfo::licence, Collectors.toSet())));
        assertThat(licences)
                .isEqualTo(
                        Map.of(
                                "noto", Set.of("Apache-2.0"),
                                "fluent", Set.of("MIT"),
                                "twemoji", Set.of("CC-BY-4.0"),
                                "openmoji", Set.of("CC-BY-SA-4.0"),
                                "lineart", Set.of("CC-BY-SA-4.0")));
        String attribution = Files.readString(FOLDER.resolve("ATTRIBUTION.md"));
        assertThat(attribution)
                .contains("noto.tar", "fluent.tar", "twemoji.tar", "openmoji.tar", "lineart.tar")
                .contains("rasterised", "emojibase-data", "CC BY 4.0", "CC BY-SA 4.0");
        for (String file :
                List.of(
                        "LICENSE-noto-Apache-2.0.txt",
                        "LICENSE-fluent-MIT.txt",
                        "LICENSE-openmoji-lineart-CC-BY-SA-4.0.txt",
                        "LICENSE-emojibase-MIT.txt")) {
            assertThat(FOLDER.resolve(file)).isNotEmptyFile();
        }
    }

    @Test
    void isUnder30Megabytes() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            long bytes = files.mapToLong(CommittedEmojiTest::size).sum();
            assertThat(bytes).isBetween(10_000_000L, 30_000_000L);
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<String> subjects(Shard shard) {
        return shard.infos().stream().map(SampleInfo::subject).collect(Collectors.toSet());
    }
}
