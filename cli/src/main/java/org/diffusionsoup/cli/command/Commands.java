package org.diffusionsoup.cli.command;

import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** Every command of {@code soup}, in the order that its help lists them. */
public final class Commands {
    /**
     * Classes, not instances: a start needs one command, and making all takes as long as a merge.
     */
    private static final List<Class<?>> ALL =
            List.of(
                    DemoCommand.class,
                    DataCommand.class,
                    TrainCommand.class,
                    MakeCommand.class,
                    MergeCommand.class,
                    AdjustCommand.class,
                    CookCommand.class,
                    SearchCommand.class,
                    ValueCommand.class,
                    ReproduceCommand.class,
                    ConvertCommand.class,
                    PullCommand.class,
                    LoraCommand.class,
                    GenerateCommand.class,
                    ScoreCommand.class,
                    EvaluateCommand.class,
                    StudyCommand.class,
                    JudgeCommand.class,
                    InspectCommand.class,
                    DiffCommand.class,
                    VerifyCommand.class,
                    InitCommand.class,
                    BaseCommand.class,
                    ShardCommand.class,
                    IngredientCommand.class,
                    RegistryCommand.class,
                    UpdateCommand.class,
                    WithdrawCommand.class,
                    ExpireCommand.class,
                    CertificateCommand.class,
                    AuditCommand.class,
                    EvaluationCommand.class,
                    PublishCommand.class,
                    SplitCommand.class,
                    LogCommand.class,
                    ShowCommand.class,
                    LineageCommand.class,
                    ExportCommand.class,
                    FsckCommand.class,
                    GcCommand.class,
                    PretrainCommand.class,
                    BenchCommand.class,
                    RecordStartCommand.class);

    private Commands() {}

    /** Parsers of all commands. */
    public static List<CommandLine> all() {
        return ALL.stream().map(c -> parser(create(c))).toList();
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
