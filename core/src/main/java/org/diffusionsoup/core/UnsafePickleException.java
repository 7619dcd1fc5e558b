package org.diffusionsoup.core;

import java.nio.file.Path;

/**
 * A PyTorch file whose pickle asks for more than tensors: it names something to import or call that
 * could run code when Python loads it. Nothing of it was run.
 */
public final class UnsafePickleException extends SoupException {
    private static final long serialVersionUID = 1L;

    private final transient Path file;
    private final long offset;
    private final String callee;

    public UnsafePickleException(Path file, long offset, String callee) {
        super(
                file
                        + " asks to run '"
                        + MalformedCheckpointException.clip(callee)
                        + "' (offset "
                        + offset
                        + " of its pickle), which is no part of a state dict of tensors; nothing"
                        + " was run: do not load it elsewhere unless you trust its maker, and get"
                        + " the weights as .safetensors.");
        this.file = file;
        this.offset = offset;
        this.callee = callee;
    }

    /** The file that was read. */
    public Path file() {
        return file;
    }

    /** Where in the file's pickle, in bytes. */
    public long offset() {
        return offset;
    }

    /** What it asks for, such as {@code posix.system}. */
    public String callee() {
        return callee;
    }
}
