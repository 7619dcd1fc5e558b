package org.diffusionsoup.workbench.curate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.ShardParts;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.curate.NearDuplicates;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.PictureScores;

/**
 * Near-duplicates within and across shards, and shards without them.
 *
 * @param found pairs and which rows are superfluous
 * @param written the tars written, none where only a report was asked for
 */
public record Dedup(NearDuplicates.Found found, List<Path> written) {
    public Dedup {
        written = List.copyOf(written);
    }

    /** Rows that near-duplicate an earlier row. */
    public int superfluous() {
        return found.dropped().stream().mapToInt(BitSet::cardinality).sum();
    }

    /**
     * Searches.
     *
     * @param judge whose embeddings must be near, too; empty for pixels alone
     * @param out folder for one tar per shard, without the superfluous rows; empty to write none
     * @param replace whether an existing folder may be replaced
     */
    public static Dedup run(
            List<ShardScan> shards,
            NearDuplicates.Options options,
            Optional<ClipJudge> judge,
            Optional<Path> out,
            boolean replace,
            Progress progress) {
        List<String> names = shards.stream().map(ShardScan::name).toList();
        for (String name : names) {
            if (names.indexOf(name) != names.lastIndexOf(name)) {
                throw new SoupException(
                        "Shards %d and %d are both called '%s', by which what is found is named; leave one out if they are the same, or rename one."
                                .formatted(
                                        names.indexOf(name) + 1,
                                        names.lastIndexOf(name) + 1,
                                        name));
            }
        }
        StageProgress stages = new StageProgress(progress);
        NearDuplicates search = new NearDuplicates(shards, options, stages);
        NearDuplicates.Found found =
                judge.map(clip ->
                                search.find(pictures ->
                                        clip.embedPictures(
                                                pictures.stream()
                                                        .map(PictureScores::picture)
                                                        .toList())))
                        .orElseGet(search::find);
        List<Path> written = new ArrayList<>();
        out.ifPresent(folder -> {
            AtomicFiles.IoConsumer<Path> content =
                    temp -> write(shards, found, temp, folder, written, stages);
            AtomicFiles.writeFolder(folder, OutputKind.TARS, replace, content);
        });
        return new Dedup(found, written);
    }

    private static void write(
            List<ShardScan> shards,
            NearDuplicates.Found found,
            Path temp,
            Path folder,
            List<Path> written,
            StageProgress stages) {
        for (int s = 0; s < shards.size(); s++) {
            BitSet dropped = found.dropped().get(s);
            // A shard whose every picture another one holds has nothing left to write.
            if (dropped.cardinality() < found.rows().get(s)) {
                String file = shards.get(s).name().replaceAll("[^A-Za-z0-9._-]+", "-") + ".tar";
                ShardParts.write(
                        shards.get(s),
                        List.of(temp.resolve(file)),
                        row -> dropped.get(row) ? ShardParts.LEFT_OUT : 0,
                        stages);
                written.add(folder.resolve(file));
            }
        }
    }
}
