package org.diffusionsoup.workbench.pretrain;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;

/** The folders of a base's components, and the small files in them. */
final class ComponentFiles {
    private ComponentFiles() {}

    static void makeFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new SoupException(
                    "the folder " + folder + " cannot be made: " + e.getMessage(), e);
        }
    }

    /** Writes a text file, replacing it in one step. */
    static void write(Path file, String text) {
        AtomicFiles.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Takes a component of another base into a work folder as it is. */
    static void takeOver(String component, Path base, Path work) {
        Path from = base.resolve(component);
        try {
            copy(from, work.resolve(component));
        } catch (IOException e) {
            throw new SoupException(from + " cannot be copied: " + e.getMessage(), e);
        }
    }

    /** Copies a component's files, and makes its new folder. */
    static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path f : files.filter(Files::isRegularFile).sorted().toList()) {
                Files.copy(f, to.resolve(f.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }
}
