package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.study.ModelNaf;
import org.diffusionsoup.workbench.study.NafResults;
import org.diffusionsoup.workbench.study.NafStudy;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup study naf}. */
@Command(
        name = "naf",
        description = {
            "Proposition 3 of the paper: how far the geometric mean of two distributions in the"
                    + " plane is from each of them, in closed form, by quadrature and over"
                    + " trajectories; with --soup and --safe, how far a soup's trajectories are from"
                    + " those of a model that has not seen a shard, given its captions.",
            "Near access freeness is no protection against copies: a model may have it and still"
                    + " repeat a picture (docs/propositions.md). Writes naf.json and naf.html."
        },
        footer = {
            "  soup study naf -o naf/",
            "  soup study naf --soup my-soup --safe animals --shard 'shards/emoji#domain=food' -o naf/"
        })
final class StudyNafCommand extends SoupCommand {
    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the results; those of an earlier run are replaced.")
    private Path out = Path.of(".");

    @Option(
            names = "--samples",
            defaultValue = "1000",
            paramLabel = "N",
            description = "Trajectories in the plane per case (default: ${DEFAULT-VALUE}).")
    private int samples;

    @Option(
            names = "--soup",
            paramLabel = "DIR",
            description = "A soup to compare with --safe, given the captions of --shard.")
    private Optional<Path> soup = Optional.empty();

    @Option(
            names = "--safe",
            paramLabel = "DIR",
            description = "A model of the same base that has not been trained on --shard.")
    private Optional<Path> safe = Optional.empty();

    @Option(
            names = "--shard",
            paramLabel = "SHARD",
            description = "Captioned pictures that --safe has not seen.")
    private Optional<String> shard = Optional.empty();

    @Option(
            names = "--prompts",
            defaultValue = "16",
            paramLabel = "N",
            description =
                    "Captions of rows about different subjects, at random (default:"
                            + " ${DEFAULT-VALUE}).")
    private int prompts;

    @Option(
            names = "--trajectories",
            defaultValue = "4",
            paramLabel = "N",
            description = "Trajectories per prompt (default: ${DEFAULT-VALUE}).")
    private int trajectories;

    @Option(
            names = "--steps",
            defaultValue = "25",
            paramLabel = "N",
            description = "Steps of ancestral sampling (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(
            names = "--seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of all trajectories (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin private DeviceFlag device = new DeviceFlag();

    @Override
    protected void run(Console console) {
        NafStudy.KIND.checkOwn(out);
        NafResults results;
        try (Progress progress = console.progress()) {
            results = new NafStudy(samples, seed, progress).run(out, models());
        }
        console.result(results, text -> print(results, text));
    }

    private Optional<ModelNaf> models() {
        if (soup.isEmpty() && safe.isEmpty() && shard.isEmpty()) {
            for (String option : List.of("--prompts", "--trajectories", "--steps")) {
                if (isGiven(option)) {
                    throw misuse(option + " is of --soup, --safe and --shard, which are missing.");
                }
            }
            return Optional.empty();
        }
        if (soup.isEmpty() || safe.isEmpty() || shard.isEmpty()) {
            throw misuse("--soup, --safe and --shard go together; give all three or none.");
        }
        return Optional.of(
                new ModelNaf(
                        soup.get(),
                        safe.get(),
                        ShardRef.parse(shard.get()).open(),
                        new ModelNaf.Sampling(prompts, trajectories, steps, seed)));
    }

    private void print(NafResults results, PrintWriter text) {
        TextTable t =
                new TextTable(
                        "KL in nats", "safe", "closed form", "quadrature", "trajectories", "max");
        for (NafResults.Case c : results.cases()) {
            for (NafResults.Safe s : c.safe()) {
                t.row(
                        c.name(),
                        s.name(),
                        s.closedFormText(),
                        String.format(Locale.ROOT, "%.4f", s.quadrature()),
                        s.path().format(4),
                        s.maxText());
            }
        }
        t.print(text);
        NafResults.OfModels m = results.models();
        if (m != null) {
            text.println();
            text.printf(
                    Locale.ROOT,
                    "%s from %s given captions of %s: %s nats per picture, %d prompts, %d values%n",
                    m.soup(),
                    m.safe(),
                    m.shard(),
                    m.path().format(1),
                    m.prompts().size(),
                    m.values());
        }
        text.println(out);
    }
}
