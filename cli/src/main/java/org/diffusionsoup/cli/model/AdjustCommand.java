package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.command.MergeFlags;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.soup.Soup;
import org.diffusionsoup.core.soup.SoupAdjuster;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup adjust}: ingredients into or out of a soup without the others. */
@Command(
        name = "adjust",
        description = {
            "Take ingredients into a soup, or out of it, reading only the soup's kept sum and those"
                    + " ingredients.",
            "The weights are those of averaging the remaining ingredients afresh, byte for byte. The"
                    + " soup must have been made with --keep-sum; from a soup alone, --approximate"
                    + " applies the paper's formula, which leaves a residue of what is removed."
        },
        footer = {
            "  soup merge a/ b/ c/ -o my-soup/ --keep-sum",
            "  soup adjust my-soup/ --remove b/ -o smaller/",
            "  soup adjust my-soup/ --add d/ --keep-sum -o my-soup/ --force",
            "  soup adjust published/ --remove b/ --approximate -o without-b/"
        })
public final class AdjustCommand extends SoupCommand {
    @Parameters(paramLabel = "SOUP", description = "A soup made by soup merge.")
    private Path soup = Path.of("");

    @Option(
            names = "--remove",
            paramLabel = "CHECKPOINT",
            description = "An ingredient that is in the soup; known by the SHA-256 of its files.")
    private List<Path> removals = List.of();

    @Option(
            names = "--add",
            paramLabel = "CHECKPOINT[=K]",
            description =
                    "An ingredient to take in, and its weight beside those that the others were"
                            + " given, such as 2 or 1/3 (default: 1; without weights the"
                            + " others count 1 each).")
    private List<String> added = List.of();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The file or folder to make; may be the soup itself, with --force.")
    private Path out = Path.of(".");

    @Option(names = "--keep-sum", description = "Keep the new sum in OUT.sum.")
    private boolean keepSum;

    @Option(
            names = "--approximate",
            description =
                    "(w_soup - k w) / (1 - k) from the soup alone; rounding leaves a residue of the"
                            + " removed ingredient, and the recipe says so.")
    private boolean fromSoupAlone;

    @Mixin private MergeFlags flags = new MergeFlags();

    @Override
    protected void run(Console console) throws IOException {
        List<SoupIngredient> additions = additions();
        if (removals.isEmpty() && additions.isEmpty()) {
            throw misuse("Name at least one --remove or --add.");
        }
        if (fromSoupAlone && keepSum) {
            throw misuse("--approximate computes no sum to keep; leave --keep-sum out.");
        }
        SoupAdjuster.Request request = new SoupAdjuster.Request(soup, removals, additions, out);
        refuseFolderForFile(request.soup());
        flags.checkFree(request.output());
        long start = System.nanoTime();
        String beside = fromSoupAlone ? "" : beside(request);
        Soup made;
        try (Progress progress = console.progress()) {
            SoupAdjuster adjuster =
                    new SoupAdjuster(
                            SoupOptions.DEFAULT
                                    .withThreads(flags.threads())
                                    .withWriter(new CheckpointWriter(flags.force(), 0))
                                    .withKeepSum(keepSum)
                                    .withHashes(flags.hashes())
                                    .withProgress(new MegabyteSteps(progress)));
            made = fromSoupAlone ? adjuster.approximately(request) : adjuster.exactly(request);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        console.result(
                MergeCommand.json(made, seconds),
                text -> {
                    text.println(
                            made.output()
                                    + ": "
                                    + Quantity.of(made.tensors(), "tensor")
                                    + ", "
                                    + Quantity.bytes(made.bytes())
                                    + ", in "
                                    + Quantity.seconds(seconds)
                                    + (fromSoupAlone ? " (approximate: a residue remains)" : ""));
                    made.ingredients()
                            .forEach(i -> text.println("  " + i.coefficient() + "  " + i.name()));
                    if (!additions.isEmpty()) {
                        text.println("  " + beside);
                    }
                });
        if (!made.note().isEmpty()) {
            console.note(made.note());
        }
    }

    /** Beside what weights of what is added count; asked before the soup may be replaced. */
    private static String beside(SoupAdjuster.Request request) {
        return "%s beside the weights of %s: %s"
                .formatted(
                        request.add().stream()
                                .map(i -> i.name() + " counts " + i.coefficient())
                                .collect(Collectors.joining(", ")),
                        request.soup(),
                        SoupAdjuster.weights(request.soup()).entrySet().stream()
                                .map(e -> e.getKey() + " " + e.getValue())
                                .collect(Collectors.joining(", ")));
    }

    private List<SoupIngredient> additions() {
        List<SoupIngredient> list = new ArrayList<>();
        for (String a : added) {
            // A name may hold the sign itself: what exists as it stands is meant as it stands.
            int at = Files.exists(Path.of(a)) ? -1 : a.lastIndexOf('=');
            Path path = Path.of(at < 0 ? a : a.substring(0, at));
            Coefficient k = at < 0 ? Coefficient.ONE : coefficient("--add", a.substring(at + 1));
            list.add(SoupIngredient.of(path, k));
        }
        return list;
    }
}
