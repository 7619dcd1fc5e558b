package org.diffusionsoup.cli.command;

import java.util.List;
import picocli.CommandLine.Command;

/** Every command of {@code soup}, in the order that its help lists them. */
public final class Commands {
    private Commands() {}

    /** New instances of all commands, each annotated with its name. */
    public static List<Object> all() {
        return List.of(
                new DemoCommand(),
                new DataCommand(),
                new TrainCommand(),
                new MakeCommand(),
                new MergeCommand(),
                new AdjustCommand(),
                new CookCommand(),
                new SearchCommand(),
                new ReproduceCommand(),
                new ConvertCommand(),
                new GenerateCommand(),
                new ScoreCommand(),
                new EvaluateCommand(),
                new JudgeCommand(),
                new InspectCommand(),
                new DiffCommand(),
                new VerifyCommand(),
                new InitCommand(),
                new BaseCommand(),
                new ShardCommand(),
                new IngredientCommand(),
                new RegistryCommand(),
                new UpdateCommand(),
                new WithdrawCommand(),
                new ExpireCommand(),
                new CertificateCommand(),
                new EvaluationCommand(),
                new PublishCommand(),
                new SplitCommand(),
                new LogCommand(),
                new ShowCommand(),
                new LineageCommand(),
                new ExportCommand(),
                new FsckCommand(),
                new GcCommand(),
                new PretrainCommand(),
                new BenchCommand(),
                new RecordStartCommand());
    }

    /** The command of a name; empty when there is none. */
    public static List<Object> named(String name) {
        String type = name.replace("-", "") + "Command";
        return all().stream()
                .filter(c -> c.getClass().getSimpleName().equalsIgnoreCase(type))
                .filter(c -> c.getClass().getAnnotation(Command.class).name().equals(name))
                .toList();
    }
}
