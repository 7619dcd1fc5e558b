package org.diffusionsoup.workbench.hub;

import java.util.Optional;
import org.diffusionsoup.core.SoupException;

/**
 * A file of a repository as the hub lists it.
 *
 * @param path below the repository's root, with slashes; never leads out of it
 * @param size in bytes
 * @param gitHash SHA-1 of the git blob; what the cache calls files that are not in large file
 *     storage
 * @param sha256 of the content, where it is in large file storage
 */
record RemoteFile(String path, long size, String gitHash, Optional<String> sha256) {
    RemoteFile {
        for (String part : path.split("/", -1)) {
            boolean odd = part.chars().anyMatch(c -> c < ' ' || c == '\\' || c == ':');
            if (part.isEmpty() || part.equals(".") || part.equals("..") || odd) {
                throw new SoupException(
                        "The hub lists a file '" + path + "', which no repository may hold.");
            }
        }
        if (size < 0 || !gitHash.matches("[0-9a-f]{40}")) {
            throw new SoupException("The hub lists " + path + " without its size and hash.");
        }
        if (sha256.isPresent() && !sha256.get().matches("[0-9a-f]{64}")) {
            throw new SoupException("The hub lists " + path + " with a malformed SHA-256.");
        }
    }

    /** Its name in the cache's folder of contents. */
    String blob() {
        return sha256.orElse(gitHash);
    }

    /** The last part of the path. */
    String name() {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** The folders before it, empty at the root. */
    String folder() {
        return path.contains("/") ? path.substring(0, path.lastIndexOf('/')) : "";
    }
}
