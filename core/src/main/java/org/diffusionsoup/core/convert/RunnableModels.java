package org.diffusionsoup.core.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FileStamp;
import org.diffusionsoup.core.io.Hashes;

/**
 * Models in the form that they are run in: diffusers folders with one safetensors file of weights
 * per component, under the usual names. A single file, and a folder with weights in several files,
 * of a variant alone, or as PyTorch's, is copied into that form once, into a cache, where it is
 * found again as long as the original does not change. The copy holds the same bits.
 *
 * @param cache folder of the copies, each in a folder of its own; may be removed at any time
 * @param progress told the bytes copied
 */
public record RunnableModels(Path cache, SoupProgress progress) {
    /** Changes with what a copy holds, so that older ones are not taken. */
    private static final String FORM = "runnable model 2";

    private static final String NOTES = "notes.txt";

    /**
     * Where a model can be run from.
     *
     * @param folder the model itself, or its copy, whose last part is the model's name
     * @param notes what was assumed when it was copied, such as what a file predicts
     * @param copied whether it was copied just now
     */
    public record Found(Path folder, List<String> notes, boolean copied) {
        public Found {
            notes = List.copyOf(notes);
        }
    }

    /**
     * Finds or makes the form of a model that can be run. What is no model at all comes back as it
     * is, for whoever loads it to say so.
     *
     * @throws SoupException if it is a checkpoint, and no complete model that can be converted
     */
    public Found of(Path model) {
        boolean single = Files.isRegularFile(model);
        if (!single && (!DiffusersFolder.isOne(model) || isRunnable(model))) {
            return new Found(model, List.of(), false);
        }
        Path home = cache.resolve(key(model));
        Path copy = home.resolve(name(model));
        boolean missing = !Files.isDirectory(copy);
        if (missing) {
            try {
                make(model, single, home, copy);
            } catch (SoupException e) {
                if (!Files.isDirectory(copy)) { // else another process was faster
                    throw e;
                }
            }
        }
        try {
            // for whoever clears caches by their last use
            Files.setLastModifiedTime(home, FileTime.from(Instant.now()));
            return new Found(copy, Files.readAllLines(home.resolve(NOTES)), missing);
        } catch (IOException e) {
            throw new SoupIoException("read", home, e);
        }
    }

    private void make(Path model, boolean single, Path home, Path copy) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            Files.createDirectories(cache);
            AtomicFiles.writeFolder(
                    home,
                    folder -> {
                        Path to = folder.resolve(copy.getFileName());
                        Converter converter = Converter.DEFAULT.withProgress(progress);
                        List<String> notes =
                                single
                                        ? converter.toDiffusers(checkpoint, to).notes()
                                        : converter.toWholeFolder(checkpoint, to).notes();
                        Files.write(folder.resolve(NOTES), notes, StandardCharsets.UTF_8);
                    });
        } catch (IOException e) {
            throw new SoupIoException("write", cache, e);
        }
    }

    private static boolean isRunnable(Path folder) {
        for (DiffusersFolder.Component c : DiffusersFolder.open(folder).components().values()) {
            List<Path> files = c.weightFiles();
            if (!files.isEmpty()
                    && (files.size() > 1
                            || !files.getFirst()
                                    .getFileName()
                                    .toString()
                                    .equals(Converter.weights(c.name())))) {
                return false;
            }
        }
        return true;
    }

    /** The file's name without its ending; a folder's name. */
    private static String name(Path model) {
        String name = String.valueOf(model.toAbsolutePath().normalize().getFileName());
        int dot = name.lastIndexOf('.');
        String stem = Files.isRegularFile(model) && dot > 0 ? name.substring(0, dot) : name;
        return stem.equals(NOTES) ? "model" : stem;
    }

    /** By place and stamps of the files: reading gigabytes to hash them would be as slow. */
    private static String key(Path model) {
        List<String> lines = new ArrayList<>(List.of(FORM));
        try (Stream<Path> walk = Files.walk(model.toRealPath())) {
            for (Path file : walk.filter(Files::isRegularFile).sorted().toList()) {
                lines.add(file + " " + FileStamp.of(file).line());
            }
        } catch (IOException e) {
            throw new SoupIoException("read", model, e);
        }
        String all = String.join("\n", lines);
        return Hashes.sha256Hex(all.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
    }
}
