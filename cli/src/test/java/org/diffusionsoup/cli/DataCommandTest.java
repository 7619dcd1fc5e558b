package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup data …} from the command line to the files' bytes. */
class DataCommandTest {
    private static final Path PACKAGES =
            Path.of("..", "data", "src", "test", "resources", "emoji-packages");
    private static final Path EMOJI = Path.of("..", "shards", "emoji");

    @TempDir private Path folder;
    private Path photos;

    @BeforeEach
    void photos() throws IOException {
        photos = Files.createDirectory(folder.resolve("photos"));
        photo("cat", 40, 20, 200, "a cat");
        photo("dog", 64, 64, 100, "a dog");
        photo("sea", 30, 90, 20, "the sea");
    }

    /** A picture of one grey and its caption. */
    private void photo(String name, int width, int height, int grey, String caption)
            throws IOException {
        byte[] pixels = new byte[3 * width * height];
        Arrays.fill(pixels, (byte) grey);
        Files.write(
                photos.resolve(name + ".png"),
                PngCodec.encode(new RgbImage(width, height, pixels)));
        Files.writeString(photos.resolve(name + ".txt"), caption);
    }

    private Path in(String name) {
        return folder.resolve(name);
    }

    private Run importPhotos(Object... more) {
        Object[] start = {
            "data",
            "import",
            photos,
            "--out",
            in("p.tar"),
            "--provider",
            "me",
            "--licence",
            "CC0-1.0"
        };
        return Run.of(Stream.of(start, more).flatMap(Arrays::stream).toArray());
    }

    private static JsonNode json(Run run) throws IOException {
        assertThat(run.ok().err()).isEmpty();
        return new ObjectMapper().readTree(run.out());
    }

    private static RgbImage read(Path png) throws IOException {
        return PngCodec.decode(Files.readAllBytes(png), png.toString());
    }

