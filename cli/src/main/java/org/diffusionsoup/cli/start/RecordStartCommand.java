package org.diffusionsoup.cli.start;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.bench.CheckpointMaker;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.model.AdjustCommand;
import org.diffusionsoup.cli.model.MergeCommand;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.io.WorkFolder;
import org.diffusionsoup.core.soup.SoupAdjuster;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * What the launcher runs once while the JVM records the classes and profiles for its start-up
 * cache: every command's help, the console's parts, and small merges.
 */
@Command(name = "record-start", hidden = true, description = "Fill the start-up cache.")
final class RecordStartCommand extends SoupCommand {
    @Spec private CommandSpec self;

    @Override
    protected void run(Console console) throws IOException {
        PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
        CommandLine root = self.parent().commandLine();
        root.usage(nowhere);
        root.printVersionHelp(nowhere);
        for (CommandLine command : root.getSubcommands().values()) {
            command.usage(nowhere);
        }
        new Console(nowhere, nowhere, true, false).result(java.util.Map.of("a", 1), _ -> {});
        try (Progress progress = new Console(nowhere, nowhere, false, false).progress()) {
            progress.start("record", 1, "units");
            progress.advance(1);
        }
        merge(nowhere);
    }

    /** Merging is over in seconds: without profiles from here, most of them go to warming up. */
    private static void merge(PrintWriter nowhere) throws IOException {
        try (WorkFolder work = WorkFolder.make("soup-record-")) {
            Path folder = work.path();
            for (DType dtype : List.of(DType.F16, DType.BF16, DType.F32)) {
                List<SoupIngredient> ingredients = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    Path file = folder.resolve(dtype + "-" + i + ".safetensors");
                    new CheckpointMaker(dtype, 256).make(file, i, Progress.silent());
                    ingredients.add(SoupIngredient.of(file));
                }
                Path soup = folder.resolve("soup.safetensors");
                SoupOptions options =
                        SoupOptions.DEFAULT
                                .withWriter(new CheckpointWriter(true, 0))
                                .withHashes(HashCache.in(folder.resolve("hashes")))
                                .withKeepSum(true);
                for (int i = 0; i < 4; i++) {
                    Souper.with(options.withKeepSum(i == 0)).make(ingredients, soup);
                }
                Path out = folder.resolve("less.safetensors");
                Path removed = ingredients.getFirst().path();
                new SoupAdjuster(options.withKeepSum(false))
                        .exactly(new SoupAdjuster.Request(soup, List.of(removed), List.of(), out));
                // the commands, too; without the user's folder of hashes
                String sum = soup.toString();
                List<String> files = ingredients.stream().map(i -> i.path().toString()).toList();
                List<String> merge = new ArrayList<>(List.of("-o", sum, "--force", "--keep-sum"));
                merge.addAll(files);
                run(new MergeCommand(), nowhere, merge, "--no-hash-cache");
                String removedFile = removed.toString();
                List<String> adjust = List.of(sum, "--remove", removedFile, "-o", out.toString());
                run(new AdjustCommand(), nowhere, adjust, "--force", "--no-hash-cache");
            }
        }
    }

    private static void run(
            SoupCommand command, PrintWriter nowhere, List<String> args, String... more) {
        List<String> all = new ArrayList<>(args);
        all.addAll(List.of(more));
        int status =
                new CommandLine(command)
                        .setOut(nowhere)
                        .setErr(nowhere)
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .execute(all.toArray(String[]::new));
        if (status != 0) {
            throw new IllegalStateException(all + " ended with status " + status);
        }
    }
}
