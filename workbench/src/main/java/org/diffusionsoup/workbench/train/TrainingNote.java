package org.diffusionsoup.workbench.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.UnfinishedTraining;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.diffusion.torch.Processor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.TrainedOn;

/**
 * With how many threads and on what processor the steps of a training were done: a file beside its
 * checkpoint, so that a run which goes on, or only has its model recorded, knows it of the steps
 * before. It is there from the first step until the model is written, of a model that is to be
 * recorded until that is done. Where the steps were done in different ways there is none.
 */
public final class TrainingNote {
    private static final String NAME = "trained-on.json";

    private TrainingNote() {}

    private static Path file(Path state) {
        return state.resolve(NAME);
    }

    /**
     * Notes before the first checkpoint of this run what it runs on.
     *
     * @param state folder of the checkpoints
     * @param resumed whether steps were done before
     */
    static void begin(Path state, boolean resumed) {
        TrainedOn now = new TrainedOn(Torch.threads(), Processor.name());
        if (!resumed) {
            String text = Json.pretty(now.describe(Json.object()).build());
            AtomicFiles.write(file(state), text.getBytes(StandardCharsets.UTF_8));
        } else if (!read(state).equals(Optional.of(now))) {
            delete(state); // not all steps were done so
        }
    }

    /** What a model's steps were done with, where that is known. */
    public static Optional<TrainedOn> of(Path out) {
        return read(state(out));
    }

    /** Whether the run of a model has not ended: what is left of it waits beside the model. */
    public static boolean isWaiting(Path out) {
        return Files.isDirectory(state(out));
    }

    /** Removes the note, with the folder if nothing else is in it. */
    public static void remove(Path out) {
        Path state = state(out);
        delete(state);
        try {
            Files.deleteIfExists(state);
        } catch (IOException e) {
            // Something else is in it.
        }
    }

    private static Path state(Path out) {
        return UnfinishedTraining.folderOf(out.toAbsolutePath().normalize());
    }

    private static Optional<TrainedOn> read(Path state) {
        if (!Files.isRegularFile(file(state))) {
            return Optional.empty();
        }
        try {
            return TrainedOn.of(JsonValue.readObject(file(state)));
        } catch (SoupException e) {
            return Optional.empty(); // damaged: nobody knows
        }
    }

    static void delete(Path state) {
        try {
            Files.deleteIfExists(file(state));
        } catch (IOException e) {
            throw new SoupIoException("delete", file(state), e);
        }
    }
}