    private Set<String> names() throws IOException {
        try (Stream<Path> list = Files.list(folder)) {
            return list.map(p -> p.getFileName().toString())
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    @Test
    void importListInspectAndSheetTellOfTheSameRows() throws IOException {
        JsonNode imported = json(importPhotos("--domain", "animals", "--json"));
        assertThat(imported.path("rows").asInt()).isEqualTo(3);
        assertThat(imported.path("train").asInt()).isEqualTo(3);

        JsonNode list = json(Run.of("data", "list", in("p.tar"), "--json"));
        assertThat(list.path("rows").asInt()).isEqualTo(3);
        assertThat(list.path("byProvider").path("me").path("train").asInt()).isEqualTo(3);
        assertThat(list.path("byDomain").path("animals").path("rows").asInt()).isEqualTo(3);
        assertThat(list.path("byLicence").path("CC0-1.0").path("heldOut").asInt()).isZero();
        assertThat(list.path("sha256")).isEqualTo(imported.path("sha256"));

        JsonNode inspect = json(Run.of("data", "inspect", in("p.tar"), "--json"));
        assertThat(inspect.path("sha256")).isEqualTo(imported.path("sha256"));
        assertThat(inspect.path("licences").path(0).asText()).isEqualTo("CC0-1.0");
        assertThat(inspect.findValuesAsText("caption"))
                .containsExactly("a cat", "a dog", "the sea");
        assertThat(inspect.path("samples").path(0).path("width").asInt()).isEqualTo(40);
        assertThat(inspect.path("samples").path(0).path("height").asInt()).isEqualTo(20);

        assertThat(Run.of("data", "list", in("p.tar")).ok().out())
                .contains("p: 3 rows, 3 to train on, 0 held out", "animals", "CC0-1.0", "sha256 ");
        assertThat(Run.of("data", "inspect", in("p.tar"), "--rows", 2).ok().out())
                .contains("64×64", "me_dog  a dog", "2 of 3 rows")
                .doesNotContain("the sea");
    }

    @Test
    void aPictureThatCannotBeReadIsNamedWithItsTar() throws IOException {
        Path tar = in("others.tar");
        byte[] picture = tar("row.png", "this is no picture");
        ByteArrayOutputStream both = new ByteArrayOutputStream();
        both.write(picture, 0, picture.length - 1024); // without the end of the tar
        both.write(tar("row.txt", "a row"));
        Files.write(tar, both.toByteArray());
        Run.of("data", "inspect", tar).fails(1, "row row of shard " + tar);
        Run.of("data", "sheet", tar, "-o", in("sheet.png")).fails(1, "row row of shard " + tar);
    }

    @Test
    void aSheetShowsPicturesOfAnyShape() throws IOException {
        importPhotos().ok();
        Run.of("data", "sheet", in("p.tar"), "-o", in("s.png"), "--columns", 2).ok();
        RgbImage sheet = read(in("s.png"));
        // Two by two tiles of the first picture's longer side, 40, with gaps of 2.
        assertThat(sheet.width()).isEqualTo(86);
        assertThat(sheet.height()).isEqualTo(86);
        assertThat(sheet.channel(22, 22, 0)).as("middle of the cat").isEqualTo(200);
        assertThat(sheet.channel(22, 5, 0)).as("white above the cat").isEqualTo(255);
        assertThat(sheet.channel(64, 22, 0)).as("middle of the dog").isEqualTo(100);
        assertThat(sheet.channel(22, 64, 0)).as("middle of the sea").isEqualTo(20);
        assertThat(sheet.channel(5, 64, 0)).as("white beside the sea").isEqualTo(255);

        Run.of("data", "sheet", in("p.tar"), "-o", in("s.png"))
                .fails(1, "s.png exists already", "--force");
        Run.of("data", "sheet", in("p.tar"), "-o", in("s.png"), "--tile", 10, "--max", 1, "--force")
                .ok();
        assertThat(read(in("s.png")).width()).isEqualTo(14);
    }

    @Test
    void sizeAndFitAndSplitAreObeyed() throws IOException {
        JsonNode held =
                json(importPhotos("--size", 16, "--fit", "pad", "--split", "heldout", "--json"));
        assertThat(held.path("heldOut").asInt()).isEqualTo(3);
        JsonNode row =
                json(Run.of("data", "inspect", in("p.tar"), "--json")).path("samples").path(0);
        assertThat(row.path("width").asInt()).isEqualTo(16);
        assertThat(row.path("height").asInt()).isEqualTo(16);
        assertThat(row.path("split").asText()).isEqualTo("heldout");
        Run.of("data", "sheet", in("p.tar") + "#split=heldout", "-o", in("s.png")).ok();
        assertThat(read(in("s.png")).channel(10, 3, 0)).as("padding above the cat").isEqualTo(255);
        Run.of("data", "list", in("p.tar") + "#split=train").fails(1, "zero rows");
    }

    @Test
    void metadataIsReadAsHuggingFaceHasIt() throws IOException {
        for (String name : new String[] {"cat", "dog", "sea"}) {
            Files.delete(photos.resolve(name + ".txt"));
        }
        Files.writeString(
                photos.resolve("metadata.csv"),
                "file_name,text,split\ncat.png,\"one, two\",train\ndog.png,three,heldout\n"
                        + "sea.png,four,\n");
        importPhotos().ok();
        JsonNode inspect = json(Run.of("data", "inspect", in("p.tar"), "--json"));
        assertThat(inspect.findValuesAsText("caption"))
                .containsExactly("one, two", "three", "four");
        assertThat(inspect.path("heldOut").asInt()).isEqualTo(1);
    }

    @Test
    void anExistingShardIsReplacedOnlyByForce() throws IOException {
        importPhotos().ok();
        byte[] before = Files.readAllBytes(in("p.tar"));
        Files.writeString(photos.resolve("cat.txt"), "another cat");
        importPhotos().fails(1, "p.tar exists already", "--force");
        assertThat(in("p.tar")).hasBinaryContent(before);
        importPhotos("--force").ok();
        assertThat(Run.of("data", "inspect", in("p.tar")).ok().out()).contains("another cat");
        // Broken input under --force keeps what was there.
        before = Files.readAllBytes(in("p.tar"));
        Files.delete(photos.resolve("cat.txt"));
        importPhotos("--force").fails(1, "cat.png has no caption");
        assertThat(in("p.tar")).hasBinaryContent(before);
        assertThat(names()).containsExactly("p.tar", "photos");
    }

    @Test
    void tarsAmongThePicturesAreNotPassedOverWithoutAWord() throws IOException {
        assertThat(importPhotos().ok().err()).doesNotContain("tar");
        Files.createDirectory(photos.resolve("more"));
        Files.move(in("p.tar"), photos.resolve("more/old.tar"));
        assertThat(importPhotos().ok().err())
                .contains(
                        "1 tar in " + photos + " was passed over (more/old.tar)",
                        "soup data import " + photos.resolve("more/old.tar"));
    }

    @Test
    void aFailedImportIsOneSentenceAndLeavesNothing() throws IOException {
        Set<String> before = names();
        Files.writeString(photos.resolve("lost.txt"), "a lost one");
        importPhotos().fails(1, "soup data import: ", "lost.txt has no picture");
        Files.delete(photos.resolve("lost.txt"));

        Files.delete(photos.resolve("sea.txt"));
        importPhotos().fails(1, "sea.png has no caption");
        Files.writeString(photos.resolve("sea.txt"), " \n");
        importPhotos().fails(1, "sea.txt has no text");
        Files.writeString(photos.resolve("sea.txt"), "the sea");

        byte[] png = Files.readAllBytes(photos.resolve("sea.png"));
        Files.write(photos.resolve("sea.png"), Arrays.copyOf(png, png.length / 2));
        importPhotos().fails(1, "sea.png");
        Files.write(photos.resolve("sea.png"), png);

        Files.writeString(photos.resolve("metadata.jsonl"), "{\"file_name\": \"owl.png\"}\n");
        importPhotos().fails(1, "metadata.jsonl line 1", "owl.png does not exist");
        Files.delete(photos.resolve("metadata.jsonl"));

        importPhotos("--size", 3).fails(2, "--size must be 8 to 4096 pixels, not 3");
        importPhotos("--domain", "cars").fails(2, "--domain 'cars'", "vehicles");
        importPhotos("--split", "some").fails(2, "--split 'some'", "10%");
        importPhotos("--fit", "squash").fails(2, "--fit", "squash");
        importPhotos("--size", "big").fails(2, "--size", "big");
        importPhotos("--licences", "MIT").fails(2, "unknown option '--licences'", "'--licence'");
        Run.of("data", "import", photos, "--out", in("p.tar"), "--provider", "me")
                .fails(2, "missing --licence");
        Run.of(
                        "data",
                        "import",
                        photos,
                        "--out",
                        photos,
                        "--provider",
                        "me",
                        "--licence",
                        "MIT",
                        "--force")
                .fails(1, "photos is a folder");
        assertThat(names()).isEqualTo(before);
        importPhotos().ok();
    }

    @Test
    void aFolderWithoutRowsOrNoFolderIsNamed() throws IOException {
        Path empty = Files.createDirectory(in("empty"));
        for (String[] c :
                new String[][] {
                    {empty.toString(), "zero rows"},
                    {in("gone").toString(), "gone is not a folder"},
                    {photos.resolve("cat.png").toString(), "cat.png is not a folder or tar"}
                }) {
            Run.of(
                            "data",
                            "import",
                            c[0],
                            "--out",
                            in("out/p.tar"),
                            "--provider",
                            "me",
                            "--licence",
                            "MIT")
                    .fails(1, c[1]);
        }
        assertThat(in("out")).doesNotExist();
    }

    @Test
    void shardsThatCannotBeReadAreNamedByEveryCommand() throws IOException {
        importPhotos().ok();
        byte[] whole = Files.readAllBytes(in("p.tar"));
        Files.write(in("cut.tar"), Arrays.copyOf(whole, whole.length / 2));
        Files.write(in("none.tar"), new byte[1024]); // a tar's end mark and nothing before it
        Files.writeString(in("text.tar"), "no tar at all, but long enough".repeat(40));
        Files.write(in("image.tar"), tar("a.png", "x"));
        Files.write(in("caption.tar"), tar("a.txt", "a caption"));
        byte[] changed = whole.clone();
        int png = new String(whole, StandardCharsets.ISO_8859_1).indexOf("IDAT");
        changed[png + 8] ^= 1;
        Files.write(in("changed.tar"), changed);
        Files.createDirectory(in("folder"));
        Files.createDirectory(in("things"));
        Files.writeString(in("things").resolve("drawings.json"), "{}");
        Set<String> before = names();
        String[][] cases = {
            {"gone.tar", "gone.tar does not exist"},
            {"cut.tar", "cut.tar is cut off"},
            {"none.tar", "none.tar has zero rows"},
            {"text.tar", "text.tar is not a tar"},
            {"image.tar", "row a of shard", "has an image but no caption"},
            {"caption.tar", "row a of shard", "has a caption but no image"},
            {"changed.tar", "is damaged"},
            {"folder", "is not a data set: it holds no dataset.json"},
            {"things", "which 'soup data drawings' shows"},
            {"p.tar#provider=you", "zero rows"},
            {"p.tar#colour=red", "cannot filter on \"colour\""},
            {"p.tar#food", "has no view food"},
        };
        for (String[] c : cases) {
            String[] parts = Arrays.copyOfRange(c, 1, c.length);
            Run.of("data", "list", in(c[0])).fails(1, parts);
            Run.of("data", "inspect", in(c[0])).fails(1, parts);
            Run.of("data", "sheet", in(c[0]), "-o", in("s.png")).fails(1, parts);
        }
        assertThat(names()).isEqualTo(before);
    }

    /** As the help says of ae5 and curated. */
    @Test
    void twoTiersDamageNothing() {
        Path shard = TinyTraining.shard(in("square.tar"), 4, 64, "train");
        assertThat(Run.of("data", "damage", "--help").ok().out().replaceAll("\\s+", " "))
                .contains("from ae1, the worst, to ae4; ae5 and curated damage nothing");
        for (String tier : List.of("ae1", "ae5", "curated")) {
            Run.of("data", "damage", shard, "--tier", tier, "-o", in(tier + ".tar")).ok();
            Shard damaged = Shard.open(in(tier + ".tar"));
            List<RgbImage> before = Shard.open(shard).stream().map(Sample::image).toList();
            List<RgbImage> after = damaged.stream().map(Sample::image).toList();
            assertThat(after.equals(before)).as(tier).isEqualTo(!tier.equals("ae1"));
        }
    }

    @Test
    void flagsOutOfRangeAreNamed() throws IOException {
        importPhotos().ok();
        Set<String> before = names();
        Path tar = in("p.tar");
        Run.of("data").fails(2, "missing command", "import");
        Run.of("data", "lst", tar).fails(2, "unknown command 'lst'", "'list'");
        Run.of("data", "list").fails(2, "missing SHARD");
        Run.of("data", "list", tar, tar).fails(2, "unexpected argument");
        Run.of("data", "inspect", tar, "--rows", -1).fails(2, "--rows");
        Run.of("data", "sheet", tar).fails(2, "missing --out");
        Run.of("data", "sheet", tar, "-o", in("s.png"), "--max", 0).fails(2, "--max");
        Run.of("data", "sheet", tar, "-o", in("s.png"), "--columns", 0).fails(2, "--columns");
        Run.of("data", "sheet", tar, "-o", in("s.png"), "--tile", 2000).fails(2, "--tile");
        Run.of("data", "sheet", EMOJI, "-o", in("s.png"), "--max", 7000, "--tile", 1024, "-q")
                .fails(1, "6,362 pictures would be 103,628×64,640 pixels", "show fewer");
        Run.of("data", "sheet", tar, "-o", tar).fails(1, "p.tar would hold a PNG picture");
        Run.of("data", "sheet", tar, "-o", photos, "--force")
                .fails(1, "photos is a folder, not a PNG picture", "not even with --force");
        assertThat(names()).isEqualTo(before);
    }

    @Test
    void emojiAreBuiltFromAFewDrawings() throws IOException {
        JsonNode built =
                json(
                        Run.of(
                                "data",
                                "build-emoji",
                                "--out",
                                in("e"),
                                "--packages",
                                PACKAGES,
                                "--json"));
        assertThat(built.path("subjects").asInt()).isEqualTo(9);
        JsonNode list = json(Run.of("data", "list", in("e"), "--json"));
        assertThat(list.path("rows")).isEqualTo(built.path("rows"));
        assertThat(list.path("sha256")).isEqualTo(built.path("sha256"));
        assertThat(list.path("byProvider").properties())
                .extracting(e -> e.getKey())
                .containsExactlyInAnyOrder("fluent", "lineart", "noto", "openmoji", "twemoji");
        assertThat(Run.of("data", "inspect", in("e") + "#food&provider=noto").ok().out())
                .contains("64×64", "noto_red-apple", "noto red apple", "Apache-2.0");

        Run.of("data", "build-emoji", "--out", in("e"), "--packages", PACKAGES)
                .fails(1, "exists already", "--force");
        JsonNode again =
                json(
                        Run.of(
                                "data",
                                "build-emoji",
                                "--out",
                                in("e"),
                                "--packages",
                                PACKAGES,
                                "--force",
                                "--json"));
        assertThat(again.path("sha256")).isEqualTo(built.path("sha256"));
        Run.of("data", "build-emoji", "--out", photos, "--packages", PACKAGES, "--force")
                .fails(1, "photos is a folder, not a data set");
        Run.of("data", "build-emoji", "--out", in("f"), "--packages", photos)
                .fails(1, "does not hold the npm package @iconify-json/noto");
        assertThat(names()).containsExactly("e", "photos");
        assertThat(photos).isDirectoryContaining("glob:**/cat.png");
    }

    @Test
    void theCommittedEmojiAreWhatTheDocumentsSay() throws IOException {
        JsonNode list = json(Run.of("data", "list", EMOJI, "--json"));
        String document = Files.readString(Path.of("..", "docs", "data.md"));
        assertThat(document).contains(list.path("sha256").asText());
        for (String kind : new String[] {"byProvider", "byDomain"}) {
            assertThat(list.path(kind).properties()).isNotEmpty();
            list.path(kind)
                    .properties()
                    .forEach(e ->
                            assertThat(document.lines())
                                    .as(e.getKey())
                                    .anyMatch(line ->
                                            line.replace("`", "")
                                                            .startsWith("| " + e.getKey() + " |")
                                                    && line.replace(",", "")
                                                            .endsWith(counts(e.getValue()))));
        }
    }

    private static String counts(JsonNode c) {
        return "| %d | %d | %d |"
                .formatted(
                        c.path("rows").asInt(), c.path("train").asInt(), c.path("heldOut").asInt());
    }

    /** A tar of one small file, as any other tool would write it. */
    private static byte[] tar(String name, String content) throws IOException {
        byte[] header = new byte[512];
        byte[] data = Arrays.copyOf(content.getBytes(StandardCharsets.UTF_8), 512);
        put(header, 0, name);
        put(header, 100, "0000644");
        put(header, 124, "%011o".formatted(content.length()));
        put(header, 136, "00000000000");
        put(header, 148, "        ");
        header[156] = '0';
        put(header, 257, "ustar");
        put(header, 263, "00");
        int sum = 0;
        for (byte b : header) {
            sum += b & 0xff;
        }
        put(header, 148, "%06o\0".formatted(sum));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(header);
        out.write(data);
        out.write(new byte[1024]);
        return out.toByteArray();
    }

    private static void put(byte[] header, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, header, at, bytes.length);
    }
}
