package org.diffusionsoup.data;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A picture file with its caption.
 *
 * @param image the file, inside the imported folder
 * @param caption not blank
 * @param split which side the metadata puts it on, if it says so
 * @param where what to name in an error: the caption file, or the metadata file and its row
 */
record FolderRow(Path image, String caption, Optional<Split> split, String where) {}
