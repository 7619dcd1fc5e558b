package org.diffusionsoup.cli.registry;

import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.cli.command.ClipFlag;
import org.diffusionsoup.eval.ClipJudge;
import picocli.CommandLine.Option;

/** How withdrawals look for pictures of other shards that are like those that leave. */
final class NearFlags {
    @Option(
            names = "--near-judge",
            paramLabel = "DIR",
            description =
                    "CLIP by which pictures of other shards have to be like those that leave, too, to"
                            + " be listed in the certificate, as --judge of 'soup data dedup'.")
    private Optional<Path> folder = Optional.empty();

    Optional<ClipJudge> open() {
        return folder.map(ClipFlag::open);
    }
}
