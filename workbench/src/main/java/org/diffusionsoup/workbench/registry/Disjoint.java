package org.diffusionsoup.workbench.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.core.io.WorkFolder;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.near.NearDuplicates;

/**
 * Shards that share no picture, which the near-access-freeness of a soup of two ingredients needs
 * (paper, Section 5.1, Proposition 3): whatever one picture is, one of the models never saw it.
 */
public final class Disjoint {
    private Disjoint() {}

    /**
     * Splits a shard's training rows into tars that share no picture: rows of equal or near-equal
     * pictures stay together, then the parts are filled by size, largest group first.
     *
     * @param source what to split
     * @param parts at least 2
     *     <p>The same rows always give the same tars. So a tar that is there already with the very
     *     bytes that would be written is taken: a split that was stopped goes on.
     * @param prefix see {@link #tars}
     * @throws SoupException if something else is at the place of one of the tars; then none is
     *     written
     */
    public static Split split(String source, int parts, Path prefix) {
        List<Path> tars = tars(parts, prefix);
        tars.forEach(OutputKind.TAR::checkOwn);
        Shard rows = ShardRef.parse(source).open().train();
        List<List<Sample>> groups = groups(rows, source);
        if (groups.size() < parts) {
            throw new SoupException(
                    "Shard "
                            + source
                            + " has "
                            + groups.size()
                            + " different pictures, too few for "
                            + parts
                            + " parts.");
        }
        List<List<Sample>> into = new ArrayList<>();
        for (int i = 0; i < parts; i++) {
            into.add(new ArrayList<>());
        }
        groups.sort(
                java.util.Comparator.comparingInt((List<Sample> g) -> -g.size())
                        .thenComparing(g -> g.getFirst().info().sha256()));
        for (List<Sample> g : groups) {
            into.stream()
                    .min(java.util.Comparator.comparingInt(List::size))
                    .orElseThrow()
                    .addAll(g);
        }
        List<Path> missing = new ArrayList<>();
        try (WorkFolder work = WorkFolder.make("soup-split-")) {
            for (int i = 0; i < parts; i++) {
                if (Files.exists(tars.get(i))) {
                    requireSame(tars.get(i), into.get(i), work.path().resolve("part.tar"));
                } else {
                    missing.add(tars.get(i));
                }
            }
        }
        try {
            for (Path tar : missing) {
                ShardWriter.write(tar, into.get(tars.indexOf(tar)));
            }
        } catch (SoupException e) {
            remove(missing);
            throw e;
        }
        return new Split(tars, missing);
    }

    /**
     * What a split has made.
     *
     * @param tars all parts
     * @param written those of them that were not there before
     */
    public record Split(List<Path> tars, List<Path> written) {
        public Split {
            tars = List.copyOf(tars);
            written = List.copyOf(written);
        }
    }

    /**
     * The tars of a split.
     *
     * @param parts at least 2
     * @param prefix of the tars, which become PREFIX-1.tar and so on
     */
    public static List<Path> tars(int parts, Path prefix) {
        if (parts < 2) {
            throw new SoupException("`disjoint` must be at least 2, not " + parts + ".");
        }
        return IntStream.rangeClosed(1, parts)
                .mapToObj(i -> prefix.resolveSibling(prefix.getFileName() + "-" + i + ".tar"))
                .toList();
    }

    /**
     * Refuses a tar that holds something else than it would be written with.
     *
     * @param work for the bytes that it would have
     */
    private static void requireSame(Path tar, List<Sample> rows, Path work) {
        ShardWriter.write(work, rows);
        try {
            if (Files.mismatch(tar, work) >= 0) {
                throw new SoupException(
                        tar
                                + " exists already, with other rows than this split would write there;"
                                + " name another `out`.");
            }
        } catch (IOException e) {
            throw new SoupIoException("read", tar, e);
        }
    }

    /** Deletes tars that a split has written, as far as they are there. */
    public static void remove(List<Path> tars) {
        for (Path tar : tars) {
            try {
                Files.deleteIfExists(tar);
            } catch (IOException e) {
                throw new SoupIoException("delete", tar, e);
            }
        }
    }

