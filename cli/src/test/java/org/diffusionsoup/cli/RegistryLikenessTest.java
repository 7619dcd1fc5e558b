package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a certificate calls a near-duplicate is what {@code soup data dedup} calls one: copies that
 * were stored again are, plain shapes and other drawings are not.
 */
class RegistryLikenessTest {
    @TempDir private Path folder;
    private Path registry;
    private Path leaving;
    private Path staying;
    private final Map<String, String> copies = new TreeMap<>();

    @BeforeEach
    void make() throws IOException {
        registry = folder.resolve("registry");
        soup("init");
        Shard emoji = ShardRef.parse(Path.of("../shards/emoji") + "#provider=fluent").open();
        List<Sample> out = new ArrayList<>();
        List<Sample> in = new ArrayList<>();
        int shapes = 0;
        for (int i = 0; i < 12; i++) {
            Sample s = emoji.get(31 * i);
            Sample own = named(s, "own" + i, s.png());
            out.add(own);
            Sample copy =
                    switch (i % 4) {
                        case 0 -> named(s, "jpeg" + i, jpeg(s.image()));
                        case 1 -> named(s, "small" + i, PngCodec.encode(s.image().resized(48, 48)));
                        case 2 ->
                                named(s, "large" + i, PngCodec.encode(s.image().resized(128, 128)));
                        default -> named(emoji.get(31 * i + 7), "other" + i, null);
                    };
            in.add(copy);
            if (i % 4 != 3) {
                copies.put(own.info().sha256(), copy.info().sha256());
            }
        }
        for (Color c : List.of(Color.RED, Color.BLUE, Color.BLACK, Color.GRAY)) {
            for (int kind = 0; kind < 3; kind++) {
                for (int side = 20; side < 60; side += 12) {
                    byte[] png = shape(kind, side, c);
                    (shapes % 2 == 0 ? out : in).add(named(emoji.get(0), "shape" + shapes++, png));
                }
            }
        }
        leaving = tar("leaving", out);
        staying = tar("staying", in);
    }

