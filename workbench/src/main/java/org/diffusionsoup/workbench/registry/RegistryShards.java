package org.diffusionsoup.workbench.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Dataset;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.Merkle;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.workbench.Progress;

/** Between shards as files and shards as the registry records them. */
public final class RegistryShards {
    private RegistryShards() {}

    /**
     * What a shard is recorded with: its training rows, each with the hash of its image file and a
     * fingerprint of its pixels, and a hash of all with their texts. Its rows state provider and
     * licence, unless they are given.
     *
     * @param source as {@code soup train --shard} takes it
     * @param check given the shard, but for its fingerprints, before they are taken: to refuse what
     *     the registry would refuse after minutes of reading
     * @param note told where rows state another provider or licence than is given
     * @throws SoupException if rows state different providers or licences and none is given
     */
    public static NewShard describe(
            String name,
            String source,
            Optional<String> provider,
            Optional<String> licence,
            String uses,
            Optional<LocalDate> expires,
            Consumer<NewShard> check,
            Progress progress,
            Consumer<String> note) {
        ShardRef ref = ShardRef.parse(source);
        Shard all = ref.open();
        ShardRef absolute = new ShardRef(ref.path().toAbsolutePath().normalize(), ref.terms());
        Shard rows = trainingRows(all, source);
        if (rows.size() < all.size()) {
            int heldOut = all.size() - rows.size();
            note.accept(
                    "%s of %s %s recorded: no model learns from %s."
                            .formatted(
                                    Plural.of(heldOut, "held-out row"),
                                    source,
                                    heldOut == 1 ? "is not" : "are not",
                                    heldOut == 1 ? "it" : "them"));
        }
        NewShard shard =
                new NewShard(
                                name,
                                provider.orElseGet(
                                        () -> one(rows, SampleInfo::provider, "`provider`", name)),
                                licence.orElseGet(
                                        () -> one(rows, SampleInfo::licence, "`licence`", name)),
                                uses,
                                expires,
                                absolute.toString(),
                                rows.infos().stream()
                                        .map(i -> new NewShard.Sample(i.sha256(), ""))
                                        .toList())
                        .ofTexts(rows.textsSha256());
        check.accept(shard);
        List<NewShard.Sample> samples = new ArrayList<>();
        progress.start("fingerprint " + name, rows.size(), "images");
        for (int i = 0; i < rows.size(); i++) {
            samples.add(
                    new NewShard.Sample(
                            rows.infos().get(i).sha256(),
                            Fingerprint.of(rows.get(i).image()).orElse("")));
            progress.advance(1);
        }
        otherWords(source, rows, shard).ifPresent(note);
        return shard.with(samples);
    }

    /**
     * Refuses a shard that {@link #describe} would refuse for what its rows state, before anything
     * is made of it.
     *
     * @throws SoupException if rows state different providers or licences and none is given
     */
    public static void requireStated(
            String source, Optional<String> provider, Optional<String> licence) {
        Shard rows = trainingRows(source);
        if (provider.isEmpty()) {
            one(rows, SampleInfo::provider, "`provider`", source);
        }
        if (licence.isEmpty()) {
            one(rows, SampleInfo::licence, "`licence`", source);
        }
    }

