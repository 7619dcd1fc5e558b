package org.diffusionsoup.core.safetensors;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** A file whose checksum is taken while it is read; it borrows the file. */
public final class CheckedSource implements TensorSource {
    private final SafetensorsFile file;
    private final FileChecksum checksum = new FileChecksum();

    public CheckedSource(SafetensorsFile file) {
        this.file = file;
    }

    /** Its checksum, as of {@link FileChecksum#of}. */
    public String checksum() {
        return checksum.of(file.path());
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        file.read(tensor, from, into);
        checksum.add(tensor, from, into);
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Map<String, String> metadata() {
        return file.metadata();
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        return file.tensors();
    }

    @Override
    public List<Path> files() {
        return file.files();
    }

    @Override
    public void checkUnchanged() {
        file.checkUnchanged();
    }

    @Override
    public void close() {}
}
