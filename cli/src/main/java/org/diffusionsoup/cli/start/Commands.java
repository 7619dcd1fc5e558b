package org.diffusionsoup.cli.start;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.cli.bench.BenchCommand;
import org.diffusionsoup.cli.data.DataCommand;
import org.diffusionsoup.cli.data.SplitCommand;
import org.diffusionsoup.cli.draw.DemoCommand;
import org.diffusionsoup.cli.draw.GenerateCommand;
import org.diffusionsoup.cli.judge.AuditCommand;
import org.diffusionsoup.cli.judge.EvaluateCommand;
import org.diffusionsoup.cli.judge.EvaluationCommand;
import org.diffusionsoup.cli.judge.JudgeCommand;
import org.diffusionsoup.cli.judge.ScoreCommand;
import org.diffusionsoup.cli.judge.StudyCommand;
import org.diffusionsoup.cli.model.AdjustCommand;
import org.diffusionsoup.cli.model.ConvertCommand;
import org.diffusionsoup.cli.model.CookCommand;
import org.diffusionsoup.cli.model.DiffCommand;
import org.diffusionsoup.cli.model.InspectCommand;
import org.diffusionsoup.cli.model.LoraCommand;
import org.diffusionsoup.cli.model.MakeCommand;
import org.diffusionsoup.cli.model.MergeCommand;
import org.diffusionsoup.cli.model.PullCommand;
import org.diffusionsoup.cli.model.ReproduceCommand;
import org.diffusionsoup.cli.model.VerifyCommand;
import org.diffusionsoup.cli.registry.CertificateCommand;
import org.diffusionsoup.cli.registry.ExpireCommand;
import org.diffusionsoup.cli.registry.ExportCommand;
import org.diffusionsoup.cli.registry.FsckCommand;
import org.diffusionsoup.cli.registry.GcCommand;
import org.diffusionsoup.cli.registry.InitCommand;
import org.diffusionsoup.cli.registry.LineageCommand;
import org.diffusionsoup.cli.registry.LogCommand;
import org.diffusionsoup.cli.registry.PublishCommand;
import org.diffusionsoup.cli.registry.RegistryCommand;
import org.diffusionsoup.cli.registry.ShowCommand;
import org.diffusionsoup.cli.registry.UpdateCommand;
import org.diffusionsoup.cli.registry.WithdrawCommand;
import org.diffusionsoup.cli.registry.arrival.BaseCommand;
import org.diffusionsoup.cli.registry.arrival.IngredientCommand;
import org.diffusionsoup.cli.registry.arrival.ShardCommand;
import org.diffusionsoup.cli.search.SearchCommand;
import org.diffusionsoup.cli.search.ValueCommand;
import org.diffusionsoup.cli.train.PretrainCommand;
import org.diffusionsoup.cli.train.TrainCommand;
import picocli.CommandLine;

/** Every command of {@code soup}, in the order and under the headings of its help. */
public final class Commands {
    /**
     * One command. A class, not an instance: making all of them and looking through their options
     * takes longer than what most starts are for (docs/adr/0008-start-up.md).
     *
     * @param name as its annotation has it, which would have to be looked for
     */
    private record Named(String name, Class<?> type) {
        CommandLine parser() {
            try {
                return new CommandLine(type.getDeclaredConstructor().newInstance());
            } catch (ReflectiveOperationException e) {
                throw new AssertionError(type + " has no constructor without arguments", e);
            }
        }
    }

    /** Commands under one heading. */
    private record Group(String heading, List<Named> commands) {}

    private static final List<Group> GROUPS =
            List.of(
                    new Group(
                            "From data to a soup",
                            List.of(
                                    new Named("demo", DemoCommand.class),
                                    new Named("data", DataCommand.class),
                                    new Named("train", TrainCommand.class),
                                    new Named("make", MakeCommand.class),
                                    new Named("search", SearchCommand.class),
                                    new Named("value", ValueCommand.class),
                                    new Named("generate", GenerateCommand.class))),
                    new Group(
                            "Weights and files",
                            List.of(
                                    new Named("inspect", InspectCommand.class),
                                    new Named("diff", DiffCommand.class),
                                    new Named("verify", VerifyCommand.class),
                                    new Named("convert", ConvertCommand.class),
                                    new Named("pull", PullCommand.class),
                                    new Named("merge", MergeCommand.class),
                                    new Named("adjust", AdjustCommand.class),
                                    new Named("cook", CookCommand.class),
                                    new Named("lora", LoraCommand.class),
                                    new Named("reproduce", ReproduceCommand.class))),
                    new Group(
                            "How good a model is",
                            List.of(
                                    new Named("score", ScoreCommand.class),
                                    new Named("evaluate", EvaluateCommand.class),
                                    new Named("audit", AuditCommand.class),
                                    new Named("judge", JudgeCommand.class),
                                    new Named("study", StudyCommand.class))),
                    new Group(
                            "The registry: who is in what",
                            List.of(
                                    new Named("init", InitCommand.class),
                                    new Named("base", BaseCommand.class),
                                    new Named("shard", ShardCommand.class),
                                    new Named("ingredient", IngredientCommand.class),
                                    new Named("registry", RegistryCommand.class),
                                    new Named("update", UpdateCommand.class),
                                    new Named("withdraw", WithdrawCommand.class),
                                    new Named("expire", ExpireCommand.class),
                                    new Named("certificate", CertificateCommand.class),
                                    new Named("evaluation", EvaluationCommand.class),
                                    new Named("publish", PublishCommand.class),
                                    new Named("export", ExportCommand.class),
                                    new Named("split", SplitCommand.class),
                                    new Named("log", LogCommand.class),
                                    new Named("show", ShowCommand.class),
                                    new Named("lineage", LineageCommand.class),
                                    new Named("fsck", FsckCommand.class),
                                    new Named("gc", GcCommand.class))),
                    new Group(
                            "For those who build on it",
                            List.of(
                                    new Named("pretrain", PretrainCommand.class),
                                    new Named("bench", BenchCommand.class),
                                    new Named("record-start", RecordStartCommand.class))));

    private static final List<Named> ALL =
            GROUPS.stream().flatMap(g -> g.commands().stream()).toList();

    private Commands() {}

    /** Parsers of all commands. */
    public static List<CommandLine> all() {
        return ALL.stream().map(Named::parser).toList();
    }

    /** The heading that a command is the first one under, if it is. */
    public static Optional<String> heading(Object command) {
        return GROUPS.stream()
                .filter(g -> g.commands().getFirst().type() == command.getClass())
                .map(Group::heading)
                .findFirst();
    }

    /** The parser of the command of a name; empty when there is none. */
    public static Optional<CommandLine> named(String name) {
        return ALL.stream().filter(c -> c.name().equals(name)).findFirst().map(Named::parser);
    }
}
