package org.diffusionsoup.cli.command;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.eval.AestheticJudge;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.PictureScorer;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The CLIP that curation looks at pictures with. */
public final class ClipFlag {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = "--judge",
            paramLabel = "DIR",
            description = "CLIP in transformers' layout, with its preprocessor_config.json.")
    private Optional<Path> folder = Optional.empty();

    /** Opens the aesthetic predictor: a head on this CLIP. */
    public PictureScorer openAesthetic(Path head) {
        return AestheticJudge.load(folder.orElseThrow(), head);
    }

    public boolean isGiven() {
        return folder.isPresent();
    }

    /** Opens the CLIP where one is given. */
    public Optional<ClipJudge> open() {
        return folder.map(ClipFlag::open);
    }

    public static ClipJudge open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new SoupException(
                    "There is no judge folder "
                            + folder
                            + "; give a CLIP in transformers' layout.");
        }
        return ClipJudge.load(folder, ClipConvention.RAW_COSINE);
    }
}
