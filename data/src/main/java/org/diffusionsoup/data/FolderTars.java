package org.diffusionsoup.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupIoException;

/** Folders of tars, as img2dataset writes them, where pictures or a data set were meant. */
final class FolderTars {
    private FolderTars() {}

    /** What to do with the tars that lie in a folder, as a clause; empty if there are none. */
    static String clause(Path folder) {
        List<String> tars;
        try (Stream<Path> files = Files.list(folder)) {
            tars =
                    files.filter(Files::isRegularFile)
                            .map(f -> f.getFileName().toString())
                            .filter(n -> n.toLowerCase(Locale.ROOT).endsWith(".tar"))
                            .sorted()
                            .toList();
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
        return tars.isEmpty()
                ? ""
                : "; it holds %s: name each by itself, such as %s"
                        .formatted(Names.of("tar", tars), folder.resolve(tars.getFirst()));
    }

    /** All tars among the files that an import of a folder looks at, but one. */
    static List<Path> below(Path folder, Path but) {
        Path left = but.toAbsolutePath().normalize();
        return FolderRows.files(folder).stream()
                .filter(FolderTars::isNamedSo)
                .filter(f -> !f.toAbsolutePath().normalize().equals(left))
                .toList();
    }

    /** Whether a file is called as tars are, compressed ones too. */
    static boolean isNamedSo(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        return name.endsWith(".tar") || name.endsWith(".tar.gz") || name.endsWith(".tgz");
    }
}
