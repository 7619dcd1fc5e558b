package org.diffusionsoup.data.scene;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.diffusionsoup.data.Domains;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What scenes rely on in {@code shards/drawings}. */
class CommittedDrawingsTest {
    private static final Path FOLDER = Path.of("..", "shards", "drawings");
    private static Drawings drawings;

    @BeforeAll
    static void load() {
        drawings = Drawings.load(FOLDER);
    }

    @Test
    void everyDomainHasNineSubjectsToLearnAndThreeSubjectsAreHeldOut() {
        Map<String, Long> train =
                Subjects.all().stream()
                        .filter(s -> !s.heldOut())
                        .collect(Collectors.groupingBy(Subject::domain, Collectors.counting()));
        assertThat(train.keySet()).containsExactlyInAnyOrderElementsOf(Domains.PAPER);
        assertThat(train.values()).allMatch(count -> count >= 9);
        assertThat(Subjects.all())
                .filteredOn(Subject::heldOut)
                .extracting(Subject::name)
                .containsExactlyInAnyOrder("octopus", "drum", "lemon");
        assertThat(Subjects.all()).extracting(Subject::name).doesNotHaveDuplicates();
        assertThat(Subjects.all())
                .allMatch(s -> s.name().matches("[a-z]+([ -][a-z]+)*"))
                .allMatch(s -> s.plural().matches("[a-z]+([ -][a-z]+)*"));
    }

    @Test
    void everySubjectIsDrawnByAllFiveEmojiSets() {
        for (Subject subject : Subjects.all()) {
            assertThat(drawings.of(subject.name()))
                    .as(subject.name())
                    .extracting(Drawing::provider)
                    .contains("noto", "fluent", "twemoji", "openmoji", "lineart");
        }
        Set<String> names = Subjects.all().stream().map(Subject::name).collect(Collectors.toSet());
        assertThat(drawings.all()).allMatch(d -> names.contains(d.subject()));
    }

    @Test
    void everyDrawingTouchesBothEndsOfItsLongerSideAndIsCentred() {
        int last = Drawing.SIDE - 1;
        for (Drawing drawing : drawings.all()) {
            int[] box = box(drawing.image());
            int width = box[2] - box[0];
            int height = box[3] - box[1];
            assertThat(Math.max(width, height)).as(drawing.key()).isEqualTo(last);
            // The faint end of a shadow may reach out of the box that was centred.
            assertThat(Math.abs(box[0] - (last - box[2]))).as(drawing.key()).isLessThan(4);
            assertThat(Math.abs(box[1] - (last - box[3]))).as(drawing.key()).isLessThan(4);
            // A thing of its own: no page behind it, and enough of it to be seen.
            assertThat(ink(drawing.image())).as(drawing.key()).isBetween(0.04, 0.99);
        }
    }

    /** Left, top, right and bottom pixel that is not wholly transparent. */
    private static int[] box(ArgbImage image) {
        int[] box = {Drawing.SIDE, Drawing.SIDE, -1, -1};
        for (int i = 0; i < image.argb().length; i++) {
            if (image.argb()[i] >>> 24 > 0) {
                int x = i % image.width();
                int y = i / image.width();
                box[0] = Math.min(box[0], x);
                box[1] = Math.min(box[1], y);
                box[2] = Math.max(box[2], x);
                box[3] = Math.max(box[3], y);
            }
        }
        return box;
    }

    private static double ink(ArgbImage image) {
        long alpha = 0;
        for (int pixel : image.argb()) {
            alpha += pixel >>> 24;
        }
        return alpha / 255.0 / image.argb().length;
    }

    @Test
    void noTwoDrawingsAreTheSame() {
        Map<ArgbImage, String> seen = new HashMap<>();
        for (Drawing drawing : drawings.all()) {
            assertThat(seen.put(drawing.image(), drawing.key())).as(drawing.key()).isNull();
        }
    }

    /** A generator may shift their hue, so most of them must have one. */
    @Test
    void tintableSubjectsHaveOneSaturatedMainColourInMostSets() {
        List<String> wrong = new ArrayList<>();
        for (Subject subject : Subjects.all()) {
            long tinted =
                    drawings.of(subject.name()).stream()
                            .filter(d -> !d.provider().equals("lineart"))
                            .filter(d -> !d.provider().equals(OpenClipart.PROVIDER))
                            .filter(d -> Hues.hasOneMainHue(d.image()))
                            .count();
            if (subject.tintable() && tinted < 3) {
                wrong.add(subject.name() + " in " + tinted);
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(Subjects.all().stream().filter(Subject::tintable)).hasSize(28);
    }

    @Test
    void clipArtNamesTitleArtistAndLicence() throws IOException {
        String attribution = Files.readString(FOLDER.resolve("ATTRIBUTION.md"));
        List<Drawing> clipArt =
                drawings.all().stream()
                        .filter(d -> d.provider().equals(OpenClipart.PROVIDER))
                        .toList();
        assertThat(clipArt).hasSizeGreaterThan(150);
        for (Drawing d : clipArt) {
            assertThat(d.title()).as(d.key()).isNotBlank().doesNotContain("@");
            assertThat(d.artist()).as(d.key()).isNotBlank().doesNotContain("@");
            assertThat(d.licence()).isEqualTo("public-domain");
            assertThat(attribution)
                    .contains("| %s | %s | %s |".formatted(d.subject(), d.title(), d.artist()));
        }
        assertThat(OpenClipart.chosenIn(Path.of("svg")).chosen())
                .extracting(OpenClipart.Choice::key)
                .containsExactlyInAnyOrderElementsOf(clipArt.stream().map(Drawing::key).toList());
    }

    @Test
    void theIndexCountsWhatIsThere() throws IOException {
        JsonNode index = new ObjectMapper().readTree(FOLDER.resolve(Drawings.INDEX).toFile());
        assertThat(index.path("rows").asInt()).isEqualTo(drawings.all().size());
        assertThat(index.path("sha256").asText()).isEqualTo(drawings.sha256());
        for (JsonNode node : index.path("providers")) {
            List<Drawing> its =
                    drawings.all().stream()
                            .filter(d -> d.provider().equals(node.path("name").asText()))
                            .toList();
            assertThat(node.path("rows").asInt()).isEqualTo(its.size());
            assertThat(node.path("artists").asInt())
                    .isEqualTo(new TreeSet<>(its.stream().map(Drawing::artist).toList()).size());
            assertThat(its).extracting(Drawing::style).containsOnly(node.path("style").asText());
        }
        int rows = 0;
        for (JsonNode node : index.path("domains")) {
            rows += node.path("rows").asInt();
        }
        assertThat(rows).isEqualTo(drawings.all().size());
    }

    @Test
    void theFolderIsSmall() throws IOException {
        long bytes = 0;
        try (var files = Files.list(FOLDER)) {
            for (Path file : files.toList()) {
                bytes += Files.size(file);
            }
        }
        assertThat(bytes).isLessThan(9_000_000);
    }
}
