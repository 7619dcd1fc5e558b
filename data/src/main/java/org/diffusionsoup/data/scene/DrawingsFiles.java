package org.diffusionsoup.data.scene;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Domains;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.data.TarWriter;
import org.diffusionsoup.data.artwork.EmojiPackages;
import org.diffusionsoup.data.artwork.EmojiProvider;
import org.diffusionsoup.data.artwork.LicenceTexts;

/** Writes what stands in a folder of drawings. */
final class DrawingsFiles {
    private DrawingsFiles() {}

    /**
     * Writes tars, index, attribution and licences.
     *
     * @param folder must exist
     * @param rows of each provider, sorted by key
     */
    static void write(Path folder, Map<String, List<DrawingRow>> rows, EmojiPackages packages) {
        ObjectNode root = JsonMappers.PLAIN.createObjectNode();
        List<DrawingRow> all =
                rows.values().stream()
                        .flatMap(Collection::stream)
                        .sorted(Comparator.comparing(row -> row.drawing().key()))
                        .toList();
        root.put("format", Drawings.FORMAT);
        root.put("rows", all.size());
        root.put("subjects", distinct(all, DrawingsFiles::subject));
        root.put("sha256", Drawings.sha256(all));
        ArrayNode providers = root.putArray("providers");
        rows.forEach((provider, its) -> {
            Path file = folder.resolve(provider + ".tar");
            tar(file, its);
            Drawing first = its.getFirst().drawing();
            ObjectNode node = providers.addObject();
            node.put("name", provider);
            node.put("file", provider + ".tar");
            node.put("style", first.style());
            node.put("licence", first.licence());
            node.put("artists", distinct(its, row -> row.drawing().artist()));
            node.put("subjects", distinct(its, DrawingsFiles::subject));
            node.put("rows", its.size());
            node.put("file_sha256", Hashes.sha256(file));
        });
        ArrayNode domains = root.putArray("domains");
        for (String domain : Domains.PAPER) {
            Set<String> names =
                    Subjects.all().stream()
                            .filter(subject -> subject.domain().equals(domain))
                            .map(Subject::name)
                            .collect(Collectors.toSet());
            List<DrawingRow> its =
                    all.stream().filter(row -> names.contains(subject(row))).toList();
            ObjectNode node = domains.addObject();
            node.put("name", domain);
            node.put("subjects", distinct(its, DrawingsFiles::subject));
            node.put("rows", its.size());
        }
        try {
            byte[] json =
                    (JsonMappers.INDENTED.writeValueAsString(root) + "\n")
                            .getBytes(StandardCharsets.UTF_8);
            AtomicFiles.write(folder.resolve(Drawings.INDEX), json);
        } catch (JsonProcessingException e) {
            throw new SoupException(folder.resolve(Drawings.INDEX) + " cannot be written", e);
        }
        LicenceTexts.write(folder, packages);
        if (rows.containsKey(OpenClipart.PROVIDER)) {
            LicenceTexts.writeOpenClipart(folder);
        }
        AtomicFiles.write(
                folder.resolve("ATTRIBUTION.md"),
                attribution(rows, packages).getBytes(StandardCharsets.UTF_8));
    }

    private static String subject(DrawingRow row) {
        return row.drawing().subject();
    }

    private static long distinct(List<DrawingRow> rows, Function<DrawingRow, String> field) {
        return rows.stream().map(field).distinct().count();
    }

    private static void tar(Path file, List<DrawingRow> rows) {
        AtomicFiles.write(
                file,
                channel -> {
                    OutputStream out =
                            new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
                    for (DrawingRow row : rows) {
                        row.write(out);
                    }
                    TarWriter.end(out);
                });
    }

    private static String attribution(Map<String, List<DrawingRow>> rows, EmojiPackages packages) {
        StringBuilder text = new StringBuilder();
        text.append(
                """
                # Where these drawings come from

                Each tar keeps the licence of the drawings in it. The tars are separate files beside
                each other; no picture mixes two of them.

                Changes made to every drawing: the SVG was rasterised without a background, trimmed to
                its bounding box, scaled so that the longer side is 96 pixels, and stored as PNG.

                """);
        for (EmojiProvider provider : EmojiProvider.values()) {
            if (rows.containsKey(provider.id())) {
                text.append(LicenceTexts.section(provider, packages));
            }
        }
        List<DrawingRow> clipArt = rows.getOrDefault(OpenClipart.PROVIDER, List.of());
        if (!clipArt.isEmpty()) {
            text.append(
                    """
                    ## openclipart.tar

                    - Drawings of the Open Clip Art Library, <https://openclipart.org>, by the artists below
                    - Debian package `%s`, <https://packages.debian.org/openclipart-svg>
                    - Licence: public domain. The library takes only drawings whose artists put them in the
                      public domain (Creative Commons Public Domain Dedication), and each of these files
                      names that licence. Title and artist are those that the file states; addresses for
                      mail are left out.

                    | subject | title | artist | file |
                    |---|---|---|---|
                    """
                            .formatted(OpenClipart.PACKAGE));
            for (DrawingRow row : clipArt) {
                Drawing d = row.drawing();
                String file = d.source().substring(d.source().indexOf("svg/"));
                text.append(
                        "| %s | %s | %s | %s |\n"
                                .formatted(d.subject(), d.title(), d.artist(), file));
            }
        }
        return text.toString().stripTrailing() + "\n";
    }
}
