package org.diffusionsoup.cli.train;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.diffusionsoup.workbench.train.BucketRule;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --buckets}: pictures that are not square at about their own shape. */
final class BucketFlag {
    private static final String OWN = "-1";

    @Option(
            names = "--buckets",
            arity = "0..1",
            fallbackValue = OWN,
            paramLabel = "SIDE",
            description =
                    "Train pictures of any size and shape, each scaled and cropped to the nearest"
                            + " aspect ratio with at most as many pixels as a square of SIDE (default:"
                            + " the base's size); every batch is of one size. Without it all pictures"
                            + " must have one size.")
    private @Nullable Integer side;

    /**
     * The rule that was asked for.
     *
     * @param base a model's folder
     */
    Optional<BucketRule> rule(Path base) {
        if (side == null) {
            return Optional.empty();
        }
        boolean own = side == Integer.parseInt(OWN);
        return Optional.of(BucketRule.of(base, own ? OptionalInt.empty() : OptionalInt.of(side)));
    }
}
