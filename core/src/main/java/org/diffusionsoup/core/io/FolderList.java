package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupIoException;

/**
 * What was written into a folder that is replaced as a whole, kept in it as {@value #NAME}: a line
 * {@code SIZE PATH} each. Whatever else lies in the folder later is somebody's own and would be
 * lost with it.
 */
public final class FolderList {
    /** The list's file. */
    public static final String NAME = ".soup-files";

    private static final String TITLE =
            "# Written here by Diffusion Soup; with anything else in it the folder is not replaced.";

    /** What systems put into folders by themselves. */
    private static final Set<String> OF_SYSTEMS = Set.of(".DS_Store", "Thumbs.db", "desktop.ini");

    private FolderList() {}

    /** Lists all that is in a folder. */
    static void write(Path folder) throws IOException {
        StringBuilder text = new StringBuilder(TITLE).append('\n');
        sizes(folder).forEach((path, size) -> text.append(size + " " + path + "\n"));
        Files.writeString(folder.resolve(NAME), text);
    }

    /**
     * The first thing in a folder that was not written there, or no longer is as it was, in words;
     * empty if there is none.
     *
     * @throws SoupIoException if the folder cannot be read
     */
    static Optional<String> foreign(Path folder) {
        try {
            Map<String, Long> written = read(folder.resolve(NAME));
            if (written.isEmpty()) {
                return Optional.of("has no list of files (" + NAME + ") by Diffusion Soup in it");
            }
            for (var there : sizes(folder).entrySet()) {
                String path = there.getKey();
                Long size = written.get(path);
                if (size == null
                        && !OF_SYSTEMS.contains(path.substring(path.lastIndexOf('/') + 1))) {
                    return Optional.of("holds '" + path + "', which was not written there by it");
                }
                if (size != null && !size.equals(there.getValue())) {
                    return Optional.of(
                            "holds '" + path + "', which was changed since it was written there");
                }
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    private static Map<String, Long> read(Path list) throws IOException {
        Map<String, Long> written = new TreeMap<>();
        try {
            String text = new String(Files.readAllBytes(list), StandardCharsets.UTF_8);
            for (String line : text.split("\n")) {
                if (line.matches("[0-9]{1,18} .+")) {
                    int space = line.indexOf(' ');
                    written.put(line.substring(space + 1), Long.valueOf(line.substring(0, space)));
                }
            }
        } catch (NoSuchFileException e) {
            return Map.of();
        }
        return written;
    }

    /** Of all files and of empty folders, by path; of the list itself none. */
    private static SortedMap<String, Long> sizes(Path folder) throws IOException {
        SortedMap<String, Long> sizes = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path p : (Iterable<Path>) all::iterator) {
                String path = folder.relativize(p).toString().replace('\\', '/');
                if (path.isEmpty() || path.equals(NAME)) {
                    continue;
                }
                if (!Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS)) {
                    boolean link = Files.isSymbolicLink(p);
                    sizes.put(path, link ? 0 : Files.size(p));
                } else if (FileContent.isEmpty(p)) {
                    sizes.put(path + "/", 0L);
                }
            }
        }
        return sizes;
    }
}
