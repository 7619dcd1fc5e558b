package org.diffusionsoup.cli.command;

import java.util.List;
import picocli.CommandLine.Command;

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
                    ReproduceCommand.class,
                    ConvertCommand.class,
                    GenerateCommand.class,
                    ScoreCommand.class,
                    EvaluateCommand.class,
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

    /** New instances of all commands, each annotated with its name. */
    public static List<Object> all() {
        return ALL.stream().map(Commands::create).toList();
    }

    /** The command of a name; empty when there is none. */
    public static List<Object> named(String name) {
        String type = name.replace("-", "") + "Command";
        for (Class<?> c : ALL) {
            if (c.getSimpleName().equalsIgnoreCase(type)
                    && c.getAnnotation(Command.class).name().equals(name)) {
                return List.of(create(c));
            }
        }
        return List.of();
    }

    private static Object create(Class<?> command) {
        try {
            return command.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(command + " has no constructor without arguments", e);
        }
    }
}
