package org.diffusionsoup.cli.registry;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.command.YesFlag;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.context.Providers;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.PictureLikeness;
import org.diffusionsoup.workbench.registry.Retrainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup withdraw}: data leaves, with everything made of it. */
@Command(
        name = "withdraw",
        description = {
            "Take shards, a provider or single pictures out: their ingredients go, every soup that"
                    + " holds them is made again from the others, their weights are deleted, and a"
                    + " signed certificate says so.",
            "For single pictures (--samples) the ingredient is reset to its base and fine-tuned on the"
                    + " rest. A search that saw what leaves is run again among the others. Nothing"
                    + " happens, or all of it."
        },
        footer = {
            "  soup withdraw acme --reason 'contract ended'",
            "  soup withdraw --provider acme --reason 'contract ended' -o certificate.json",
            "  soup withdraw --samples hashes.txt --reason 'a person asked'"
        })
public final class WithdrawCommand extends SoupCommand {
    @Parameters(arity = "0..*", paramLabel = "SHARD", description = "Names of shards.")
    private List<String> shards = List.of();

    @Option(
            names = "--provider",
            paramLabel = "WHO",
            description = "All live shards of this provider; repeatable.")
    private List<String> providers = List.of();

    @Option(
            names = "--all-spellings",
            description =
                    "With --provider: also shards whose provider is written otherwise only in case,"
                            + " blanks or characters that cannot be seen.")
    private boolean allSpellings;

    @Option(
            names = "--samples",
            paramLabel = "FILE",
            description =
                    "Single pictures: a file with one SHA-256 a line, of pictures as their shard holds"
                            + " them. Importing stores pictures anew, so it is not the hash of the file"
                            + " that was imported; 'soup data inspect SHARD --rows N --json' lists the"
                            + " hashes.")
    private Optional<Path> samples = Optional.empty();

    @Option(
            names = "--reason",
            required = true,
            paramLabel = "WORDS",
            description = "Why, for the ledger and the certificate.")
    private String reason = "";

    @Mixin private ReselectFlags reselect = new ReselectFlags();

    @Mixin private NearFlags near = new NearFlags();

    @Option(
            names = "--drop-ingredients",
            description = "With --samples: drop their ingredients instead of training them again.")
    private boolean dropIngredients;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            description = "Also write the certificate here.")
    private Optional<Path> out = Optional.empty();

    @Mixin private YesFlag yes = new YesFlag();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        if (shards.isEmpty() && providers.isEmpty() && samples.isEmpty()) {
            throw misuse("name shards, or say --provider or --samples.");
        }
        if (allSpellings && providers.isEmpty()) {
            throw misuse("--all-spellings is for --provider WHO, which is missing.");
        }
        if (out.isPresent()) {
            OutputKind.JSON.checkNew(out.get());
            registry.checkOutside(out.get());
        }
        SortedMap<String, Integer> pictures =
                samples.isPresent() ? hashes(samples.get()) : new TreeMap<>();
        Withdrawn w;
        Optional<ClipJudge> clip = Optional.empty();
        try (Progress progress = console.progress()) {
            Registry r = registry.open(progress);
            WithdrawalStop stop = WithdrawalStop.of(console, registry, r);
            Set<String> names = new TreeSet<>(shards);
            r.read(q -> Providers.liveShards(q, new TreeSet<>(providers), allSpellings))
                    .forEach(s -> names.add(s.name()));
            r.read(q -> {
                names.forEach(n -> Names.shard(q, n)); // before a judge is loaded
                return true;
            });
            clip = near.open();
            w =
                    r.withdraw(
                            new WithdrawRequest(
                                    List.copyOf(names),
                                    pictures.keySet(),
                                    reason,
                                    reselect.keepSelection(),
                                    dropIngredients
                                            ? Optional.empty()
                                            : Optional.of(new Retrainer(progress)),
                                    reselect.reselector(r, stop, progress),
                                    Optional.of(new PictureLikeness(clip)),
                                    yes.consent()));
        } finally {
            clip.ifPresent(ClipJudge::close);
        }
        WithdrawnText.result(console, registry.openToRead(), w, pictures);
        if (out.isPresent()) {
            copy(w, out.get());
            console.note("the certificate is in " + out.get() + " too");
        }
    }

    /** Nothing that goes wrong here makes the withdrawal undone, which is told with it. */
    private static void copy(Withdrawn w, Path to) {
        try {
            AtomicFiles.write(to, Files.readAllBytes(w.certificate()));
        } catch (SoupException | IOException e) {
            throw new SoupException(
                    "It is withdrawn, by entry "
                            + w.entry()
                            + ", and the certificate is "
                            + w.certificate()
                            + "; only its copy is not written ("
                            + (e instanceof SoupException ? e.getMessage() : to + ": " + e)
                            + "). 'soup certificate "
                            + w.entry()
                            + " -o FILE' writes one.",
                    e);
        }
    }

    private static List<String> lines(Path file) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) { // a device may never end
            throw new SoupException(file + " is no file with hashes, one a line.");
        }
        try {
            return Files.readAllLines(file);
        } catch (CharacterCodingException e) {
            throw new SoupException(file + " is not UTF-8 text; save it as UTF-8.", e);
        }
    }

    /** What a list names, with the line where it does first. */
    private static SortedMap<String, Integer> hashes(Path file) throws IOException {
        SortedMap<String, Integer> hashes = new TreeMap<>();
        int number = 0;
        for (String line : lines(file)) {
            number++;
            String word = line.replace("\ufeff", "").strip().split("\\s", 2)[0];
            if (word.isEmpty() || word.startsWith("#")) {
                continue;
            }
            if (!word.matches("[0-9a-fA-F]{64}")) {
                throw new SoupException(
                        "Line " + number + " of " + file + " is no SHA-256: '" + word + "'.");
            }
            hashes.putIfAbsent(word.toLowerCase(Locale.ROOT), number);
        }
        if (hashes.isEmpty()) {
            throw new SoupException(file + " names no samples.");
        }
        return hashes;
    }
}
