package org.diffusionsoup.workbench.generate;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/** What models are called in grids and tables. */
public final class ModelNames {
    private ModelNames() {}

    /**
     * Names of model folders: their last parts or, where two would be the same, their paths.
     *
     * @throws SoupException if a folder is given twice
     */
    public static List<String> of(List<Path> folders) {
        List<String> paths =
                folders.stream().map(f -> f.toAbsolutePath().normalize().toString()).toList();
        if (new HashSet<>(paths).size() < paths.size()) {
            throw new SoupException("The same --model is given twice.");
        }
        List<String> names = folders.stream().map(ModelNames::of).toList();
        return new HashSet<>(names).size() == names.size()
                ? names
                : folders.stream().map(Path::toString).toList();
    }

    /** The last part of a folder's path. */
    public static String of(Path folder) {
        Path last = folder.toAbsolutePath().normalize().getFileName();
        return last == null ? folder.toString() : last.toString();
    }
}