    private Path tar(String name, List<Sample> samples) {
        Path tar = folder.resolve(name + ".tar");
        ShardWriter.write(tar, samples);
        return tar;
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private void add(String name, Path tar) {
        soup("shard", "add", name, "--data", tar, "--provider", name, "--licence", "CC0-1.0").ok();
    }

    private static JsonNode read(Path json) throws IOException {
        return new ObjectMapper().readTree(Files.readString(json));
    }

    private static Map<String, String> near(JsonNode certificate) {
        Map<String, String> near = new TreeMap<>();
        for (JsonNode n : certificate.path("near_duplicates")) {
            assertThat(n.path("shard").asText()).isEqualTo("staying");
            assertThat(n.path("bits").asInt()).isBetween(0, 10);
            assertThat(Double.parseDouble(n.path("difference").asText())).isBetween(0.0, 0.04);
            near.put(n.path("withdrawn").asText(), n.path("like").asText());
        }
        return near;
    }

    @Test
    void picturesThatWereWithdrawnAreKnownAtAnotherSize() throws IOException {
        add("leaving", leaving);
        soup("withdraw", "leaving", "--reason", "r", "-o", folder.resolve("c.json")).ok();
        Run added =
                soup(
                                "shard",
                                "add",
                                "back",
                                "--data",
                                staying,
                                "--provider",
                                "p",
                                "--licence",
                                "CC0-1.0",
                                "--json")
                        .ok();
        TreeMap<String, String> like = new TreeMap<>();
        for (JsonNode n : new ObjectMapper().readTree(added.out()).path("like_withdrawn")) {
            assertThat(n.path("shard").asText()).isEqualTo("leaving");
            assertThat(n.path("difference").asDouble()).isBetween(0.0, 0.04);
            like.put(n.path("withdrawn").asText(), n.path("picture").asText());
        }
        assertThat(like).isEqualTo(copies);
        Run told =
                soup(
                                "shard",
                                "add",
                                "again",
                                "--data",
                                staying,
                                "--provider",
                                "p",
                                "--licence",
                                "CC0-1.0")
                        .ok();
        assertThat(told.out())
                .contains(
                        "9 pictures of again look like pictures that were withdrawn: row ",
                        "of shard leaving");
    }

    /** Two that look alike left together and are back together, as was agreed. */
    @Test
    void picturesThatAreReadmittedAreNoWithdrawnOnesToOthersOfTheirShard() throws IOException {
        List<Sample> all = new ArrayList<>(ShardRef.parse(leaving.toString()).open().samples());
        all.addAll(ShardRef.parse(staying.toString()).open().samples());
        Path both = tar("both", all);
        add("both", both);
        soup("withdraw", "both", "--reason", "r", "-o", folder.resolve("c.json")).ok();
        Run back =
                soup(
                                "shard",
                                "add",
                                "back",
                                "--data",
                                both,
                                "--provider",
                                "p",
                                "--licence",
                                "CC0-1.0",
                                "--readmit",
                                "agreed",
                                "--json")
                        .ok();
        assertThat(new ObjectMapper().readTree(back.out()).path("like_withdrawn")).isEmpty();
    }

    @Test
    void withdrawnPicturesThatAreGoneAreKnownByTheirHashes() throws IOException {
        add("leaving", leaving);
        soup("withdraw", "leaving", "--reason", "r", "-o", folder.resolve("c.json")).ok();
        Files.delete(leaving);
        Run added =
                soup(
                                "shard",
                                "add",
                                "back",
                                "--data",
                                staying,
                                "--provider",
                                "p",
                                "--licence",
                                "CC0-1.0",
                                "--json")
                        .ok();
        TreeMap<String, String> like = new TreeMap<>();
        for (JsonNode n : new ObjectMapper().readTree(added.out()).path("like_withdrawn")) {
            assertThat(n.has("difference")).isFalse();
            like.put(n.path("withdrawn").asText(), n.path("picture").asText());
        }
        assertThat(like).containsAllEntriesOf(copies);
    }

    @Test
    void aCertificateListsCopiesStoredAgainAndNeitherShapesNorOtherDrawings() throws IOException {
        add("staying", staying);
        add("leaving", leaving);
        Path certificate = folder.resolve("certificate.json");
        soup("withdraw", "leaving", "--reason", "r", "-o", certificate).ok();
        assertThat(near(read(certificate))).isEqualTo(copies).hasSize(9);
        JsonNode measure = read(certificate).path("near_duplicates_measure");
        assertThat(measure.path("method").asText()).contains("10 bits", "0.04");
        assertThat(measure.path("unread").asInt()).isZero();
        Run.of(
                        "verify",
                        certificate,
                        "--key",
                        registry.resolve("registry.pub"),
                        "--store",
                        registry.resolve("store"))
                .ok();
        soup("fsck").ok();

        // what 'soup data dedup' finds between the two
        JsonNode dedup =
                new ObjectMapper()
                        .readTree(Run.of("data", "dedup", leaving, staying, "--json").ok().out());
        TreeSet<String> across = new TreeSet<>();
        for (JsonNode p : dedup.path("pairs")) {
            across.add(p.path("first").asText() + " " + p.path("second").asText());
        }
        assertThat(across).hasSize(copies.size());
    }

    @Test
    void picturesThatAreGoneAreCountedAndNotGuessed() throws IOException {
        add("staying", staying);
        add("leaving", leaving);
        Files.delete(leaving);
        Path certificate = folder.resolve("certificate.json");
        soup("withdraw", "leaving", "--reason", "r", "-o", certificate).ok();
        assertThat(near(read(certificate))).isEmpty();
        assertThat(read(certificate).path("near_duplicates_measure").path("unread").asInt())
                .isGreaterThanOrEqualTo(copies.size());
    }

    private static Sample named(Sample of, String key, byte[] file) {
        byte[] own = file == null ? of.png() : file;
        SampleInfo i = of.info();
        return new Sample(
                new SampleInfo(
                        key,
                        i.caption(),
                        i.name(),
                        i.style(),
                        i.subject(),
                        i.provider(),
                        i.licence(),
                        i.group(),
                        i.subgroup(),
                        i.domain(),
                        "train",
                        Hashes.sha256Hex(own)),
                own);
    }

    private static byte[] jpeg(RgbImage image) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image.toBufferedImage(), "jpeg", bytes);
        return bytes.toByteArray();
    }

    private static byte[] shape(int kind, int side, Color c) {
        BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, 64, 64);
        g.setColor(kind == 2 ? new Color(c.getRGB() ^ 0x010101 * side) : c);
        int at = (64 - side) / 2;
        switch (kind) {
            case 0 -> g.fillOval(at, at, side, side);
            case 1 -> g.fillRect(at, at, side, side);
            default -> g.fillRect(0, 0, 64, 64);
        }
        g.dispose();
        return PngCodec.encode(RgbImage.onWhite(image));
    }
}
