package org.diffusionsoup.data.artwork;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;

/** The licences of the drawings: how to name them, and their texts as files. */
public final class LicenceTexts {
    private LicenceTexts() {}

    /** A licence's name and address in words, from its SPDX identifier. */
    public static String inWords(String spdx) {
        return switch (spdx) {
            case "Apache-2.0" -> "Apache-2.0, <https://www.apache.org/licenses/LICENSE-2.0>";
            case "MIT" -> "MIT, <https://spdx.org/licenses/MIT.html>";
            case "CC-BY-4.0" -> "CC BY 4.0, <https://creativecommons.org/licenses/by/4.0/>";
            case "CC-BY-SA-4.0" ->
                    "CC BY-SA 4.0, <https://creativecommons.org/licenses/by-sa/4.0/>; the"
                            + " pictures made from it are under the same licence";
            default -> spdx;
        };
    }

    /** The paragraph of an attribution file about one emoji set's tar. */
    public static String section(EmojiProvider provider, EmojiPackages packages) {
        return """
        ## %s.tar

        - Pictures by %s, <%s>
        - npm package `%s` %s
        - Licence: %s

        """
                .formatted(
                        provider.id(),
                        provider.author(),
                        provider.url(),
                        provider.npmPackage(),
                        packages.version(provider.npmPackage()),
                        inWords(provider.licence()));
    }

    /** Writes the texts of the emoji sets' licences that ask to be passed on. */
    public static void write(Path folder, EmojiPackages packages) {
        AtomicFiles.write(
                folder.resolve("LICENSE-noto-Apache-2.0.txt"), resource("Apache-2.0.txt"));
        AtomicFiles.write(folder.resolve("LICENSE-fluent-MIT.txt"), resource("MIT-fluent.txt"));
        copy(
                packages.nodeModules().resolve("openmoji/LICENSE.txt"),
                folder.resolve("LICENSE-openmoji-lineart-CC-BY-SA-4.0.txt"));
    }

    /** Writes the dedication under which the Open Clip Art Library takes drawings. */
    public static void writeOpenClipart(Path folder) {
        AtomicFiles.write(
                folder.resolve("LICENSE-openclipart-public-domain.txt"),
                resource("public-domain-openclipart.txt"));
    }

    /** Copies a licence's text, byte by byte. */
    public static void copy(Path from, Path to) {
        try {
            AtomicFiles.write(to, Files.readAllBytes(from));
        } catch (IOException e) {
            throw new SoupIoException("read", from, e);
        }
    }

    private static byte[] resource(String name) {
        try (InputStream in = LicenceTexts.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new SoupException("the licence text " + name + " is missing from the jar");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new SoupException("the licence text " + name + " cannot be read", e);
        }
    }
}
