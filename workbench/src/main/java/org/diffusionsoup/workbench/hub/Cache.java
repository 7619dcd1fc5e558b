package org.diffusionsoup.workbench.hub;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;

/**
 * The folder that {@code huggingface_hub} keeps of a repository: contents under {@code blobs} by
 * their hash, commits under {@code snapshots} as folders of links to them, and under {@code refs}
 * which commit a branch last was.
 */
final class Cache {
    private final Path folder;

    /**
     * @param root of the cache of all repositories
     * @param repository such as {@code stabilityai/stable-diffusion-2-1}
     */
    Cache(Path root, String repository) {
        folder = root.resolve("models--" + repository.replace("/", "--"));
    }

    /** Where the environment says that the cache is, as {@code huggingface_hub} reads it. */
    static Path root(Map<String, String> environment) {
        return given(environment, "HF_HUB_CACHE")
                .map(Path::of)
                .or(() -> given(environment, "HF_HOME").map(home -> Path.of(home, "hub")))
                .orElseGet(() ->
                        given(environment, "XDG_CACHE_HOME")
                                .map(Path::of)
                                .orElse(Path.of(System.getProperty("user.home"), ".cache"))
                                .resolve(Path.of("huggingface", "hub")));
    }

    static Optional<String> given(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name))
                .map(String::strip)
                .filter(v -> !v.isEmpty());
    }

    Path blob(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.blob());
    }

    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    /** Whether the content is there, of the right length. */
    boolean has(RemoteFile file) {
        Path blob = blob(file);
        try {
            return Files.isRegularFile(blob) && Files.size(blob) == file.size();
        } catch (IOException e) {
            throw new SoupIoException("read", blob, e);
        }
    }

    void prepare() {
        try {
            Files.createDirectories(folder.resolve("blobs"));
        } catch (IOException e) {
            throw new SoupIoException("make", folder, e);
        }
    }

    /** Links a file of a commit to its content, which is there. */
    void link(String commit, RemoteFile file) {
        Path link = snapshot(commit).resolve(file.path());
        Path blob = blob(file);
        try {
            Path around = Files.createDirectories(parent(link));
            if (Files.isSymbolicLink(link)
                    && link.resolveSibling(Files.readSymbolicLink(link))
                            .normalize()
                            .equals(blob.normalize())) {
                return;
            }
            if (Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
                Files.delete(link);
            }
            Files.createSymbolicLink(link, around.relativize(blob));
        } catch (FileAlreadyExistsException e) {
            // another process made it in the meantime
        } catch (UnsupportedOperationException e) {
            copy(blob, link);
        } catch (IOException e) {
            throw new SoupIoException("make", link, e);
        }
    }

    private static Path parent(Path inside) {
        return Objects.requireNonNull(inside.getParent());
    }

    private static void copy(Path blob, Path to) {
        try {
            Files.copy(blob, to);
        } catch (IOException e) {
            throw new SoupIoException("make", to, e);
        }
    }

    /** Notes which commit a revision is. */
    void remember(String revision, String commit) {
        Path ref = folder.resolve("refs").resolve(revision);
        if (revision.equals(commit) || !ref.normalize().startsWith(folder.resolve("refs"))) {
            return;
        }
        try {
            Files.createDirectories(parent(ref));
        } catch (IOException e) {
            throw new SoupIoException("make", parent(ref), e);
        }
        AtomicFiles.write(ref, commit.getBytes(StandardCharsets.UTF_8));
    }

    /** The commit that a revision was when it was last pulled, where its folder is still there. */
    Optional<Path> last(String revision) {
        Path ref = folder.resolve("refs").resolve(revision);
        try {
            String commit = Files.isRegularFile(ref) ? Files.readString(ref).strip() : revision;
            return Optional.of(snapshot(commit)).filter(Files::isDirectory);
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
