package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class FolderImporterTest {
    @TempDir Path dir;
    private Path folder;
    private Path out;

    @BeforeEach
    void folders() throws IOException {
        folder = Files.createDirectories(dir.resolve("mine/sub")).getParent();
        out = Files.createDirectories(dir.resolve("out")).resolve("mine.tar");
    }

    private void picture(String name, int width, int height) throws IOException {
        Files.write(folder.resolve(name), PngCodec.encode(Pictures.noise(width, height, 1)));
    }

    private void text(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }

    private static void tar(Path file, Map<String, byte[]> entries) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            for (var e : new TreeMap<>(entries).entrySet()) {
                TarWriter.entry(out, e.getKey(), e.getValue());
            }
            TarWriter.end(out);
        }
    }

    private Shard run() {
        return FolderImporter.importFolder(
                folder, out, ImportOptions.of("me", "CC0-1.0"), ProgressListener.NONE);
    }

    private void assertRefused(String... parts) {
        assertThatThrownBy(this::run)
                .isInstanceOf(SoupException.class)
                .hasMessageContainingAll(parts);
        assertThat(out.getParent()).as("nothing is written").isEmptyDirectory();
    }

    @Test
    void keysKeepLettersWithMarks() throws IOException {
        picture("Übergröße.png", 9, 5);
        text("Übergröße.txt", "large");
        picture("猫.png", 4, 4);
        text("猫.txt", "a cat");
        assertThat(run().infos().stream().map(SampleInfo::key))
                .containsExactlyInAnyOrder("me_Ubergrosse", "me_-");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aLineBreakInANameHidesNoPicture() throws IOException {
        picture("two\nlines.png", 4, 4);
        assertRefused("two\nlines.png has no caption");
        text("two\nlines.txt", "a square");
        assertThat(run().infos()).extracting(SampleInfo::key).containsExactly("me_two-lines");
    }

    @Test
    void picturesWithTextBesideThem() throws IOException {
        picture("cat one.png", 9, 5);
        text("cat one.txt", "a cat,\n  sitting\n");
        picture("sub/dog.png", 4, 4);
        text("sub/dog.txt", "a dog");
        ImageIO.write(
                Pictures.plain(8, 8, 200, 10, 10).toBufferedImage(),
                "jpg",
                folder.resolve("red.jpg").toFile());
        text("red.txt", "red");
        text(".hidden.txt", "not a row");
        Shard shard = run();
        assertThat(shard.infos())
                .extracting(SampleInfo::key)
                .containsExactly("me_cat-one", "me_red", "me_sub_dog");
        assertThat(shard.infos().getFirst().caption()).isEqualTo("a cat, sitting");
        assertThat(shard.infos().getFirst().provider()).isEqualTo("me");
        assertThat(shard.infos().getFirst().licence()).isEqualTo("CC0-1.0");
        assertThat(shard.get(0).image()).isEqualTo(Pictures.noise(9, 5, 1));
        assertThat(shard.get(1).image().channel(4, 4, 0)).isBetween(190, 210);
    }

    @Test
    void metadataJsonl() throws IOException {
        picture("a.png", 4, 4);
        picture("b.png", 5, 4);
        text(
                "metadata.jsonl",
                """
                {"file_name": "b.png", "text": "second", "split": "heldout"}

                {"file_name": "a.png", "text": "first"}
                """);
        Shard shard = run();
        assertThat(shard.infos())
                .extracting(SampleInfo::caption)
                .containsExactly("first", "second");
        assertThat(shard.heldOut().infos()).extracting(SampleInfo::key).containsExactly("me_b");
    }

    @Test
    void metadataCsvWithQuotesAndWindowsLineEnds() throws IOException {
        picture("a.png", 4, 4);
        picture("b.png", 4, 4);
        text(
                "metadata.csv",
                "\uFEFFfile_name,text\r\na.png,\"one, \"\"two\"\"\nthree\"\r\nb.png,four\r\n");
        assertThat(run().infos())
                .extracting(SampleInfo::caption)
                .containsExactly("one, \"two\" three", "four");
    }

    @Test
    void resizesToASquare() throws IOException {
        picture("a.png", 40, 20);
        text("a.txt", "x");
        for (ImportOptions.Fit fit : ImportOptions.Fit.values()) {
            ImportOptions options =
                    new ImportOptions(
                            "me", "CC0-1.0", "food", HoldOut.NONE, OptionalInt.of(16), fit);
            Shard shard = FolderImporter.importFolder(folder, out, options, ProgressListener.NONE);
            RgbImage image = shard.get(0).image();
            assertThat(image.width()).isEqualTo(16);
            assertThat(image.height()).isEqualTo(16);
            boolean whiteTop = image.channel(8, 0, 0) == 255 && image.channel(3, 1, 1) == 255;
            assertThat(whiteTop).isEqualTo(fit == ImportOptions.Fit.PAD);
            assertThat(shard.infos().getFirst().domain()).isEqualTo("food");
        }
    }

    @Test
    void twoImportsGiveTheSameBytes() throws IOException {
        picture("a.png", 4, 4);
        picture("ä.png", 5, 4);
        picture("ö.png", 6, 4);
        text("a.txt", "x");
        text("ä.txt", "y");
        text("ö.txt", "z");
        run();
        byte[] first = Files.readAllBytes(out);
        run();
        assertThat(Files.readAllBytes(out)).isEqualTo(first);
        assertThat(Shard.open(out).size()).isEqualTo(3);
    }

    @Test
    void aShareIsHeldOutByCaptionUnlessTheMetadataSaysOtherwise() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 60; i++) {
            picture(i + ".png", 4 + i, 4);
            // Every caption comes twice; the first two rows say their side.
            String side = i < 2 ? ", \"split\": \"" + (i == 0 ? "train" : "heldout") + "\"" : "";
            lines.append(
                    "{\"file_name\": \"%d.png\", \"text\": \"C %d\"%s}\n"
                            .formatted(i, i % 30, side));
        }
        text("metadata.jsonl", lines.toString());
        for (int percent : new int[] {0, 30, 100}) {
            ImportOptions options =
                    new ImportOptions(
                            "me",
                            "CC0-1.0",
                            "other",
                            HoldOut.parse(percent + "%"),
                            OptionalInt.empty(),
                            ImportOptions.Fit.CROP);
            Shard shard = FolderImporter.importFolder(folder, out, options, ProgressListener.NONE);
            Map<String, Set<String>> sides = new TreeMap<>();
            for (SampleInfo info : shard.infos()) {
                switch (info.key()) {
                    case "me_0" -> assertThat(info.split()).isEqualTo("train");
                    case "me_1" -> assertThat(info.split()).isEqualTo("heldout");
                    default ->
                            sides.computeIfAbsent(info.caption(), c -> new TreeSet<>())
                                    .add(info.split());
                }
            }
            assertThat(sides.values()).as("one side per caption").allMatch(s -> s.size() == 1);
            long held = sides.values().stream().filter(s -> s.contains("heldout")).count();
            assertThat(held).isEqualTo(percent * 30L / 100);
        }
    }

    @Test
    void captionWithoutImage() throws IOException {
        picture("a.png", 4, 4);
        text("a.txt", "x");
        text("lost.txt", "y");
        assertRefused("lost.txt has no picture");
    }

    @Test
    void imageWithoutCaption() throws IOException {
        picture("a.png", 4, 4);
        assertRefused("a.png has no caption");
    }

    @Test
    void emptyCaption() throws IOException {
        picture("a.png", 4, 4);
        text("a.txt", "  \n");
        assertRefused("a.txt has no text for the picture a.png");
    }

    @Test
    void undecodableImageComesAfterAGoodOne() throws IOException {
        picture("a.png", 4, 4);
        text("a.txt", "x");
        text("b.png", "not a picture");
        text("b.txt", "y");
        assertRefused("b.png is not a picture");
    }

    @Test
    void aPictureKindThatCannotBeReadIsNotPassedOver() throws IOException {
        text("b.webp", "RIFF");
        text("b.txt", "y");
        assertRefused("b.webp is not a picture that can be read");
    }

    @Test
    void zeroRows() throws IOException {
        assertRefused("zero rows");
        text("metadata.csv", "file_name,text\n");
        assertRefused("zero rows");
    }

    @Test
    void metadataRowsThatCannotBe() throws IOException {
        picture("a.png", 4, 4);
        text("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"x\"}\n{\"file_name\":");
        assertRefused("metadata.jsonl line 2 is not valid JSON");
        text("metadata.jsonl", "{\"file_name\": \"gone.png\", \"text\": \"x\"}");
        assertRefused(
                "metadata.jsonl line 1", "gone.png does not exist; put it there, or take the row");
        text("metadata.jsonl", "{\"file_name\": \"../a.png\", \"text\": \"x\"}");
        assertRefused("names ../a.png, which is outside the folder; move the picture into");
        text("metadata.jsonl", "{\"text\": \"x\"}");
        assertRefused("line 1 has no file_name; write the picture's path there");
        text("metadata.jsonl", "{\"file_name\": \"a.png\"}");
        assertRefused("line 1 has no text for the picture a.png; write there what it shows");
        text("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"x\"}\n".repeat(2));
        assertRefused("line 2 names a.png a second time; a picture has one row, so take");
        text("metadata.csv", "file_name,text\n");
        assertRefused("both metadata.jsonl and metadata.csv");
        Files.delete(folder.resolve("metadata.jsonl"));
        text("metadata.csv", "file_name,text\na.png,x,y\n");
        assertRefused("metadata.csv line 2 has 3 fields, the header has 2");
        text("metadata.csv", "file_name,text\na.png,\"x\"y\n");
        assertRefused("metadata.csv line 2 has text after a closing quote");
        text("metadata.csv", "file_name,text\na.png,\"x\n");
        assertRefused("line 2 opens a quote");
    }

    @Test
    void aPictureTheMetadataPassesOver() throws IOException {
        picture("a.png", 4, 4);
        picture("b.png", 4, 4);
        text("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"x\"}");
        assertRefused("b.png has no caption", "metadata.jsonl");
    }

    @Test
    void twoSourcesOfACaption() throws IOException {
        picture("a.png", 4, 4);
        text("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"a cat\"}");
        text("a.txt", "a dog");
        text("LICENSE.txt", "no caption");
        assertRefused("a.png has two captions", "metadata.jsonl line 1", "a.txt");
        text("a.txt", " a  cat\n");
        assertThat(run().infos()).extracting(SampleInfo::caption).containsExactly("a cat");
    }

    @Test
    void aRowsOwnWordsOnCaptionProviderAndLicence() throws IOException {
        picture("a.png", 4, 4);
        text("metadata.csv", "file_name,text,caption\na.png,x,y\n");
        assertRefused("metadata.csv line 2 has two captions");
        text("metadata.csv", "file_name,text,licence\na.png,x,CC-BY-NC-4.0\n");
        assertRefused("line 2 states the licence CC-BY-NC-4.0, not CC0-1.0");
        text("metadata.csv", "file_name,text,provider\na.png,x,you\n");
        assertRefused("line 2 states the provider you, not me", "`provider` 'you'");
        text("metadata.csv", "file_name,text,provider,license\na.png,x,me,cc0-1.0\n");
        assertThat(run().size()).isEqualTo(1);
    }

    @Test
    void aTarKeepsWhatItsRowsSay() throws IOException {
        Path tar = dir.resolve("from.tar");
        byte[] png = PngCodec.encode(Pictures.noise(8, 8, 1));
        SampleInfo info =
                new SampleInfo(
                        "k",
                        "a cat",
                        "cat",
                        "flat",
                        "cat",
                        "me",
                        "CC0-1.0",
                        "g",
                        "s",
                        "animals",
                        "heldout",
                        Hashes.sha256Hex(png),
                        "{\"groups\":[]}");
        ShardWriter.write(tar, List.of("k"), i -> new Sample(info, png));
        Shard again =
                FolderImporter.importFolder(
                        tar, out, ImportOptions.of("me", "CC0-1.0"), ProgressListener.NONE);
        SampleInfo row = again.infos().getFirst();
        assertThat(row).usingRecursiveComparison().ignoringFields("key", "sha256").isEqualTo(info);
        assertThatThrownBy(() ->
                        FolderImporter.importFolder(
                                tar,
                                out,
                                ImportOptions.of("you", "CC0-1.0"),
                                ProgressListener.NONE))
                .hasMessageContaining("row k of " + tar + " states the provider me, not you");
    }

    @Test
    void twoCaptionsAndOtherSplitsInATar() throws IOException {
        byte[] png = PngCodec.encode(Pictures.noise(8, 8, 1));
        Path tar = dir.resolve("from.tar");
        tar(
                tar,
                Map.of(
                        "0.png", png,
                        "0.json", "{\"caption\": \"zero\"}".getBytes(StandardCharsets.UTF_8),
                        "0.txt", "null".getBytes(StandardCharsets.UTF_8)));
        assertThatThrownBy(() -> Shard.open(tar))
                .hasMessageContainingAll("row 0", "two captions", ".json", ".txt");
        tar(
                tar,
                Map.of(
                        "0.png",
                        png,
                        "0.json",
                        "{\"caption\": null, \"text\": \"zero\", \"split\": \"test\"}"
                                .getBytes(StandardCharsets.UTF_8)));
        SampleInfo row = Shard.open(tar).infos().getFirst();
        assertThat(row.caption()).isEqualTo("zero");
        assertThat(row.isTrain()).isFalse();
        tar(
                tar,
                Map.of(
                        "0.png",
                        png,
                        "0.json",
                        "{\"caption\": \"zero\", \"split\": \"later\"}"
                                .getBytes(StandardCharsets.UTF_8)));
        assertThatThrownBy(() -> Shard.open(tar))
                .hasMessageContainingAll("row 0", tar.toString(), "split \"later\"");
    }

    @Test
    void fieldsAndColumnsNamedTwiceOrNotSeparated() throws IOException {
        picture("a.png", 4, 4);
        text("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"x\", \"text\": \"y\"}");
        assertRefused("metadata.jsonl line 1 names a field twice");
        Files.delete(folder.resolve("metadata.jsonl"));
        text("metadata.csv", "file_name,text,text\na.png,x,y\n");
        assertRefused("metadata.csv names a column twice");
        text("metadata.csv", "file_name;text\na.png;x\n");
        assertRefused("metadata.csv does not separate its columns by commas");
    }

    @Test
    void heldOutRowsUnderTheNamesOfHuggingFace() throws IOException {
        for (String name : List.of("a", "b", "c", "d")) {
            picture(name + ".png", 4, 4);
        }
        text(
                "metadata.csv",
                "file_name,text,split\na.png,1,train\nb.png,2,validation\nc.png,3,test\nd.png,4,heldout\n");
        assertThat(run().infos())
                .extracting(SampleInfo::isTrain)
                .containsExactly(true, false, false, false);
        text(
                "metadata.csv",
                "file_name,text,split\na.png,1,later\nb.png,2,val\nc.png,3,dev\nd.png,4,eval\n");
        assertThatThrownBy(this::run).hasMessageContaining("split \"later\"");
    }

    @Test
    void foldersOfSplitsAsImagefolderHasThem() throws IOException {
        for (String name : List.of("train", "validation", "test")) {
            Files.createDirectories(folder.resolve(name));
            picture(name + "/a.png", 4, 4);
        }
        text("train/metadata.csv", "file_name,text\na.png,one\n");
        text("validation/metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"two\"}\n");
        text("test/a.txt", "three");
        assertThat(run().infos())
                .extracting(SampleInfo::caption, SampleInfo::isTrain)
                .containsExactlyInAnyOrder(
                        tuple("one", true), tuple("two", false), tuple("three", false));

        Files.createDirectories(folder.resolve("crash"));
        picture("crash/a.png", 4, 4);
        text("crash/a.txt", "a car");
        assertThat(run().infos())
                .as("test is a subject where others are")
                .extracting(SampleInfo::isTrain)
                .containsOnly(true);
    }

    @Test
    void aCaptionThatIsNotUtf8() throws IOException {
        picture("a.png", 4, 4);
        Files.write(folder.resolve("a.txt"), "grün".getBytes(StandardCharsets.ISO_8859_1));
        assertRefused("a.txt is not UTF-8");
    }

    @Test
    void aFailedImportLeavesTheOldShard() throws IOException {
        picture("a.png", 4, 4);
        text("a.txt", "x");
        run();
        byte[] before = Files.readAllBytes(out);
        text("b.png", "broken");
        text("b.txt", "y");
        assertThatThrownBy(this::run).isInstanceOf(SoupException.class);
        assertThat(out).hasBinaryContent(before);
    }

    @Test
    void optionsAreChecked() {
        assertThatThrownBy(() -> HoldOut.parse("half")).hasMessageContaining("`split` 'half'");
        assertThatThrownBy(() -> HoldOut.parse("101%")).hasMessageContaining("101%");
        assertThatThrownBy(() -> ImportOptions.of(" ", "MIT")).hasMessageContaining("provider");
        assertThatThrownBy(() -> ImportOptions.of("me", "")).hasMessageContaining("licence");
        assertThatThrownBy(() ->
                        new ImportOptions(
                                "me",
                                "MIT",
                                "cars",
                                HoldOut.NONE,
                                OptionalInt.empty(),
                                ImportOptions.Fit.PAD))
                .hasMessageContaining("`domain` 'cars' is unknown");
    }

    @Test
    void foldersNamedAsHuggingFaceNamesSplitsAreSplits() throws IOException {
        for (String name : List.of("Training", "val", "valid", "dev", "testing", "evaluation")) {
            Files.createDirectories(folder.resolve(name));
            Files.write(
                    folder.resolve(name + "/a.png"),
                    PngCodec.encode(Pictures.noise(4, 4, name.hashCode())));
            text(name + "/a.txt", "a picture of " + name);
        }
        assertThat(run().train().infos())
                .extracting(SampleInfo::key)
                .containsExactly("me_Training_a");
    }

    @Test
    void textBehindALinesObjectIsRefused() throws IOException {
        picture("a.png", 4, 4);
        text("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": \"x\"} {}\n");
        assertRefused("metadata.jsonl line 1 goes on behind its object");
    }

    @Test
    void aJfifWithoutCaptionIsRefused() throws IOException {
        picture("a.png", 4, 4);
        text("a.txt", "x");
        picture("b.jfif", 4, 4);
        assertRefused("b.jfif has no caption");
    }
}
