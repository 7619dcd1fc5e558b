package org.diffusionsoup.cli.draw;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.demo.Demo;
import org.diffusionsoup.workbench.demo.DemoPlan;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup demo}: the whole road on the embedded model. */
@Command(
        name = "demo",
        description = {
            "The whole road on the embedded base: one ingredient per shard, their soup, the paragon,"
                    + " the ensemble, a shard withdrawn, and a report with pictures.",
            "About eight minutes on two cores; stopped at any point, the same command goes on."
        },
        footer = {
            "  soup demo",
            "  soup demo --quick",
            "  soup demo --withdraw food --out my-demo"
        })
public final class DemoCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = "--quick",
            description =
                    "A smaller run of about two minutes: too short for pictures to be learnt by"
                            + " heart, so it shows nothing about memorization.")
    private boolean quick;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "DIR",
            description = "Folder of models, pictures and report (default: demo or demo-quick).")
    private Optional<Path> out = Optional.empty();

    @Option(
            names = "--shards",
            split = ",",
            paramLabel = "DOMAIN",
            description = "Domains to make shards of (default: animals,food,vehicles,electronics).")
    private List<String> shards = List.of();

    @Option(
            names = "--withdraw",
            paramLabel = "DOMAIN",
            description = "The shard that leaves in the end (default: vehicles).")
    private Optional<String> withdraw = Optional.empty();

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Training steps per ingredient (default: 200; 40 with --quick).")
    private Optional<Long> steps = Optional.empty();

    @Option(
            names = "--prompts",
            paramLabel = "N",
            description = "Prompts (default: 64; 16 with --quick).")
    private Optional<Integer> prompts = Optional.empty();

    @Option(
            names = "--sampling-steps",
            paramLabel = "N",
            description = "Denoising steps per picture (default: 12; 8 with --quick).")
    private Optional<Integer> samplingSteps = Optional.empty();

    @Option(
            names = "--seed",
            defaultValue = "7",
            paramLabel = "N",
            description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    protected void run(Console console) throws IOException {
        Path home = Path.of(System.getProperty("soup.home", "."));
        Path folder = out.orElse(Path.of(quick ? "demo-quick" : "demo"));
        DemoPlan d = quick ? DemoPlan.quick(home, folder) : DemoPlan.full(home, folder);
        DemoPlan plan =
                new DemoPlan(
                        d.base(),
                        d.clip(),
                        d.reward(),
                        d.dataset(),
                        d.provider(),
                        d.styles(),
                        shards.isEmpty() ? d.domains() : shards,
                        withdraw.orElse(shards.isEmpty() ? d.withdrawn() : shards.getLast()),
                        Count.of("--steps", steps, this::misuse).orElse(d.steps()),
                        d.batch(),
                        d.rate(),
                        Count.of("--prompts", prompts, this::misuse).orElse(d.prompts()),
                        d.seeds(),
                        Count.of("--sampling-steps", samplingSteps, this::misuse)
                                .orElse(d.samplingSteps()),
                        d.guidance(),
                        seed,
                        folder);
        OwnOutputs.DEMO.checkOwn(folder);
        try (FolderLock alone = FolderLock.hold(folder);
                Interrupt interrupt = Interrupt.listen(console);
                Progress progress = console.progress()) {
            Demo demo = new Demo(plan, progress, interrupt, console.notes(progress));
            demo.claimFolder();
            boolean finished = demo.isFinished();
            Optional<Path> report = demo.run();
            progress.close();
            if (report.isEmpty()) {
                console.stopped(
                        "Stopped; finished models, their pictures and the last checkpoint of the"
                                + " model in training are kept in "
                                + folder
                                + ", from which the same command goes on.");
                return;
            }
            if (finished) {
                console.note(
                        "This demo was finished before, and nothing was made again; remove "
                                + report.get()
                                + " to have its page made again, and "
                                + folder.resolve("drawn")
                                + " with it to have its pictures drawn and judged once more.");
            }
            Map<String, String> result = new LinkedHashMap<>();
            result.put("report", report.get().toString());
            result.put("pictures", folder.resolve("pictures").toString());
            result.put("models", folder.resolve("models").toString());
            console.result(
                    result,
                    text -> {
                        text.println("Report:   " + report.get());
                        text.println("Pictures: " + folder.resolve("pictures"));
                        text.println("Models:   " + folder.resolve("models"));
                    });
        }
    }
}
