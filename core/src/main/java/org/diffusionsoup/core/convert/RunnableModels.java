package org.diffusionsoup.core.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FileStamp;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.OutputKind;

/**
 * Models in the form that they are run in: diffusers folders with one safetensors file of weights
 * per component, under the usual names. A single file, and a folder with weights in several files,
 * of a variant alone, or as PyTorch's, is copied into that form once, into a cache, where it is
 * found again as long as the original and what lies beside it do not change. The copy holds the
 * same bits.
 *
 * @param cache folder of the copies, each in a folder of its own; may be removed at any time
 * @param progress told the bytes copied
 */
public record RunnableModels(Path cache, SoupProgress progress) {
    /** Changes with what a copy holds, so that older ones are not taken. */
    private static final String FORM = "runnable model 4";

    private static final String NOTES = "notes.txt";

    /** Lists a copy's files with their sizes, so that one that has lost some is not taken. */
    private static final String LIST = "files.txt";

    /** Whatever stands at a copy's place in the cache was a copy. */
    private static final OutputKind COPY = OutputKind.unlisted("a copy of a model", p -> true);

    /** Without these a component's weights say nothing. */
    private static final List<String> CONFIGURED =
            List.of("unet", "vae", "text_encoder", "text_encoder_2");

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
        String key = key(model);
        Path home = cache.resolve(key);
        Path copy = home.resolve(name(model));
        boolean missing = !isWhole(home, copy);
        if (missing) {
            try {
                make(model, single, key, copy);
            } catch (SoupException e) {
                if (!isWhole(home, copy)) { // else another process was faster
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

    private void make(Path model, boolean single, String key, Path copy) {
        Path home = cache.resolve(key);
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            Files.createDirectories(cache);
            AtomicFiles.writeFolder(
                    home,
                    COPY,
                    Files.exists(home), // with some of its files gone
                    folder -> {
                        Path to = folder.resolve(copy.getFileName());
                        Converter converter = Converter.DEFAULT.withProgress(progress);
                        List<String> notes =
                                single
                                        ? converter.toDiffusers(checkpoint, to).notes()
                                        : converter.toWholeFolder(checkpoint, to).notes();
                        requireConfigurations(model, to);
                        Files.write(folder.resolve(NOTES), notes, StandardCharsets.UTF_8);
                        Files.write(folder.resolve(LIST), list(to), StandardCharsets.UTF_8);
                        if (!key(model).equals(key)) {
                            throw new SoupException(
                                    model
                                            + " or a file that belongs to it was changed while it"
                                            + " was being copied; run the command again when"
                                            + " nothing else writes to it.");
                        }
                    });
        } catch (IOException e) {
            throw new SoupIoException("write", cache, e);
        }
    }

    /** A copy without them would be found again and again, and never run. */
    private static void requireConfigurations(Path model, Path copy) {
        for (DiffusersFolder.Component c : DiffusersFolder.open(copy).components().values()) {
            String config =
                    c.name().equals("scheduler")
                            ? CarriedConfigs.SCHEDULER
                            : CONFIGURED.contains(c.name()) ? c.name() + "/config.json" : "";
            if (!config.isEmpty() && !Files.isRegularFile(copy.resolve(config))) {
                throw new SoupException(
                        "%s has no %s, without which its %s cannot be run; put it back or download the model again."
                                .formatted(model, config, c.name()));
            }
        }
    }

    /** A line per file: its size and its place in the copy. */
    private static List<String> list(Path copy) throws IOException {
        List<String> lines = new ArrayList<>();
        try (Stream<Path> walk = Files.walk(copy)) {
            for (Path file : walk.filter(Files::isRegularFile).sorted().toList()) {
                String place = copy.relativize(file).toString();
                lines.add(Files.size(file) + " " + place.replaceAll("[\\r\\n]", "?"));
            }
        }
        return lines;
    }

    private static boolean isWhole(Path home, Path copy) {
        try {
            return Files.isRegularFile(home.resolve(NOTES))
                    && Files.readAllLines(home.resolve(LIST)).equals(list(copy));
        } catch (IOException e) {
            return false;
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
        return stem.equals(NOTES) || stem.equals(LIST) ? "model" : stem;
    }

    /**
     * By all that a copy is made of: the model's name as given, by which it is guessed what a
     * silent file predicts, and place and stamps of the files that are read, wherever links lead
     * to; reading gigabytes to hash them would be as slow. A file that is not there has no line.
     */
    private static String key(Path model) {
        List<String> lines = new ArrayList<>();
        lines.add(FORM);
        lines.add(name(model) + " " + model.toAbsolutePath().normalize().getFileName());
        try {
            for (Path file : sources(model)) {
                Path place = file.startsWith(model) ? model.relativize(file) : file.getFileName();
                lines.add(place + " " + file.toRealPath() + " " + FileStamp.of(file).line());
            }
        } catch (IOException e) {
            throw new SoupIoException("read", model, e);
        }
        String all = String.join("\n", lines);
        return Hashes.sha256Hex(all.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
    }

    /** The files that the conversion of a model reads, the model's own and those beside it. */
    private static SortedSet<Path> sources(Path model) throws IOException {
        SortedSet<Path> files = new TreeSet<>();
        if (Files.isRegularFile(model)) {
            files.add(model);
            TrainingObjective.yamlBeside(model).ifPresent(files::add);
            if (Checkpoint.isIndex(model)) {
                try (Checkpoint shards = Checkpoint.open(model)) {
                    files.addAll(shards.part("").files());
                }
            }
            return files;
        }
        files.addAll(Converter.smallFiles(model));
        for (DiffusersFolder.Component c : DiffusersFolder.open(model).components().values()) {
            files.addAll(c.weightFiles());
            files.addAll(c.otherFiles());
        }
        return files;
    }
}
