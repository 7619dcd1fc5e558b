package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;

/**
 * The files of Diffusion Soup itself, which no command replaces: its launcher, its sources, what it
 * runs from. Where they are is the system property {@code soup.home}, which the launcher sets;
 * without it nothing is known and nothing is guarded. What commands make inside that folder is none
 * of them, and neither are the folders inside {@code models/} and {@code shards/}.
 */
public final class ProjectFiles {
    /** Name of the system property with the project's folder. */
    public static final String HOME = "soup.home";

    private static final Set<String> FILES =
            Set.of(
                    "soup",
                    "pom.xml",
                    "README.md",
                    "LICENSE",
                    "NOTICE",
                    "CHANGELOG.md",
                    ".gitignore",
                    ".gitattributes",
                    ".git",
                    ".soup");

    private static final List<String> SHIPPED = List.of("models", "shards", "docs", "recipes");

    /** Protected themselves, not what is in them: commands of the maintainers write there. */
    private static final Set<String> FOLDERS = Set.of("models", "shards", "docs", "recipes");

    private ProjectFiles() {}

    /**
     * Refuses to replace the project's own files.
     *
     * @throws SoupException if the path exists and is the project's folder, one around it, or one
     *     of its own files
     */
    static void check(Path target) {
        String home = System.getProperty(HOME, "");
        if (home.isBlank() || !Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        owned(real(target), real(Path.of(home)))
                .ifPresent(what -> {
                    throw new SoupException(
                            "%s is %s; it is never replaced. Name another `out`."
                                    .formatted(target, what));
                });
    }

    /**
     * Refuses to replace a model, shard or picture among those that come with the project; only the
     * commands that make these replace them.
     *
     * @throws SoupException if the path exists and lies in the project's models/, shards/, docs/ or
     *     recipes/
     */
    static void checkShipped(Path target) {
        shippedIn(target)
                .ifPresent(folder -> {
                    throw new SoupException(
                            "%s lies in the %s/ of Diffusion Soup itself, where nothing is replaced; name another `out`, or move it away yourself."
                                    .formatted(target, folder));
                });
    }

    /** Whether a path exists and lies in one of those folders, which are under version control. */
    static boolean isShipped(Path target) {
        return shippedIn(target).isPresent();
    }

    private static Optional<String> shippedIn(Path target) {
        String home = System.getProperty(HOME, "");
        if (home.isBlank() || !Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        Path real = real(target);
        return SHIPPED.stream()
                .filter(folder -> real.startsWith(real(Path.of(home)).resolve(folder)))
                .findFirst();
    }

    private static Optional<String> owned(Path target, Path home) {
        if (home.startsWith(target)) {
            return Optional.of(
                    target.equals(home)
                            ? "the folder of Diffusion Soup itself"
                            : "a folder around Diffusion Soup itself");
        }
        if (!target.startsWith(home)) {
            return Optional.empty();
        }
        Path inside = home.relativize(target);
        String first = inside.getName(0).toString();
        boolean whole = inside.getNameCount() == 1;
        if (first.equals("soup") && whole) {
            return Optional.of("the program's launcher");
        }
        boolean module = Files.isRegularFile(home.resolve(first).resolve("pom.xml"));
        boolean built = inside.getNameCount() > 1 && inside.getName(1).toString().equals("target");
        return FILES.contains(first) || (whole && FOLDERS.contains(first)) || (module && !built)
                ? Optional.of("a part of Diffusion Soup itself")
                : Optional.empty();
    }

    /** Through links and dots, so that no other way of writing a path gets around the guard. */
    private static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            return path.toAbsolutePath().normalize();
        }
    }
}
