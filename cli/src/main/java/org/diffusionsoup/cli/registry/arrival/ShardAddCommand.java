package org.diffusionsoup.cli.registry.arrival;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.AddedShard;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.near.NearDuplicates;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.PictureLikeness;
import org.diffusionsoup.workbench.registry.RegistryShards;
import org.diffusionsoup.workbench.registry.ReturningPictures;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup shard add}. */
@Command(
        name = "add",
        description = {
            "Record a shard: provider, licence, uses, expiry, and the hash of every picture that may"
                    + " be trained on.",
            "Every row needs a caption; pictures that other shards hold too, or hold alike, are"
                    + " counted."
        },
        footer = {
            "  soup shard add noto --data 'shards/emoji#provider=noto'",
            "  soup shard add acme --data acme.tar --provider acme --licence LicenseRef-Acme --uses"
                    + " 'research only' --expires 2027-06-30"
        })
final class ShardAddCommand extends SoupCommand {
    @Parameters(paramLabel = "NAME", description = "What to call it, for ever.")
    private String name = "";

    @Option(
            names = "--data",
            required = true,
            paramLabel = "SHARD",
            description = "A tar, or a view as DATASET#domain=animals.")
    private String data = "";

    @Option(
            names = "--provider",
            paramLabel = "WHO",
            description = "Who gave the pictures (default: as the rows say).")
    private Optional<String> provider = Optional.empty();

    @Option(
            names = "--licence",
            paramLabel = "NAME",
            description = "The licence (default: as the rows say).")
    private Optional<String> licence = Optional.empty();

    @Option(
            names = "--uses",
            defaultValue = "",
            paramLabel = "WORDS",
            description = "Permitted uses beyond or below the licence.")
    private String uses = "";

    @Option(
            names = "--expires",
            paramLabel = "DATE",
            description = "The last day it may be used, as 2027-06-30; 'soup expire' acts on it.")
    private Optional<LocalDate> expires = Optional.empty();

    @Option(
            names = "--readmit",
            paramLabel = "WORDS",
            description =
                    "Under what new agreement pictures come back that were withdrawn before, for the"
                            + " ledger; without it they are refused.")
    private Optional<String> readmit = Optional.empty();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    private static Map<String, Object> json(ReturningPictures.Returning p) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("row", p.row());
        json.put("picture", p.sha256());
        json.put("withdrawn", p.withdrawn());
        json.put("shard", p.shard());
        json.put("bits", p.bits());
        p.difference().ifPresent(d -> json.put("difference", d));
        return json;
    }

    private NewShard agreed(NewShard shard) {
        return readmit.map(shard::readmitted).orElse(shard);
    }

    @Override
    protected void run(Console console) {
        Registry r = registry.open();
        AddedShard added;
        List<String> notes = new ArrayList<>();
        r.read(q -> {
            Names.checkNewShard(q, name); // before the shard is so much as opened
            return true;
        });
        try (Progress progress = console.progress()) {
            NewShard shard =
                    RegistryShards.describe(
                            name,
                            data,
                            provider,
                            licence,
                            uses,
                            expires,
                            stated -> r.checkShard(agreed(stated)),
                            progress,
                            notes::add);
            added = r.addShard(agreed(shard));
        }
        notes.forEach(console::note);
        ShardRow s = added.shard();
        Map<String, Long> copies = new TreeMap<>();
        Map<String, Long> near = new TreeMap<>();
        record Others(
                Map<Long, String> names,
                Map<Long, String> sources,
                List<SampleRow> own,
                List<SampleRow> rest) {}
        Others o =
                r.read(q -> {
                    Map<Long, String> names = new TreeMap<>();
                    Map<Long, String> sources = new TreeMap<>();
                    q.shards()
                            .forEach(x -> {
                                names.put(x.id(), x.name());
                                sources.put(x.id(), x.source());
                            });
                    return new Others(
                            names,
                            sources,
                            q.samples(s.id()),
                            q.fingerprinted().stream().filter(x -> x.shard() != s.id()).toList());
                });
        added.copies()
                .forEach(c -> copies.merge(o.names().getOrDefault(c.shard(), ""), 1L, Long::sum));
        NearDuplicates found =
                NearDuplicates.between(
                        o.own(),
                        o.rest(),
                        id -> o.sources().getOrDefault(id, ""),
                        new PictureLikeness(Optional.empty()));
        found.near()
                .forEach(p ->
                        near.merge(o.names().getOrDefault(p.other().shard(), ""), 1L, Long::sum));
        List<ReturningPictures.Returning> returning =
                ReturningPictures.of(r, s, new PictureLikeness(Optional.empty()));
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("entry", s.id());
        json.put("name", s.name());
        json.put("provider", s.provider());
        json.put("licence", s.licence());
        json.put("samples", s.samples());
        json.put("root", s.root());
        json.put("copies", copies);
        json.put("near_duplicates", near);
        json.put("near_duplicates_unread", found.unread());
        json.put("like_withdrawn", returning.stream().map(ShardAddCommand::json).toList());
        console.result(
                json,
                text -> {
                    text.printf(
                            "shard %s, entry %d: %s of %s, %s%n",
                            s.name(),
                            s.id(),
                            Quantity.of(s.samples(), "picture"),
                            s.provider(),
                            s.licence());
                    copies.forEach((other, n) ->
                            text.printf(
                                    "  %s in shard %s too%n",
                                    Plural.of(n, "of them is", "of them are"), other));
                    near.forEach((other, n) ->
                            text.printf(
                                    "  %s of shard %s%n",
                                    Plural.of(n, "looks like a picture", "look like pictures"),
                                    other));
                    if (!returning.isEmpty()) {
                        text.println(
                                "  Warning: " + ReturningPictures.warning(s.name(), returning));
                    }
                    if (found.unread() > 0) {
                        text.printf(
                                "  %d may look like others that could not be read%n",
                                found.unread());
                    }
                });
    }
}
