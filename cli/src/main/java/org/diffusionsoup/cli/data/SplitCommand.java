package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.WorkFolder;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.AddedShard;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.Disjoint;
import org.diffusionsoup.workbench.registry.RegistryShards;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup split}: shards that share no picture. */
@Command(
        name = "split",
        description = {
            "Make the pairs of shards that protect against memorization: with two ingredients that"
                    + " share no picture, every picture is unknown to one of them.",
            "--disjoint splits a shard's training rows into tars and records each; equal and"
                    + " near-equal pictures stay together. Stopped, the same"
                    + " command goes on. --public and --private check two recorded"
                    + " shards instead. Exit status 1 if they share pictures."
        },
        footer = {
            "  soup split 'shards/emoji#provider=noto' --disjoint 2 --out noto --name noto",
            "  soup split --public openmoji --private acme"
        })
public final class SplitCommand extends SoupCommand {
    @Parameters(
            arity = "0..1",
            paramLabel = "SHARD",
            description = "With --disjoint: what to split, a tar, a view or a recorded shard.")
    private Optional<String> shard = Optional.empty();

    @Option(names = "--disjoint", paramLabel = "N", description = "Number of parts.")
    private Optional<Integer> parts = Optional.empty();

    @Option(
            names = {"-o", "--out"},
            paramLabel = "PREFIX",
            description = "Of the tars: PREFIX-1.tar and so on.")
    private Optional<Path> out = Optional.empty();

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "Of the recorded shards: NAME-1 and so on (default: as PREFIX).")
    private Optional<String> name = Optional.empty();

    @Option(
            names = "--provider",
            paramLabel = "WHO",
            description =
                    "Who gave the pictures (default: as recorded of the shard, or as the rows say).")
    private Optional<String> provider = Optional.empty();

    @Option(
            names = "--licence",
            paramLabel = "NAME",
            description = "The licence (default: as recorded of the shard, or as the rows say).")
    private Optional<String> licence = Optional.empty();

    @Option(
            names = "--readmit",
            paramLabel = "WORDS",
            description =
                    "The new agreement by which pictures that were withdrawn may come back; the"
                            + " ledger keeps it.")
    private Optional<String> readmit = Optional.empty();

    @Option(names = "--public", paramLabel = "SHARD", description = "A recorded shard.")
    private Optional<String> open = Optional.empty();

    @Option(names = "--private", paramLabel = "SHARD", description = "Another.")
    private Optional<String> closed = Optional.empty();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        if (open.isPresent() && open.equals(closed)) {
            throw misuse(
                    "--public and --private are both shard %s, which shares all its pictures with itself; name two shards."
                            .formatted(open.get()));
        }
        if (open.isPresent() && closed.isPresent() && parts.isEmpty()) {
            check(console, registry.openToRead(), open.get(), closed.get());
        } else if (parts.isPresent() && shard.isPresent() && out.isPresent() && open.isEmpty()) {
            split(console, registry.open());
        } else {
            throw misuse("say SHARD --disjoint N --out PREFIX, or --public A --private B.");
        }
    }

    private void split(Console console, Registry r) {
        Path prefix = out.orElseThrow().toAbsolutePath();
        List<Path> tars = Disjoint.tars(parts.orElseThrow(), prefix);
        tars.forEach(registry::checkOutside);
        String names = name.orElse(String.valueOf(prefix.getFileName()));
        for (int i = 1; i <= tars.size(); i++) {
            checkName(r, names + "-" + i, tars.get(i - 1)); // before any tar is written
        }
        Optional<ShardRow> of = RegistryShards.recorded(r, shard.orElseThrow());
        Optional<String> giver = provider.or(() -> of.map(ShardRow::provider));
        Optional<String> terms = licence.or(() -> of.map(ShardRow::licence));
        Disjoint.Split split = write(r, prefix, giver, terms);
        List<ShardRow> made;
        try (Progress progress = console.progress()) {
            List<NewShard> described = new ArrayList<>();
            for (int i = 0; i < tars.size(); i++) {
                described.add(
                        RegistryShards.describe(
                                names + "-" + (i + 1),
                                tars.get(i).toString(),
                                giver,
                                terms,
                                of.map(ShardRow::uses).orElse(""),
                                of.flatMap(ShardRow::expires).map(LocalDate::parse),
                                part -> {
                                    if (!r.read(part::isRecorded)) {
                                        r.checkShard(agreed(part));
                                    }
                                },
                                progress,
                                note -> {})); // what is given was meant
            }
            made =
                    r.addShards(described.stream().map(this::agreed).toList()).stream()
                            .map(AddedShard::shard)
                            .toList();
        } catch (SoupException e) {
            Disjoint.remove(split.written()); // those that nobody knows of
            throw e;
        }
        for (int i = 0; i < made.size(); i++) {
            for (int j = i + 1; j < made.size(); j++) {
                if (!Disjoint.overlap(r, made.get(i).name(), made.get(j).name()).isEmpty()) {
                    throw new SoupException(
                            made.get(i).name() + " and " + made.get(j).name() + " share pictures.");
                }
            }
        }
        List<Map<String, Object>> json = new ArrayList<>();
        made.forEach(s ->
                json.add(
                        Map.of(
                                "name",
                                s.name(),
                                "samples",
                                s.samples(),
                                "source",
                                s.source(),
                                "root",
                                s.root())));
        console.result(
                Map.of("shards", json),
                text ->
                        made.forEach(s ->
                                text.printf(
                                        "shard %s: %s, %s%n",
                                        s.name(),
                                        Quantity.of(s.samples(), "picture"),
                                        s.source())));
    }

    private NewShard agreed(NewShard part) {
        return readmit.map(part::readmitted).orElse(part);
    }

    /**
     * Refuses a name that is taken, unless by a shard of the same tar: that may be this very part,
     * recorded before the command was stopped.
     */
    private static void checkName(Registry r, String part, Path tar) {
        r.read(q -> {
            boolean maybeThis =
                    q.shard(part)
                            .filter(s -> s.withdrawn().isEmpty())
                            .filter(s -> s.source().equals(tar.normalize().toString()))
                            .isPresent();
            if (!maybeThis) {
                Names.checkNewShard(q, part);
            }
            return part;
        });
    }

    private Disjoint.Split write(
            Registry r, Path prefix, Optional<String> giver, Optional<String> terms) {
        // For what is left of a recorded shard of which pictures were withdrawn.
        try (WorkFolder left = WorkFolder.make("soup-split-")) {
            String source = RegistryShards.source(() -> r, shard.orElseThrow(), left.path());
            RegistryShards.requireStated(source, giver, terms);
            return Disjoint.split(source, parts.orElseThrow(), prefix);
        }
    }

    private void check(Console console, Registry r, String a, String b) {
        Disjoint.Overlap o = Disjoint.overlap(r, a, b);
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("public", a);
        json.put("private", b);
        json.put("disjoint", o.isEmpty());
        json.put("equal", o.equal());
        json.put("near_duplicates", o.near().near().size());
        json.put("near_duplicates_unread", o.near().unread() + o.near().unmeasured());
        console.result(
                json,
                text ->
                        text.printf(
                                "%s and %s: %s, %s alike%n",
                                a,
                                b,
                                Plural.of(o.equal().size(), "equal picture"),
                                Plural.of(o.near().near().size(), "pair")));
        if (o.isUncertain()) {
            throw new SoupException(
                    "Whether shards "
                            + a
                            + " and "
                            + b
                            + " share pictures is not known, since pictures of one cannot be read"
                            + " any more; put them back where 'soup show' says that they were.");
        }
        if (!o.isEmpty()) {
            throw new SoupException(
                    "Shards "
                            + a
                            + " and "
                            + b
                            + " share pictures; take them out of one with 'soup withdraw --samples'"
                            + " before relying on their being disjoint.");
        }
    }
}
