package org.diffusionsoup.bench;

import java.nio.file.Path;
import java.util.List;

/** What the operating system keeps of files in memory. */
final class PageCache {
    private PageCache() {}

    /**
     * Gives up the pages of files that are on the disk.
     *
     * @return whether that could be asked for
     */
    static boolean drop(List<Path> files) {
        for (Path f : files) {
            // As documented by GNU: advises the kernel to drop the file's pages, reads nothing.
            List<String> dd = List.of("dd", "if=" + f, "status=none", "iflag=nocache", "count=0");
            if (MeasuredProcess.attempt(dd).status() != 0) {
                return false;
            }
        }
        return true;
    }
}
