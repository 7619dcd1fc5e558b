package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.study.PropositionResults;
import org.diffusionsoup.workbench.study.PropositionStudy;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup study propositions}. */
@Command(
        name = "propositions",
        description = {
            "Propositions 1 and 2 of the paper on mixtures of Gaussians in the plane: samples by the"
                    + " mean of the scores against the geometric mean, and by the weighted scores"
                    + " against the arithmetic mean; and how far the mean of the diffused scores is"
                    + " from the score of the diffused geometric mean. Then the same by small score"
                    + " networks, fine-tuned from one base on each distribution: their ensemble,"
                    + " their soup, and both weighed anew for every sample at every step.",
            "Writes propositions.json and densities.png. Needs no model; takes a minute or two."
        },
        footer = "  soup study propositions -o propositions/ --samples 2000 --repeats 8")
final class StudyPropositionsCommand extends SoupCommand {
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
            description = "Samples of each repeat (default: ${DEFAULT-VALUE}).")
    private int samples;

    @Option(
            names = "--repeats",
            defaultValue = "5",
            paramLabel = "N",
            description = "Seeds that the intervals are over (default: ${DEFAULT-VALUE}).")
    private int repeats;

    @Option(
            names = "--training-steps",
            defaultValue = "" + PropositionStudy.TRAINING_STEPS,
            paramLabel = "N",
            description =
                    "Training steps of each distribution's network; the base takes four times as"
                            + " many, 0 leaves networks out (default: ${DEFAULT-VALUE}).")
    private int trainingSteps;

    @Option(
            names = "--seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "The first seed (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    protected void run(Console console) {
        PropositionStudy.KIND.checkOwn(out);
        PropositionResults results;
        try (Progress progress = console.progress()) {
            results =
                    new PropositionStudy(samples, repeats, trainingSteps, seed, progress).run(out);
        }
        console.result(results, text -> print(results, text));
    }

    private void print(PropositionResults results, PrintWriter text) {
        TextTable t = new TextTable("", "mean", "sliced Wasserstein", "exact", "KL, nats", "exact");
        for (PropositionResults.Case c : results.cases()) {
            row(t, c.name(), "geometric", c.geometric());
            row(t, c.name(), "arithmetic", c.arithmetic());
        }
        t.print(text);
        text.println();
        if (!results.training().isEmpty()) {
            printNetworks(results, text);
        }
        text.println(
                "|mean of the diffused scores - score of the diffused geometric mean| / |score|");
        TextTable g =
                new TextTable(
                        java.util.stream.Stream.concat(
                                        java.util.stream.Stream.of("t", "sigma"),
                                        results.cases().stream().map(PropositionResults.Case::name))
                                .toArray(String[]::new));
        for (int i = 0; i < results.cases().getFirst().gaps().size(); i++) {
            Object[] cells = new Object[2 + results.cases().size()];
            PropositionResults.Gap first = results.cases().getFirst().gaps().get(i);
            cells[0] = first.t();
            cells[1] = String.format(Locale.ROOT, "%.3f", first.sigma());
            for (int c = 0; c < results.cases().size(); c++) {
                cells[2 + c] =
                        String.format(
                                Locale.ROOT,
                                "%.4f",
                                results.cases().get(c).gaps().get(i).relative());
            }
            g.row(cells);
        }
        g.print(text);
        text.printf(Locale.ROOT, "%.1f s; %s%n", results.seconds(), out);
    }

    private static void printNetworks(PropositionResults results, PrintWriter text) {
        TextTable t =
                new TextTable(
                        "networks",
                        "sampled by",
                        "should be",
                        "sliced Wasserstein",
                        "exact",
                        "to exact scores",
                        "KL, nats",
                        "exact");
        for (PropositionResults.Case c : results.cases()) {
            for (PropositionResults.NetworkRow r : c.networks()) {
                t.row(
                        c.name(),
                        r.by(),
                        r.of(),
                        r.distances().wasserstein().format(3),
                        r.distances().wassersteinFloor().format(3),
                        r.toExact().format(3),
                        r.distances().kl().format(3),
                        r.distances().klFloor().format(3));
            }
        }
        t.print(text);
        text.println();
    }

    private static void row(TextTable t, String name, String mean, PropositionResults.Row r) {
        t.row(
                name,
                mean,
                r.wasserstein().format(3),
                r.wassersteinFloor().format(3),
                r.kl().format(3),
                r.klFloor().format(3));
    }
}
