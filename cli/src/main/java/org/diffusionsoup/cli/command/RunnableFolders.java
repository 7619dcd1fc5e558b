package org.diffusionsoup.cli.command;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.convert.RunnableModels;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.text.TokenizerException;
import org.diffusionsoup.workbench.Progress;

/**
 * Models as they are named on a command line, for commands that run them: folders of any layout of
 * weights, and single files, of which a copy in the cache is run.
 */
public final class RunnableFolders {
    private RunnableFolders() {}

    /** The folder that a model is run from; what was assumed about it is noted. */
    public static Path runnable(Path model, Console console) {
        try (Progress progress = console.progress()) {
            RunnableModels models = new RunnableModels(copies(), new MegabyteSteps(progress));
            RunnableModels.Found found = models.of(model);
            progress.close();
            if (found.copied()) {
                console.note(
                        "%s is not in the form that models are run in, so a copy of %s was made in %s; later runs use it, and it may be removed at any time."
                                .formatted(
                                        model,
                                        Quantity.bytes(size(found.folder())),
                                        found.folder()));
            }
            for (String note : found.notes()) {
                console.note(
                        model
                                + ": "
                                + note.replace(
                                        "(`predictionType` says it)",
                                        "(soup convert `predictionType` says it)"));
            }
            return found.folder();
        }
    }

    /**
     * A failure's sentence with what to do where it asks for a change in a copy of the cache, which
     * would be lost: a copy that was changed is made anew.
     */
    public static String explained(Throwable failure, String sentence) {
        boolean asks =
                failure instanceof UnsupportedConfigException
                        || failure instanceof TokenizerException;
        return asks && sentence.contains(copies() + File.separator)
                ? sentence.replaceFirst("\\.?$", ".")
                        + " That is a copy, made to run the model and made anew where it was"
                        + " changed: write one of your own with 'soup convert MODEL -o FOLDER', and"
                        + " change that."
                : sentence;
    }

    private static Path copies() {
        return MergeFlags.cacheFolder().resolve("models");
    }

    private static long size(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).mapToLong(f -> f.toFile().length()).sum();
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    /** The same of several. */
    public static List<Path> runnable(List<Path> models, Console console) {
        return models.stream().map(m -> runnable(m, console)).toList();
    }
}
