package org.diffusionsoup.workbench.hub;

import java.util.List;

/**
 * A repository at one commit.
 *
 * @param commit 40 hexadecimal digits
 * @param files all of them
 */
record Listing(String commit, List<RemoteFile> files) {
    Listing {
        files = List.copyOf(files);
    }
}
