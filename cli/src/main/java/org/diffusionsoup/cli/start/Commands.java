package org.diffusionsoup.cli.start;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.cli.bench.BenchCommand;
import org.diffusionsoup.cli.command.DeclaredCommand;
import org.diffusionsoup.cli.command.SoupCommand;
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
import org.diffusionsoup.cli.registry.BaseCommand;
import org.diffusionsoup.cli.registry.CertificateCommand;
import org.diffusionsoup.cli.registry.ExpireCommand;
import org.diffusionsoup.cli.registry.ExportCommand;
import org.diffusionsoup.cli.registry.FsckCommand;
import org.diffusionsoup.cli.registry.GcCommand;
import org.diffusionsoup.cli.registry.IngredientCommand;
import org.diffusionsoup.cli.registry.InitCommand;
import org.diffusionsoup.cli.registry.LineageCommand;
import org.diffusionsoup.cli.registry.LogCommand;
import org.diffusionsoup.cli.registry.PublishCommand;
import org.diffusionsoup.cli.registry.RegistryCommand;
import org.diffusionsoup.cli.registry.ShardCommand;
import org.diffusionsoup.cli.registry.ShowCommand;
import org.diffusionsoup.cli.registry.UpdateCommand;
import org.diffusionsoup.cli.registry.WithdrawCommand;
import org.diffusionsoup.cli.search.SearchCommand;
import org.diffusionsoup.cli.search.ValueCommand;
import org.diffusionsoup.cli.train.PretrainCommand;
import org.diffusionsoup.cli.train.TrainCommand;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** Every command of {@code soup}, in the order and under the headings of its help. */
public final class Commands {
    /**
     * Commands under one heading.
     *
     * @param commands classes, not instances: a start needs one command, and making all takes as
     *     long as a merge
     */
    private record Group(String heading, List<Class<?>> commands) {}

    private static final List<Group> GROUPS =
            List.of(
                    new Group(
                            "From data to a soup",
                            List.of(
                                    DemoCommand.class,
                                    DataCommand.class,
                                    TrainCommand.class,
                                    MakeCommand.class,
                                    SearchCommand.class,
                                    ValueCommand.class,
                                    GenerateCommand.class)),
                    new Group(
                            "Weights and files",
                            List.of(
                                    InspectCommand.class,
                                    DiffCommand.class,
                                    VerifyCommand.class,
                                    ConvertCommand.class,
                                    PullCommand.class,
                                    MergeCommand.class,
                                    AdjustCommand.class,
                                    CookCommand.class,
                                    LoraCommand.class,
                                    ReproduceCommand.class)),
                    new Group(
                            "How good a model is",
                            List.of(
                                    ScoreCommand.class,
                                    EvaluateCommand.class,
                                    AuditCommand.class,
                                    JudgeCommand.class,
                                    StudyCommand.class)),
                    new Group(
                            "The registry: who is in what",
                            List.of(
                                    InitCommand.class,
                                    BaseCommand.class,
                                    ShardCommand.class,
                                    IngredientCommand.class,
                                    RegistryCommand.class,
                                    UpdateCommand.class,
                                    WithdrawCommand.class,
                                    ExpireCommand.class,
                                    CertificateCommand.class,
                                    EvaluationCommand.class,
                                    PublishCommand.class,
                                    ExportCommand.class,
                                    SplitCommand.class,
                                    LogCommand.class,
                                    ShowCommand.class,
                                    LineageCommand.class,
                                    FsckCommand.class,
                                    GcCommand.class)),
                    new Group(
                            "For those who build on it",
                            List.of(
                                    PretrainCommand.class,
                                    BenchCommand.class,
                                    RecordStartCommand.class)));

    private static final List<Class<?>> ALL =
            GROUPS.stream().<Class<?>>flatMap(g -> g.commands().stream()).toList();

    private Commands() {}

    /** Parsers of all commands. */
    public static List<CommandLine> all() {
        return ALL.stream().map(c -> parser(create(c))).toList();
    }

    /** The heading that a command is the first one under, if it is. */
    public static Optional<String> heading(Object command) {
        return GROUPS.stream()
                .filter(g -> g.commands().getFirst() == command.getClass())
                .map(Group::heading)
                .findFirst();
    }

    /** The parser of the command of a name; empty when there is none. */
    public static Optional<CommandLine> named(String name) {
        String type = name.replace("-", "") + "Command";
        for (Class<?> c : ALL) {
            if (c.getSimpleName().equalsIgnoreCase(type)) {
                return Optional.of(parser(create(c))).filter(p -> p.getCommandName().equals(name));
            }
        }
        return Optional.empty();
    }

    /** The parser of a new command, with what {@link SoupCommand} has for all of them. */
    static CommandLine parser(Object command) {
        CommandLine parser;
        if (command instanceof DeclaredCommand declared) {
            CommandSpec spec = CommandSpec.wrapWithoutInspection(declared);
            declared.declare(spec);
            parser = new CommandLine(spec);
        } else {
            parser = new CommandLine(command);
        }
        complete(parser);
        return parser;
    }

    private static void complete(CommandLine parser) {
        CommandSpec spec = parser.getCommandSpec();
        if (spec.userObject() instanceof SoupCommand command) {
            command.complete(spec);
        }
        parser.getSubcommands().values().forEach(Commands::complete);
    }

    private static Object create(Class<?> command) {
        try {
            return command.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(command + " has no constructor without arguments", e);
        }
    }
}
