package org.diffusionsoup.cli.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.bench.CheckpointMaker;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup bench make-checkpoints}: ingredients of a real model's shape, to merge. */
@Command(
        name = "make-checkpoints",
        description = {
            "Make ingredients of the shape of SD 2.1's UNet (866 M parameters, 1.7 GB in F16) with"
                    + " values spread like trained weights, to measure merging with.",
            "The same numbers give the same bytes. Files that this command made before are replaced,"
                    + " no others."
        },
        footer = {
            "  soup bench make-checkpoints -o /tmp/bench --count 4",
            "  soup bench make-checkpoints -o /tmp/bench --count 16 --divisor 4 --dtype F32"
        })
final class BenchMakeCheckpointsCommand extends SoupCommand {
    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the files ingredient-01.safetensors and so on.")
    private Path out = Path.of(".");

    @Option(
            names = "--count",
            defaultValue = "4",
            paramLabel = "N",
            description = "How many (default: ${DEFAULT-VALUE}).")
    private int count;

    @Option(
            names = "--dtype",
            defaultValue = "F16",
            paramLabel = "DTYPE",
            description = "F32, F16 or BF16 (default: ${DEFAULT-VALUE}).")
    private DType dtype = DType.F16;

    @Option(
            names = "--divisor",
            defaultValue = "1",
            paramLabel = "N",
            description = "Divide every tensor's first dimension (default: ${DEFAULT-VALUE}).")
    private int divisor;

    @Override
    protected String stopped() {
        return "Stopped; the checkpoints in %s are whole, and the same command makes all of them again."
                .formatted(out);
    }

    @Override
    protected void run(Console console) throws IOException {
        if (count < 1) {
            throw misuse("--count must be at least 1, not " + count + ".");
        }
        CheckpointMaker maker = new CheckpointMaker(dtype, divisor);
        List<Path> files = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            Path file = out.resolve(String.format(Locale.ROOT, "ingredient-%02d.safetensors", i));
            CheckpointMaker.KIND.checkOwn(file); // all of them before any is made
            files.add(file);
        }
        try (Progress progress = console.progress()) {
            for (int i = 1; i <= count; i++) {
                maker.make(files.get(i - 1), i, progress);
            }
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("files", files.stream().map(Path::toString).toList());
        json.put("bytes_each", maker.bytes());
        console.result(json, text -> files.forEach(text::println));
    }
}
