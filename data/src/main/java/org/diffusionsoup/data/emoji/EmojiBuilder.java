package org.diffusionsoup.data.emoji;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Dataset;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Split;
import org.diffusionsoup.data.artwork.EmojiProvider;
import org.diffusionsoup.data.artwork.IconSource;
import org.diffusionsoup.data.artwork.SvgRasterizer;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/**
 * Makes a data set of captioned 64x64 pictures from the emoji packages: one shard per provider, the
 * paper's domains as views. The same packages on the same JDK give the same bytes.
 */
public final class EmojiBuilder {
    /** Side of every picture in pixels. */
    public static final int SIZE = 64;

    private static final int MIN_ARTISTS = 3;
    private static final int HELD_OUT_OF = 10;

    private EmojiBuilder() {}

    /**
     * What a build made.
     *
     * @param subjects how many different subjects
     * @param heldOutSubjects how many of them are held out
     * @param rows pictures written
     * @param duplicates pictures left out because the same pixels were there already
     */
    public record Report(int subjects, int heldOutSubjects, int rows, int duplicates) {}

    /**
     * Builds the data set.
     *
     * @param sources the packages
     * @param out folder to write: new, empty, or a data set, which is replaced. It appears whole or
     *     not at all.
     * @param progress told after every picture
     * @throws SoupException if a package is damaged or the folder cannot be written
     */
    public static Report build(EmojiSources sources, Path out, ProgressListener progress) {
        checkReplaceable(out);
        Map<EmojiProvider, IconSource> icons = new EnumMap<>(EmojiProvider.class);
        for (EmojiProvider provider : EmojiProvider.values()) {
            icons.put(provider, sources.packages().open(provider));
        }
        List<EmojiSubject> subjects =
                EmojiCatalog.read(sources.emojibase()).stream()
                        .filter(s -> artists(icons, s) >= MIN_ARTISTS)
                        .toList();
        if (subjects.isEmpty()) {
            throw new SoupException(
                    sources.packages().nodeModules()
                            + " holds no subject that "
                            + MIN_ARTISTS
                            + " sets drew");
        }
        Map<String, List<Sample>> shards = new LinkedHashMap<>();
        Set<RgbImage> seen = new HashSet<>();
        int duplicates = 0;
        int rows = 0;
        Set<String> drawn = new HashSet<>();
        Set<String> heldOut = new HashSet<>();
        for (Map.Entry<EmojiProvider, IconSource> entry : icons.entrySet()) {
            EmojiProvider provider = entry.getKey();
            List<Sample> samples = new ArrayList<>();
            int done = 0;
            for (EmojiSubject subject : subjects) {
                Optional<String> svg =
                        provider == EmojiProvider.LINEART
                                        && SubjectRules.namedByColour(subject.name())
                                ? Optional.empty()
                                : entry.getValue().svg(subject.hex());
                if (svg.isPresent()) {
                    String what = provider.id() + " drawing of " + subject.name();
                    RgbImage image = SvgRasterizer.draw(svg.get(), SIZE, margin(provider), what);
                    if (seen.add(image)) {
                        Sample sample = sample(provider, subject, image);
                        samples.add(sample);
                        drawn.add(subject.name());
                        if (!sample.info().isTrain()) {
                            heldOut.add(subject.name());
                        }
                    } else {
                        duplicates++;
                    }
                }
                progress.progress(provider.id(), ++done, subjects.size());
            }
            rows += samples.size();
            shards.put(provider.id(), samples);
        }
        AtomicFiles.replaceFolder(
                out,
                Dataset.KIND,
                folder -> {
                    Dataset.write(folder, "emoji", shards);
                    Attribution.write(folder, sources);
                });
        return new Report(drawn.size(), heldOut.size(), rows, duplicates);
    }

    private static void checkReplaceable(Path out) {
        if (!Files.exists(out) || Files.isRegularFile(out.resolve(Dataset.INDEX))) {
            return;
        }
        boolean empty = false;
        if (Files.isDirectory(out)) {
            try (Stream<Path> listing = Files.list(out)) {
                empty = listing.findAny().isEmpty();
            } catch (IOException e) {
                throw new SoupIoException("read", out, e);
            }
        }
        if (!empty) {
            throw new SoupException(
                    out + " exists and is not a data set; give a new or empty folder");
        }
    }

    /**
     * White border in pixels of a 64-pixel picture; negative where the drawings carry a border of
     * their own that is wider than the others'.
     */
    private static double margin(EmojiProvider provider) {
        return switch (provider) {
            case NOTO -> 1.0;
            case FLUENT -> 0.0;
            case TWEMOJI -> 3.0;
            case OPENMOJI, LINEART -> -4.0;
        };
    }

    /** Line art is by the artists of the colour drawings and does not count again. */
    private static long artists(Map<EmojiProvider, IconSource> icons, EmojiSubject subject) {
        return icons.entrySet().stream()
                .filter(e -> e.getKey() != EmojiProvider.LINEART)
                .filter(e -> e.getValue().svg(subject.hex()).isPresent())
                .count();
    }

    private static Sample sample(EmojiProvider provider, EmojiSubject subject, RgbImage image) {
        byte[] png = PngCodec.encode(image);
        return new Sample(
                new SampleInfo(
                        provider.id() + "_" + subject.slug(),
                        subject.caption(provider.id()),
                        subject.name(),
                        provider.id(),
                        subject.name(),
                        provider.id(),
                        provider.licence(),
                        subject.group(),
                        subject.subgroup(),
                        subject.domain(),
                        split(subject.name()).word(),
                        Hashes.sha256Hex(png)),
                png);
    }

    /** About one subject in ten, by a hash of its name: stable when other subjects come or go. */
    static Split split(String subject) {
        String hash =
                Hashes.sha256Hex(("emoji-split-1:" + subject).getBytes(StandardCharsets.UTF_8));
        return Long.parseLong(hash.substring(0, 12), 16) % HELD_OUT_OF == 0
                ? Split.HELDOUT
                : Split.TRAIN;
    }
}
