package org.diffusionsoup.cli.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.check.Finding;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.check.Repair;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup fsck}: whether a registry is whole. */
@Command(
        name = "fsck",
        description = {
            "Check every entry's hash, chain and signature, every row derived from them, and every"
                    + " byte of the weights; name what is missing or altered. Needs no secret key.",
            "--repair fills tables again from entries, and makes soups again from their ingredients."
                    + " Exit status 1 if anything is wrong."
        },
        footer = {
            "  soup fsck",
            "  soup fsck --repair",
            "  soup fsck --repair --original noto/",
            "  soup fsck --certificate elsewhere/head.json"
        })
public final class FsckCommand extends SoupCommand {
    @Option(names = "--repair", description = "Make again what can be.")
    private boolean repair;

    @Option(
            names = "--original",
            paramLabel = "PATH",
            description =
                    "With --repair: a model as it was when it was recorded, to bring back what is"
                            + " missing or altered of it; repeat for several.")
    private List<Path> originals = List.of();

    @Option(
            names = "--certificate",
            paramLabel = "FILE",
            description =
                    "A certificate, or what 'soup log --head' printed: the ledger must still have the"
                            + " entries that it names. Those in the registry's folder and store are always read.")
    private List<Path> certificates = List.of();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected String stopped() {
        return repair
                ? "Stopped; what it had repaired is repaired, and the same command goes on with the rest."
                : super.stopped();
    }

    @Override
    protected void run(Console console) {
        if (!repair && !originals.isEmpty()) {
            throw misuse("--original says what --repair takes; add --repair.");
        }
        List<String> done = new ArrayList<>();
        if (repair) {
            Registry.restore(registry.folder()).ifPresent(done::add);
        }
        List<Finding> left;
        try (Progress progress = console.progress()) {
            Registry r =
                    registry.openToRead()
                            .with(SoupOptions.DEFAULT.withProgress(new MegabyteSteps(progress)));
            if (repair) {
                Repair repaired = r.repair(certificates, originals);
                done.addAll(Flags.in(repaired.done()));
                left = repaired.left();
            } else {
                left = r.check(certificates);
            }
        }
        List<Finding> shown = left.stream().map(FsckCommand::shown).toList();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("repaired", done);
        json.put("findings", shown);
        List<Finding> errors = shown.stream().filter(f -> f.severity() == Severity.ERROR).toList();
        json.put("sound", errors.isEmpty());
        console.result(
                json,
                text -> {
                    done.forEach(d -> text.println("repaired  " + d));
                    shown.forEach(f ->
                            text.println(
                                    f.severity().name().toLowerCase(Locale.ROOT)
                                            + "  "
                                            + f.sentence()));
                    if (errors.isEmpty()) {
                        text.println("sound: ledger, tables, weights and sums");
                    }
                });
        if (!errors.isEmpty()) {
            throw new SoupException(
                    Plural.of(errors.size(), "thing is", "things are")
                            + " wrong in "
                            + registry.folder()
                            + ", the first: "
                            + errors.getFirst().sentence());
        }
    }

    private static Finding shown(Finding f) {
        return new Finding(f.severity(), f.where(), Flags.in(f.sentence()));
    }
}
