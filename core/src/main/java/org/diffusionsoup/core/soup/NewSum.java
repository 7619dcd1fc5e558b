package org.diffusionsoup.core.soup;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.core.kernel.SumExceptions;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.safetensors.FileChecksum;

/**
 * What is gathered of one part of a kept sum while its tensors are computed.
 *
 * @param part its name
 * @param exceptions elements that the sum's format cannot hold
 * @param written checksum of the file of the others
 */
record NewSum(String part, SumExceptions exceptions, FileChecksum written) {
    static NewSum of(String part) {
        return new NewSum(part, new SumExceptions(part), new FileChecksum());
    }

    /** To be told every piece of the sum as it will stand in its file. */
    void wrote(TensorPlan tensor, long from, int n, MemorySegment sums) {
        int bytes = tensor.dtype().bytes();
        written.add(tensor.name(), from * bytes, sums.asSlice(0, (long) n * bytes));
    }

    /**
     * Writes the exceptions beside the finished file of the sums.
     *
     * @param checksums receives those of both files by name
     */
    void finish(Path folder, Map<String, String> checksums) {
        String rest = KeptSum.exceptions(part);
        exceptions.write(folder.resolve(rest));
        checksums.put(rest, FileChecksum.ofWhole(folder.resolve(rest)));
        String sums = KeptSum.sums(part);
        checksums.put(sums, written.of(folder.resolve(sums)));
    }
}
