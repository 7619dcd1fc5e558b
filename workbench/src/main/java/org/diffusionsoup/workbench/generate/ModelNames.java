package org.diffusionsoup.workbench.generate;

import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

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
            throw new SoupException("The same `model` is given twice.");
        }
        List<String> names = folders.stream().map(ModelNames::of).toList();
        return new HashSet<>(names).size() == names.size()
                ? names
                : folders.stream().map(Path::toString).toList();
    }

    /**
     * Refuses a model that is not there, before anything slow is begun.
     *
     * @throws SoupIoException naming it
     */
    public static void requireThere(Path model) {
        if (!Files.exists(model)) {
            throw new SoupIoException("read", model, new NoSuchFileException(model.toString()));
        }
    }

    /** The last part of a folder's path. */
    public static String of(Path folder) {
        Path last = folder.toAbsolutePath().normalize().getFileName();
        return last == null ? folder.toString() : last.toString();
    }
}
