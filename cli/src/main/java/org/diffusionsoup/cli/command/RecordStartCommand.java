package org.diffusionsoup.cli.command;

import java.io.PrintWriter;
import java.io.Writer;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * What the launcher runs once while the JVM records the classes for its start-up cache: every
 * command's help and the console's parts.
 */
@Command(name = "record-start", hidden = true, description = "Fill the start-up cache.")
final class RecordStartCommand extends SoupCommand {
    @Spec private CommandSpec self;

    @Override
    protected void run(Console console) {
        PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
        CommandLine root = self.parent().commandLine();
        root.usage(nowhere);
        root.printVersionHelp(nowhere);
        for (CommandLine command : root.getSubcommands().values()) {
            command.usage(nowhere);
        }
        new Console(nowhere, nowhere, true, false).result(java.util.Map.of("a", 1), _ -> {});
        try (Progress progress = new Console(nowhere, nowhere, false, false).progress()) {
            progress.start("record", 1, "units");
            progress.advance(1);
        }
    }
}
