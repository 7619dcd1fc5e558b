package org.diffusionsoup.data.scene;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;

/**
 * The chosen drawings of the Open Clip Art Library, as Debian's package {@code openclipart-svg}
 * holds them.
 *
 * @param folder the package's folder {@code svg}; may be missing where none is chosen
 * @param chosen which drawings
 */
public record OpenClipart(Path folder, List<Choice> chosen) {
    /** Where the Debian package puts the drawings. */
    public static final Path INSTALLED = Path.of("/usr/share/openclipart/svg");

    /** The package and its version. */
    static final String PACKAGE = "openclipart-svg 1:0.18+dfsg-19";

    /** The provider's name, also that of its tar. */
    public static final String PROVIDER = "openclipart";

    /** How its drawings look, in words for captions. */
    public static final String STYLE = "clip art";

    static final String LICENCE = "public-domain";

    /**
     * A drawing of one subject.
     *
     * @param subject a {@link Subject}'s name
     * @param file path below {@code svg}
     * @param title as the file states it
     * @param creator as the file states it
     * @param sha256 of the file, 64 lower-case hex digits
     */
    public record Choice(String subject, String file, String title, String creator, String sha256) {
        /** By the whole path: the library uses a file's name in several folders. */
        String key() {
            return PROVIDER
                    + "_"
                    + DrawingsBuilder.slug(subject)
                    + "_"
                    + DrawingsBuilder.slug(file.replaceFirst("\\.svg$", ""));
        }
    }

    /** The drawings that this project uses, from the resource {@code openclipart.json}. */
    public static OpenClipart chosenIn(Path folder) {
        return new OpenClipart(
                folder,
                Subjects.resource("openclipart.json").stream()
                        .map(node ->
                                new Choice(
                                        node.path("subject").asText(),
                                        node.path("file").asText(),
                                        node.path("title").asText(),
                                        node.path("creator").asText(),
                                        node.path("sha256").asText()))
                        .toList());
    }

    /**
     * Checks that every chosen file is there.
     *
     * @throws SoupException naming the first that is missing or another one than was chosen
     */
    public void check() {
        chosen.forEach(this::svg);
    }

    /**
     * The SVG document of a choice.
     *
     * @throws SoupException if the file is missing or another one than was chosen
     */
    String svg(Choice choice) {
        Path file = folder.resolve(choice.file());
        if (!Files.isRegularFile(file)) {
            throw new SoupException(
                    "%s does not exist; install the Debian package %s, give its folder svg with"
                                    .formatted(file, PACKAGE)
                            + " `openclipart`, or leave the clip art out with `noOpenclipart`");
        }
        try {
            byte[] bytes = Files.readAllBytes(file);
            if (!Hashes.sha256Hex(bytes).equals(choice.sha256())) {
                throw new SoupException(
                        "%s is not the file of %s that was chosen: its sha256 differs; take that"
                                        .formatted(file, PACKAGE)
                                + " version of the package");
            }
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }
}
