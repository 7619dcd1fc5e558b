package org.diffusionsoup.workbench.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.OutputKind;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.registry.NearDuplicates;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;

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
     * @param prefix of the tars, which become PREFIX-1.tar and so on
     * @return the tars
     */
    public static List<Path> split(String source, int parts, Path prefix) {
        if (parts < 2) {
            throw new SoupException("--disjoint must be at least 2, not " + parts + ".");
        }
        Shard rows = ShardRef.parse(source).open().train();
        List<List<Sample>> groups = groups(rows);
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
        List<Path> tars = new ArrayList<>();
        for (int i = 0; i < parts; i++) {
            Path tar = prefix.resolveSibling(prefix.getFileName() + "-" + (i + 1) + ".tar");
            OutputKind.TAR.checkNew(tar);
            ShardWriter.write(tar, into.get(i));
            tars.add(tar);
        }
        return tars;
    }

    /** Rows whose pictures are equal or near-equal, over any number of steps. */
    private static List<List<Sample>> groups(Shard rows) {
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
                            java.util.Optional.empty()));
        }
        for (NearDuplicates.Pair p : NearDuplicates.between(prints, prints)) {
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
     * @param near pairs of pictures with like fingerprints
     */
    public record Overlap(List<String> equal, List<NearDuplicates.Pair> near) {
        /** Whether they share nothing. */
        public boolean isEmpty() {
            return equal.isEmpty() && near.isEmpty();
        }
    }

    /** Looks for pictures that two shards share, by the ledger's hashes and fingerprints. */
    public static Overlap overlap(Registry registry, String one, String other) {
        return registry.read(q -> {
            List<SampleRow> a = live(q.samples(registry.usableShard(q, one).id()));
            List<SampleRow> b = live(q.samples(registry.usableShard(q, other).id()));
            Set<String> hashes = new HashSet<>(a.stream().map(SampleRow::sha256).toList());
            return new Overlap(
                    b.stream().map(SampleRow::sha256).filter(hashes::contains).toList(),
                    NearDuplicates.between(a, b));
        });
    }

    private static List<SampleRow> live(List<SampleRow> rows) {
        return rows.stream().filter(r -> r.withdrawn().isEmpty()).toList();
    }
}
