package org.diffusionsoup.cli.judge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.ledger.Json;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup evaluation add}. */
@Command(
        name = "add",
        description = "Record what was measured of a soup's current version.",
        footer = {
            "  soup evaluation add everyone --what review --passed --result review.pdf",
            "  soup evaluation add everyone --what review --failed"
        })
final class EvaluationAddCommand extends SoupCommand {
    @Parameters(paramLabel = "SOUP", description = "The soup.")
    private String soup = "";

    @Option(
            names = "--what",
            required = true,
            paramLabel = "NAME",
            description =
                    "What was looked at, such as review; 'soup publish --require' asks for it. Audits"
                            + " are recorded by 'soup audit'.")
    private String what = "";

    @ArgGroup(multiplicity = "1")
    private Outcome outcome = new Outcome();

    /** One of the two. */
    private static final class Outcome {
        @Option(names = "--passed", description = "It is good enough.")
        private boolean passed;

        @Option(names = "--failed", description = "It is not.")
        private boolean failed;
    }

    @Option(
            names = "--result",
            paramLabel = "FILE",
            description = "The result itself; its hash is recorded.")
    private Optional<Path> result = Optional.empty();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        if (what.strip().equalsIgnoreCase(Requirement.Audit.WHAT)) {
            throw misuse(
                    "--what "
                            + what
                            + " would read like an audit, which 'soup audit --soup' measures and"
                            + " records; choose another word.");
        }
        Json.Builder body = Json.object();
        if (result.isPresent()) {
            body.put("file", String.valueOf(result.get().getFileName()))
                    .put("size", Files.size(result.get()))
                    .put("sha256", Hashes.sha256(result.get()));
        }
        boolean passed = outcome.passed && !outcome.failed;
        long entry = registry.open().evaluate(soup, what, passed, body.build());
        console.result(
                Map.of("entry", entry, "soup", soup, "what", what, "passed", passed),
                text ->
                        text.printf(
                                "evaluation, entry %d: %s of %s %s%n",
                                entry, what, soup, passed ? "passed" : "failed"));
    }
}
