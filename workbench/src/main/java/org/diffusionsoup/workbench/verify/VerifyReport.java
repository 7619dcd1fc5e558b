package org.diffusionsoup.workbench.verify;

import java.util.List;
import java.util.Optional;

/**
 * What was checked of a model, and what was found.
 *
 * @param path as it was asked for
 * @param layout {@code safetensors}, {@code sharded}, {@code torch} or {@code diffusers}; {@code
 *     unreadable} if it could not be opened
 * @param files weight files with their hashes
 * @param unread other weight files of the folder: of another variant or format
 * @param weightsSha256 hash of names, dtypes, shapes and values alone; empty if it could not be
 *     opened
 * @param tensors number of tensors checked
 * @param parameters their elements
 * @param findings what is wrong; empty for a sound model
 */
public record VerifyReport(
        String path,
        String layout,
        List<FileHash> files,
        List<String> unread,
        Optional<String> weightsSha256,
        long tensors,
        long parameters,
        List<Finding> findings) {
    /** Copies the lists. */
    public VerifyReport {
        files = List.copyOf(files);
        unread = List.copyOf(unread);
        findings = List.copyOf(findings);
    }

    /**
     * A weight file.
     *
     * @param name its path within the model
     */
    public record FileHash(String name, long bytes, String sha256) {}

    /**
     * Something wrong.
     *
     * @param kind what was checked
     * @param where the file, component or tensor
     * @param what in words
     */
    public record Finding(Kind kind, String where, String what) {}

    /** What is checked. */
    public enum Kind {
        /** Files open, headers are well formed, a folder's components are complete. */
        STRUCTURE,
        /** Every value is a finite number. */
        VALUES,
        /** What the header says of the file's making can be true. */
        PROVENANCE,
        /** The hash is the expected one. */
        HASH
    }
}
