package org.diffusionsoup.data.scene;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.artwork.EmojiPackages;
import org.diffusionsoup.data.artwork.EmojiProvider;
import org.diffusionsoup.data.artwork.IconSource;
import org.diffusionsoup.data.artwork.SvgRasterizer;

/**
 * Makes a folder of drawings from the emoji packages and the Open Clip Art Library. The same
 * packages on the same JDK give the same bytes.
 */
public final class DrawingsBuilder {
    private DrawingsBuilder() {}

    /**
     * Builds the drawings and reads them back.
     *
     * @param packages the emoji sets; a subject that a set lacks has no drawing of it
     * @param openClipart the chosen clip art
     * @param out folder to write: new, empty, or a folder of drawings, which is replaced. It
     *     appears whole or not at all.
     * @param progress told after every drawing
     * @throws SoupException if a package is damaged, no subject is drawn, or the folder cannot be
     *     written
     */
    public static Drawings build(
            EmojiPackages packages, OpenClipart openClipart, Path out, ProgressListener progress) {
        Map<String, List<DrawingRow>> rows = new LinkedHashMap<>();
        for (EmojiProvider provider : EmojiProvider.values()) {
            rows.put(provider.id(), emoji(packages, provider, progress));
        }
        rows.put(OpenClipart.PROVIDER, clipArt(openClipart, progress));
        rows.values().removeIf(List::isEmpty);
        if (rows.isEmpty()) {
            throw new SoupException(
                    packages.nodeModules() + " holds no drawing of any of the subjects");
        }
        checkKeys(rows.values());
        rows.values().forEach(r -> r.sort(Comparator.comparing(row -> row.drawing().key())));
        AtomicFiles.replaceFolder(
                out, Drawings.KIND, folder -> DrawingsFiles.write(folder, rows, packages));
        return Drawings.load(out);
    }

    private static void checkKeys(Collection<List<DrawingRow>> rows) {
        Set<String> keys = new HashSet<>();
        rows.stream()
                .flatMap(List::stream)
                .map(row -> row.drawing().key())
                .filter(key -> !keys.add(key))
                .findFirst()
                .ifPresent(key -> {
                    throw new SoupException(
                            "two drawings would have the key " + key + "; nothing was written");
                });
    }

    private static List<DrawingRow> emoji(
            EmojiPackages packages, EmojiProvider provider, ProgressListener progress) {
        IconSource icons = packages.open(provider);
        List<DrawingRow> rows = new ArrayList<>();
        List<Subject> subjects = Subjects.all();
        for (int i = 0; i < subjects.size(); i++) {
            Subject subject = subjects.get(i);
            String codePoints = Subjects.emoji(subject, provider);
            Optional<String> svg = icons.svg(codePoints);
            if (svg.isPresent()) {
                rows.add(
                        DrawingRow.of(
                                new Drawing(
                                        provider.id() + "_" + slug(subject.name()),
                                        subject.name(),
                                        provider.id(),
                                        provider.style(),
                                        provider.author(),
                                        unicodeName(codePoints),
                                        provider.licence(),
                                        "%s %s, U+%s"
                                                .formatted(
                                                        provider.npmPackage(),
                                                        packages.version(provider.npmPackage()),
                                                        codePoints.toUpperCase(Locale.ROOT)),
                                        draw(
                                                svg.get(),
                                                provider.id() + " drawing of " + subject.name()))));
            }
            progress.progress(provider.id(), i + 1, subjects.size());
        }
        return rows;
    }

    private static List<DrawingRow> clipArt(OpenClipart source, ProgressListener progress) {
        List<DrawingRow> rows = new ArrayList<>();
        for (OpenClipart.Choice choice : source.chosen()) {
            rows.add(
                    DrawingRow.of(
                            new Drawing(
                                    choice.key(),
                                    choice.subject(),
                                    OpenClipart.PROVIDER,
                                    OpenClipart.STYLE,
                                    choice.creator(),
                                    choice.title(),
                                    OpenClipart.LICENCE,
                                    OpenClipart.PACKAGE + ", svg/" + choice.file(),
                                    draw(source.svg(choice), choice.file()))));
            progress.progress(OpenClipart.PROVIDER, rows.size(), source.chosen().size());
        }
        return rows;
    }

    private static ArgbImage draw(String svg, String what) {
        int side = Drawing.SIDE;
        return new ArgbImage(side, side, SvgRasterizer.drawTrimmed(svg, side, what));
    }

    private static String unicodeName(String codePoints) {
        return Arrays.stream(codePoints.split("-"))
                .map(hex -> Character.getName(Integer.parseInt(hex, 16)))
                .collect(Collectors.joining(", "))
                .toLowerCase(Locale.ROOT);
    }

    /** Lower case, every run of other signs than letters and digits as one '-'. */
    static String slug(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "");
    }
}
