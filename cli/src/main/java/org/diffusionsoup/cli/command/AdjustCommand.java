package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.CheckpointWriter;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Soup;
import org.diffusionsoup.core.SoupAdjuster;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIngredient;
import org.diffusionsoup.core.Souper;
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
            "  soup merge a/ b/ c/ -o soup/ --keep-sum",
            "  soup adjust soup/ --remove b/ -o smaller/",
            "  soup adjust soup/ --add d/ --keep-sum -o soup/ --force",
            "  soup adjust published/ --remove b/ --approximate -o without-b/"
        })
final class AdjustCommand extends SoupCommand {
    @Parameters(paramLabel = "SOUP", description = "A soup made by soup merge.")
    private Path soup = Path.of("");

    @Option(
            names = "--remove",
            paramLabel = "CHECKPOINT",
            description = "An ingredient that is in the soup; known by the SHA-256 of its files.")
    private List<Path> remove = List.of();

    @Option(
            names = "--add",
            paramLabel = "CHECKPOINT[=K]",
            description =
                    "An ingredient to take in, with a whole weight beside those of the others"
                            + " (default: 1).")
    private List<String> add = List.of();

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
    private boolean approximate;

    @Mixin private MergeFlags flags = new MergeFlags();

    @Override
    protected void run(Console console) throws IOException {
        if (remove.isEmpty() && add.isEmpty()) {
            throw misuse("Name at least one --remove or --add.");
        }
        if (approximate && keepSum) {
            throw misuse("--approximate computes no sum to keep; leave --keep-sum out.");
        }
        if (!flags.force && Files.exists(out)) {
            throw new SoupException(
                    out + " exists already; name another --out, or add --force to replace it.");
        }
        long start = System.nanoTime();
        Soup made;
        try (Progress progress = console.progress()) {
            SoupAdjuster adjuster =
                    new SoupAdjuster(
                            Souper.Options.DEFAULT
                                    .withThreads(
                                            flags.threadsOr(
                                                    Runtime.getRuntime().availableProcessors()))
                                    .withWriter(new CheckpointWriter(flags.force, 0))
                                    .withKeepSum(keepSum)
                                    .withHashes(flags.hashes())
                                    .withProgress(new MegabyteSteps(progress)));
            SoupAdjuster.Request request = new SoupAdjuster.Request(soup, remove, additions(), out);
            made = approximate ? adjuster.approximately(request) : adjuster.exactly(request);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        console.result(
                MergeCommand.json(made, seconds),
                text -> {
                    text.printf(
                            "%s: %d tensors, %s, in %.1f s%s%n",
                            made.output(),
                            made.tensors(),
                            Quantity.bytes(made.bytes()),
                            seconds,
                            approximate ? " (approximate: a residue remains)" : "");
                    made.ingredients()
                            .forEach(i -> text.println("  " + i.coefficient() + "  " + i.name()));
                });
    }

    private List<SoupIngredient> additions() {
        List<SoupIngredient> list = new ArrayList<>();
        for (String a : add) {
            int at = a.lastIndexOf('=');
            Path path = Path.of(at < 0 ? a : a.substring(0, at));
            Coefficient k = at < 0 ? Coefficient.ONE : Coefficient.parse(a.substring(at + 1));
            list.add(SoupIngredient.of(path, k));
        }
        return list;
    }
}
