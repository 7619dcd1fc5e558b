package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.diffusionsoup.core.SoupIoException;

/**
 * Lists and deletes what is in a folder, never through a link: somebody may have put one in a
 * folder's place, so that what is deleted lies elsewhere. Where the platform can, every folder is
 * opened relative to the one that holds it, so that a link that appears meanwhile is not followed
 * either. The folder itself may be reached through links: that is where its owner put it.
 */
final class Inside {
    private Inside() {}

    /**
     * Something in a folder.
     *
     * @param kind what it is itself, not what it leads to
     * @param bytes of a file
     * @param modified milliseconds since 1970
     */
    record Item(String name, Kind kind, long bytes, long modified) {}

    /** What something in a folder is. */
    enum Kind {
        FILE,
        FOLDER,
        LINK,
        OTHER
    }

    /** What is in a folder below a root, by name; nothing if there is no such folder. */
    static List<Item> list(Path root, String... below) {
        Path folder = resolve(root, below);
        List<Item> items = new ArrayList<>();
        try (Opened opened = open(root, below)) {
            for (Path p : opened.stream()) {
                String name = String.valueOf(p.getFileName());
                try {
                    items.add(item(name, opened.attributes(name)));
                } catch (NoSuchFileException e) {
                    // gone meanwhile
                }
            }
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
        items.sort(Comparator.comparing(Item::name));
        return items;
    }

    /**
     * Deletes a file, or a folder with all that is in it; a link, not what it leads to.
     *
     * @return bytes freed
     */
    static long delete(Path root, String... path) {
        String[] parents = java.util.Arrays.copyOf(path, path.length - 1);
        String name = path[path.length - 1];
        try (Opened opened = open(root, parents)) {
            return delete(opened, name);
        } catch (NoSuchFileException e) {
            return 0;
        } catch (IOException e) {
            throw new SoupIoException("delete", resolve(root, path), e);
        }
    }

    /** Gives a file in a folder below a root another name there, in the place of what has it. */
    static void rename(Path root, String to, String... path) {
        String[] parents = java.util.Arrays.copyOf(path, path.length - 1);
        String name = path[path.length - 1];
        try (Opened opened = open(root, parents)) {
            delete(opened, to);
            opened.rename(name, to);
        } catch (IOException e) {
            throw new SoupIoException("rename", resolve(root, path), e);
        }
    }

    private static long delete(Opened in, String name) throws IOException {
        BasicFileAttributes a;
        try {
            a = in.attributes(name);
        } catch (NoSuchFileException e) {
            return 0;
        }
        if (!a.isDirectory()) {
            in.deleteFile(name);
            return a.isRegularFile() ? a.size() : 0;
        }
        long freed = 0;
        try (Opened folder = in.open(name)) {
            List<String> names = new ArrayList<>();
            folder.stream().forEach(p -> names.add(String.valueOf(p.getFileName())));
            for (String n : names) {
                freed += delete(folder, n);
            }
        }
        in.deleteFolder(name);
        return freed;
    }

    /** Makes a folder below a root, with those above it; refuses a link in the place of one. */
    static Path make(Path root, String... below) {
        Trees.make(root);
        Path folder = root;
        for (String name : below) {
            folder = folder.resolve(name);
            try {
                if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
                    Files.createDirectory(folder);
                }
            } catch (java.nio.file.FileAlreadyExistsException e) {
                // another process was first
            } catch (IOException e) {
                throw new SoupIoException("make", folder, e);
            }
            if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                throw notAFolder(folder);
            }
        }
        return folder;
    }

    static StoreException notAFolder(Path folder) {
        return new StoreException(
                folder
                        + (Files.isSymbolicLink(folder) ? " is a link" : " is no folder")
                        + " where a store has a folder of its own, and nothing is read, written or"
                        + " deleted beyond it. Put the folder itself there; to have weights on another"
                        + " disk, let the whole store be a link.");
    }

    private static Item item(String name, BasicFileAttributes a) {
        Kind kind =
                a.isSymbolicLink()
                        ? Kind.LINK
                        : a.isDirectory()
                                ? Kind.FOLDER
                                : a.isRegularFile() ? Kind.FILE : Kind.OTHER;
        return new Item(
                name, kind, kind == Kind.FILE ? a.size() : 0, a.lastModifiedTime().toMillis());
    }

    private static Path resolve(Path root, String... below) {
        Path p = root;
        for (String name : below) {
            p = p.resolve(name);
        }
        return p;
    }

    private static Opened open(Path root, String... below) throws IOException {
        Opened opened = new Opened(root, Files.newDirectoryStream(root));
        for (String name : below) {
            Opened outer = opened;
            try (outer) {
                opened = outer.open(name);
            }
        }
        return opened;
    }

    /** An open folder. */
    private record Opened(Path folder, DirectoryStream<Path> stream) implements AutoCloseable {
        Opened open(String name) throws IOException {
            Path path = folder.resolve(name);
            if (!attributes(name).isDirectory()) {
                throw notAFolder(path);
            }
            return new Opened(
                    path,
                    stream instanceof SecureDirectoryStream<Path> s
                            ? s.newDirectoryStream(Path.of(name), LinkOption.NOFOLLOW_LINKS)
                            : Files.newDirectoryStream(path));
        }

        BasicFileAttributes attributes(String name) throws IOException {
            if (stream instanceof SecureDirectoryStream<Path> s) {
                return s.getFileAttributeView(
                                Path.of(name),
                                BasicFileAttributeView.class,
                                LinkOption.NOFOLLOW_LINKS)
                        .readAttributes();
            }
            return Files.readAttributes(
                    folder.resolve(name), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        }

        void deleteFile(String name) throws IOException {
            if (stream instanceof SecureDirectoryStream<Path> s) {
                s.deleteFile(Path.of(name));
            } else {
                Files.delete(folder.resolve(name));
            }
        }

        void rename(String name, String to) throws IOException {
            if (stream instanceof SecureDirectoryStream<Path> s) {
                s.move(Path.of(name), s, Path.of(to));
            } else {
                Files.move(folder.resolve(name), folder.resolve(to));
            }
        }

        void deleteFolder(String name) throws IOException {
            if (stream instanceof SecureDirectoryStream<Path> s) {
                s.deleteDirectory(Path.of(name));
            } else {
                Files.delete(folder.resolve(name));
            }
        }

        @Override
        public void close() throws IOException {
            stream.close();
        }
    }
}