    /** Rows whose pictures are equal or near-equal, over any number of steps. */
    private static List<List<Sample>> groups(Shard rows, String source) {
        List<Sample> all = rows.samples();
        int[] root = new int[all.size()];
        List<SampleRow> prints = new ArrayList<>();
        Map<String, Integer> byHash = new HashMap<>();
        for (int i = 0; i < root.length; i++) {
            root[i] = i;
            SampleInfo info = all.get(i).info();
            Integer same = byHash.putIfAbsent(info.sha256(), i);
            if (same != null) {
                root[i] = find(root, same);
            }
            prints.add(
                    new SampleRow(
                            i,
                            info.sha256(),
                            Fingerprint.of(all.get(i).image()).orElse(""),
                            Optional.empty()));
        }
        NearDuplicates found =
                NearDuplicates.between(
                        prints, prints, row -> source, new PictureLikeness(Optional.empty()));
        for (NearDuplicates.Near p : found.near()) {
            root[find(root, (int) p.one().shard())] = find(root, (int) p.other().shard());
        }
        Map<Integer, List<Sample>> groups = new HashMap<>();
        for (int i = 0; i < root.length; i++) {
            groups.computeIfAbsent(find(root, i), k -> new ArrayList<>()).add(all.get(i));
        }
        return new ArrayList<>(groups.values());
    }

    private static int find(int[] root, int i) {
        int r = i;
        while (root[r] != r) {
            r = root[r];
        }
        return r;
    }

    /**
     * What two registered shards share.
     *
     * @param equal hashes of pictures in both
     * @param near pictures that are alike
     */
    public record Overlap(List<String> equal, NearDuplicates near) {
        /** Whether they share nothing, as far as that is known. */
        public boolean isEmpty() {
            return equal.isEmpty() && near.near().isEmpty() && !isUncertain();
        }

        /** Whether nothing was found, but there are pictures that nobody can look at any more. */
        public boolean isUncertain() {
            return equal.isEmpty()
                    && near.near().isEmpty()
                    && near.unread() + near.unmeasured() > 0;
        }
    }

    /** Looks for pictures that two shards share, by the ledger's hashes and by looking at them. */
    public static Overlap overlap(Registry registry, String one, String other) {
        record Two(ShardRow a, ShardRow b, List<SampleRow> inA, List<SampleRow> inB) {}
        Two two =
                registry.read(q -> {
                    ShardRow a = registry.usableShard(q, one);
                    ShardRow b = registry.usableShard(q, other);
                    return new Two(a, b, live(q.samples(a.id())), live(q.samples(b.id())));
                });
        Set<String> hashes = new HashSet<>(two.inA().stream().map(SampleRow::sha256).toList());
        return new Overlap(
                two.inB().stream().map(SampleRow::sha256).filter(hashes::contains).toList(),
                NearDuplicates.between(
                        withHashes(two.inA(), two.a().source()),
                        withHashes(two.inB(), two.b().source()),
                        id -> id == two.a().id() ? two.a().source() : two.b().source(),
                        new PictureLikeness(Optional.empty())));
    }

    /** The same with today's hash in the place of one that an earlier version recorded. */
    private static List<SampleRow> withHashes(List<SampleRow> rows, String source) {
        if (rows.stream().noneMatch(SampleRow::hasOldHash)) {
            return rows;
        }
        Map<String, String> taken = new HashMap<>();
        try {
            Shard pictures = ShardRef.parse(source).open().train();
            for (int i = 0; i < pictures.size(); i++) {
                taken.put(
                        pictures.infos().get(i).sha256(),
                        Fingerprint.of(pictures.get(i).image()).orElse(""));
            }
        } catch (SoupException e) {
            return rows; // gone: the caller counts them
        }
        return rows.stream()
                .map(r ->
                        new SampleRow(
                                r.shard(),
                                r.sha256(),
                                taken.getOrDefault(r.sha256(), r.fingerprint()),
                                r.withdrawn()))
                .toList();
    }

    private static List<SampleRow> live(List<SampleRow> rows) {
        return rows.stream().filter(r -> r.withdrawn().isEmpty()).toList();
    }
}
