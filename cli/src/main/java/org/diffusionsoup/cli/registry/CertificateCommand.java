package org.diffusionsoup.cli.registry;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.registry.ledger.Json;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup certificate}: of a withdrawal, again. */
@Command(
        name = "certificate",
        description = "Write the certificate of a withdrawal again, signed now.",
        footer = {"  soup certificate 27 -o certificate.json", "  soup certificate 27"})
public final class CertificateCommand extends SoupCommand {
    @Parameters(paramLabel = "ENTRY", description = "Number of the withdrawal's entry.")
    private long entry;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            description = "Where to write it (default: the output).")
    private Optional<Path> out = Optional.empty();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        out.ifPresent(OutputKind.JSON::checkNew);
        out.ifPresent(registry::checkOutside);
        String text = Json.pretty(registry.open().certificate(entry));
        if (out.isPresent()) {
            AtomicFiles.write(out.get(), text.getBytes(StandardCharsets.UTF_8));
            console.result(
                    java.util.Map.of("certificate", out.get().toString()),
                    t -> t.println(out.get() + ": certificate of entry " + entry));
        } else {
            console.result(JsonMappers.PLAIN.readTree(text), t -> t.print(text));
        }
    }
}
