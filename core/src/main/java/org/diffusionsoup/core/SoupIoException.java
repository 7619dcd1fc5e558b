package org.diffusionsoup.core;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file could not be read or written; the message names it and the operating system's reason. */
public final class SoupIoException extends SoupException {
    private static final long serialVersionUID = 1L;

    /**
     * @param doing what was attempted, to be followed by the path, such as {@code "read"}
     * @param path the file or folder concerned
     * @param cause what the file system said
     */
    public SoupIoException(String doing, Path path, IOException cause) {
        super("Cannot " + doing + " " + path + ": " + reason(path, cause) + ".", cause);
    }

    private static String reason(Path path, IOException e) {
        return switch (e) {
            case NoSuchFileException n when path.toString().equals(n.getFile()) ->
                    "no such file or folder";
            case NoSuchFileException n -> "no such file or folder (" + n.getFile() + ")";
            case FileNotFoundException n -> "no such file";
            case AccessDeniedException n -> "permission denied";
            case FileAlreadyExistsException n -> n.getFile() + " exists already";
            case DirectoryNotEmptyException n -> "the folder is not empty";
            case FileSystemException n when n.getReason() != null -> n.getReason();
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    }
}