    /** What rows say of themselves that differs from what is recorded, in a sentence. */
    private static Optional<String> otherWords(String source, Shard rows, NewShard recorded) {
        List<SampleInfo> infos = rows.infos();
        List<String> said = new ArrayList<>();
        other("provider", infos.stream().map(SampleInfo::provider), recorded.provider())
                .ifPresent(said::add);
        other("licence", infos.stream().map(SampleInfo::licence), recorded.licence())
                .ifPresent(said::add);
        return said.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        "Rows of %s state %s; the ledger has %s, %s, as you say."
                                .formatted(
                                        source,
                                        String.join(", ", said),
                                        recorded.provider(),
                                        recorded.licence()));
    }

    private static Optional<String> other(String what, Stream<String> stated, String recorded) {
        Set<String> others = new TreeSet<>(stated.toList());
        others.removeIf(s -> s.isBlank() || s.equalsIgnoreCase(recorded));
        return others.isEmpty()
                ? Optional.empty()
                : Optional.of("the " + what + " " + String.join(" and ", others));
    }

    private static Shard trainingRows(String source) {
        return trainingRows(ShardRef.parse(source).open(), source);
    }

    private static Shard trainingRows(Shard all, String source) {
        Shard rows = all.train();
        if (rows.size() == 0) {
            throw new SoupException(
                    "shard " + source + " has no training rows; choose another `data`.");
        }
        return rows;
    }

    private static String one(
            Shard rows, Function<SampleInfo, String> field, String flag, String name) {
        Set<String> values = new TreeSet<>(rows.infos().stream().map(field).toList());
        if (values.size() != 1) {
            throw new SoupException(
                    "The rows of shard "
                            + name
                            + " state "
                            + values
                            + "; say which it is with "
                            + flag
                            + ", or make a shard of each.");
        }
        return values.iterator().next();
    }

    /**
     * A registered shard as {@code soup train} may use it.
     *
     * @param work folder for a tar without withdrawn samples, where there are any
     * @return a text for {@link ShardRef}
     * @throws SoupException if the shard is withdrawn or expired, or its pictures or, where the
     *     ledger knows them, its texts are not those that were recorded
     */
    public static String usable(Registry registry, String name, Path work) {
        record Facts(ShardRow row, Optional<String> textsSha256, Set<String> withdrawn) {}
        Facts f =
                registry.read(q -> {
                    ShardRow row = registry.usableShard(q, name);
                    Set<String> gone = new HashSet<>();
                    for (SampleRow s : q.samples(row.id())) {
                        s.withdrawn().ifPresent(w -> gone.add(s.sha256()));
                    }
                    return new Facts(row, q.textsSha256(row.id()), gone);
                });
        Shard rows = recordedRows(name, f.row().source(), f.row().root(), f.textsSha256());
        return f.withdrawn().isEmpty()
                ? f.row().source()
                : without(name, rows, f.withdrawn(), work.resolve(name + ".tar"));
    }

    /**
     * The training rows that lie where a shard lay when it was recorded.
     *
     * @param root Merkle root of the pictures that it was recorded with
     * @param textsSha256 hash of its pictures with their texts; empty where the ledger has none
     * @throws SoupException if they are not there, or are others by now
     */
    static Shard recordedRows(
            String name, String source, String root, Optional<String> textsSha256) {
        Shard rows = trainingRows(source);
        List<String> hashes = rows.infos().stream().map(SampleInfo::sha256).toList();
        if (!Merkle.root(hashes).equals(root)) {
            throw new SoupException(
                    "The pictures in "
                            + source
                            + " are not those that shard '"
                            + name
                            + "' was recorded with; restore them, or add what is there now as"
                            + " another shard.");
        }
        if (textsSha256.isPresent() && !rows.textsSha256().equals(textsSha256.get())) {
            throw new SoupException(
                    "The rows in "
                            + source
                            + " have the pictures that shard '"
                            + name
                            + "' was recorded with, but other texts (captions, names or styles);"
                            + " restore them, or add what is there now as another"
                            + " shard.");
        }
        return rows;
    }

    /**
     * Data as commands name it: a path, or a recorded shard by its name where no data lies at that
     * path. A model's folder may well have the name of the shard that it was trained on.
     *
     * @param registry opened only where it is asked
     * @param work for a tar of what is left of a shard
     * @return a source to be opened
     * @throws SoupException as {@link #usable}
     */
    public static String source(Supplier<Registry> registry, String text, Path work) {
        Path path = ShardRef.parse(text).path();
        if (Files.isRegularFile(path) || Dataset.isOne(path)) {
            return text;
        }
        Registry r = registry.get();
        return r.read(q -> q.shard(text)).isPresent() ? usable(r, text, work) : text;
    }

    /**
     * The recorded shard that is named, or whose pictures are those of the data that lies there:
     * its terms are those of all that is cut from it.
     */
    public static Optional<ShardRow> recorded(Registry registry, String text) {
        Path path = ShardRef.parse(text).path();
        boolean isData = Files.isRegularFile(path) || Dataset.isOne(path);
        Optional<String> name = isData ? nameOf(registry, trainingRows(text)) : Optional.of(text);
        return name.flatMap(n -> registry.read(q -> q.shard(n)));
    }

    /**
     * The recorded shard that has exactly these pictures and is not withdrawn.
     *
     * @param rows training rows
     * @return its name; empty if there is none
     */
    public static Optional<String> nameOf(Registry registry, Shard rows) {
        return nameOf(registry, rows, "");
    }

    /**
     * The same where several shards may have these pictures.
     *
     * @param rows training rows; of a shard of which pictures were withdrawn all that are left, and
     *     no other
     * @param named the shard that is meant where it is one of these
     */
    public static Optional<String> nameOf(Registry registry, Shard rows, String named) {
        return namesOf(registry, rows).stream().min(Comparator.comparing(n -> !n.equals(named)));
    }

    /** All of them, in the ledger's order. */
    static List<String> namesOf(Registry registry, Shard rows) {
        List<String> hashes = rows.infos().stream().map(SampleInfo::sha256).toList();
        String root = Merkle.root(hashes);
        Set<String> all = Set.copyOf(hashes);
        return registry.read(q -> {
            Map<Long, Long> lost = q.withdrawnPictures();
            return q.shards().stream()
                    .filter(s -> s.withdrawn().isEmpty())
                    .filter(s ->
                            lost.containsKey(s.id())
                                    ? all.equals(left(q, s))
                                    : s.root().equals(root))
                    .map(ShardRow::name)
                    .toList();
        });
    }

    private static Set<String> left(Queries q, ShardRow shard) {
        return q.samples(shard.id()).stream()
                .filter(s -> s.withdrawn().isEmpty())
                .map(SampleRow::sha256)
                .collect(Collectors.toSet());
    }

    /**
     * A shard without some pictures, as a tar.
     *
     * @param name that it is recorded under
     * @param rows all of it
     * @throws SoupException if nothing would be left
     */
    static String without(String name, Shard rows, Set<String> gone, Path tar) {
        Shard rest = rows.filter(i -> !gone.contains(i.sha256()));
        if (rest.size() == 0) {
            throw new SoupException(
                    "Nothing is left of shard '"
                            + name
                            + "'; withdraw it as a whole ('soup withdraw "
                            + name
                            + "').");
        }
        ShardWriter.write(tar, rest.samples());
        return tar.toString();
    }
}
