package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.command.DeclaredCommand;
import org.diffusionsoup.cli.command.MergeFlags;
import org.diffusionsoup.cli.command.Options;
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
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code soup adjust}: ingredients into or out of a soup without the others. */
public final class AdjustCommand extends DeclaredCommand {
    private final PositionalParamSpec soup = Options.path("SOUP", "A soup made by soup merge.");

    private final OptionSpec remove =
            Options.list(Path.class, "CHECKPOINT", "--remove")
                    .description(
                            "An ingredient that is in the soup; known by the SHA-256 of its files.")
                    .build();

    private final OptionSpec add =
            Options.list(String.class, "CHECKPOINT[=K]", "--add")
                    .description(
                            "An ingredient to take in, and its weight beside those that the others were"
                                    + " given, such as 2 or 1/3 (default: 1; without weights the"
                                    + " others count 1 each).")
                    .build();

    private final OptionSpec out =
            Options.out("The file or folder to make; may be the soup itself, with --force.");

    private final OptionSpec keepSum =
            Options.flag("Keep the new sum in OUT.sum.", "--keep-sum").build();

    private final OptionSpec approximate =
            Options.flag(
                            "(w_soup - k w) / (1 - k) from the soup alone; rounding leaves a residue of the"
                                    + " removed ingredient, and the recipe says so.",
                            "--approximate")
                    .build();

    private final MergeFlags flags = new MergeFlags();

    @Override
    public void declare(CommandSpec spec) {
        spec.name("adjust")
                .addPositional(soup)
                .addOption(remove)
                .addOption(add)
                .addOption(out)
                .addOption(keepSum)
                .addOption(approximate);
        flags.addTo(spec);
        spec.usageMessage()
                .description(
                        "Take ingredients into a soup, or out of it, reading only the soup's kept sum and those"
                                + " ingredients.",
                        "The weights are those of averaging the remaining ingredients afresh, byte for byte. The"
                                + " soup must have been made with --keep-sum; from a soup alone, --approximate"
                                + " applies the paper's formula, which leaves a residue of what is removed.")
                .footer(
                        "  soup merge a/ b/ c/ -o my-soup/ --keep-sum",
                        "  soup adjust my-soup/ --remove b/ -o smaller/",
                        "  soup adjust my-soup/ --add d/ --keep-sum -o my-soup/ --force",
                        "  soup adjust published/ --remove b/ --approximate -o without-b/");
    }

    @Override
    protected void run(Console console) throws IOException {
        List<Path> removals = remove.getValue();
        List<SoupIngredient> additions = additions();
        boolean fromSoupAlone = approximate.getValue();
        if (removals.isEmpty() && additions.isEmpty()) {
            throw misuse("Name at least one --remove or --add.");
        }
        if (fromSoupAlone && keepSum.<Boolean>getValue()) {
            throw misuse("--approximate computes no sum to keep; leave --keep-sum out.");
        }
        SoupAdjuster.Request request =
                new SoupAdjuster.Request(soup.getValue(), removals, additions, out.getValue());
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
                                    .withKeepSum(keepSum.getValue())
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
        for (String a : add.<List<String>>getValue()) {
            // A name may hold the sign itself: what exists as it stands is meant as it stands.
            int at = Files.exists(Path.of(a)) ? -1 : a.lastIndexOf('=');
            Path path = Path.of(at < 0 ? a : a.substring(0, at));
            Coefficient k = at < 0 ? Coefficient.ONE : Coefficient.parse(a.substring(at + 1));
            list.add(SoupIngredient.of(path, k));
        }
        return list;
    }
}
