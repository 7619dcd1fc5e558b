package org.diffusionsoup.cli.registry;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.registry.Registry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup init}: an empty registry. */
@Command(
        name = "init",
        description = {
            "Make an empty registry: a signed ledger of who is in what, and a store of weights.",
            "Its secret key stays in DIR/registry.key, readable by its owner alone; give"
                    + " DIR/registry.pub to whoever is to check certificates."
        },
        footer = {
            "  soup init",
            "  soup init --registry /srv/soups --ledger jdbc:postgresql://db/soups"
        })
public final class InitCommand extends SoupCommand {
    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Option(
            names = "--ledger",
            paramLabel = "URL",
            description =
                    "A PostgreSQL database of its own for the ledger; passwords come from ~/.pgpass"
                            + " (default: SQLite in DIR).")
    private Optional<String> ledger = Optional.empty();

    @Override
    protected void run(Console console) {
        Registry r = Registry.init(registry.folder(), ledger);
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("registry", r.folder().toString());
        json.put("key", r.publicKey().id());
        console.result(
                json,
                text -> {
                    text.println(r.folder() + ": a new registry");
                    text.println("key " + r.publicKey().id());
                    text.println(
                            "  registry.key signs, and stays secret: keep a copy in another place."
                                    + " registry.pub is for whoever checks certificates.");
                    text.println(
                            "  next: soup base add NAME WEIGHTS, then soup shard add NAME --data SHARD");
                });
    }
}
