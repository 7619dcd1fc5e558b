package org.diffusionsoup.workbench.evaluate;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.KeptFiles;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.data.scene.DamagedRows;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.workbench.Progress;

/**
 * The shards that a recipe makes: a part of another shard's rows, chosen at random, and their
 * pictures damaged where a grade is given. A tar is named by the hash of all it is made of.
 */
final class RecipeShards {
    /**
     * A shard to be made.
     *
     * @param of the shard whose rows it takes
     * @param first part, from 1
     * @param last part, at most {@code parts}
     * @param parts that the rows are dealt into
     * @param grade of the damage; empty for pictures as they are
     * @param unstyled whether captions lose the words that say the style
     * @param seed of the dealing and the damage
     */
    record Spec(
            String of,
            int first,
            int last,
            int parts,
            Optional<Tier> grade,
            boolean unstyled,
            long seed) {}

    private final Path folder;
    private final KeptFiles kept;
    private final Progress progress;

    /**
     * @param folder of the tars
     * @param kept of the cache that holds the folder
     */
    RecipeShards(Path folder, KeptFiles kept, Progress progress) {
        this.folder = folder;
        this.kept = kept;
        this.progress = progress;
    }

    /** Makes those that are not there; paths of the tars by name. */
    Map<String, Path> make(Map<String, Spec> specs) {
        Map<String, Path> made = new LinkedHashMap<>();
        specs.forEach((name, spec) -> made.put(name, make(name, spec)));
        return made;
    }

    private Path make(String name, Spec spec) {
        Shard whole = ShardRef.parse(spec.of()).open().train();
        String identity =
                "shard\n%s\n%d %d %d %s %s %d"
                        .formatted(
                                whole.sha256(),
                                spec.first(),
                                spec.last(),
                                spec.parts(),
                                spec.grade().map(Enum::name).orElse(""),
                                spec.unstyled(),
                                spec.seed());
        String hash = Hashes.sha256Hex(identity.getBytes(StandardCharsets.UTF_8));
        Path tar = folder.resolve(ModelMaker.fileName(name, hash) + ".tar");
        if (kept.has(tar)) {
            return tar;
        }
        List<Integer> rows = new ArrayList<>();
        for (int i = 0; i < whole.size(); i++) {
            rows.add(i);
        }
        Collections.shuffle(rows, new Random(spec.seed()));
        List<Integer> chosen =
                rows.subList(
                        rows.size() * (spec.first() - 1) / spec.parts(),
                        rows.size() * spec.last() / spec.parts());
        if (chosen.isEmpty()) {
            throw new SoupException(
                    "Shard %s of the recipe would be empty: %s has %d rows for %d parts."
                            .formatted(name, spec.of(), whole.size(), spec.parts()));
        }
        progress.start("make shard " + name, chosen.size(), "images");
        List<Sample> samples = new ArrayList<>();
        for (int i : chosen.stream().sorted().toList()) {
            samples.add(row(whole.get(i), spec));
            progress.advance(1);
        }
        ShardWriter.write(tar, samples);
        kept.keep(tar);
        return tar;
    }

    private static Sample row(Sample row, Spec spec) {
        Sample plain = spec.unstyled() ? new Sample(row.info().withoutStyle(), row.png()) : row;
        return spec.grade()
                .map(grade -> new DamagedRows(grade, 0, spec.seed()).apply(plain))
                .orElse(plain);
    }
}
