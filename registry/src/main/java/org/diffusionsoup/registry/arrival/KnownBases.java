package org.diffusionsoup.registry.arrival;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.store.Manifest;

/** The recorded bases, by what is in their files. */
public final class KnownBases {
    private final Context context;

    public KnownBases(Context context) {
        this.context = context;
    }

    /**
     * The name of the base that a checkpoint is, to be trained from.
     *
     * @throws RegistryException if it is none of the recorded ones, or a shard that expired is in
     *     it
     */
    public String name(Path checkpoint) {
        Map<String, String> files = files(checkpoint);
        return context.read(q -> {
            BaseRow b = base(q, checkpoint, files);
            context.shards().refuseExpired(q, List.of(b.id()));
            return b.name();
        });
    }

    private static Map<String, String> files(Path checkpoint) {
        Map<String, String> files = new TreeMap<>();
        if (DiffusersFolder.isOne(checkpoint)) {
            for (String f : DiffusersFolder.open(checkpoint).weightFiles()) {
                files.put(f, Hashes.sha256(checkpoint.resolve(f)));
            }
        } else {
            files.put(Manifest.SINGLE, Hashes.sha256(checkpoint));
        }
        return files;
    }

    private static BaseRow base(Queries q, Path checkpoint, Map<String, String> files) {
        List<BaseRow> live = q.bases().stream().filter(b -> b.withdrawn().isEmpty()).toList();
        return live.stream()
                .filter(b -> has(q, b.id(), files))
                .findFirst()
                .orElseThrow(() -> new RegistryException(refusal(q, checkpoint, files, live)));
    }

    private static String refusal(
            Queries q, Path checkpoint, Map<String, String> files, List<BaseRow> live) {
        List<String> names = live.stream().map(BaseRow::name).toList();
        Optional<BaseRow> withdrawn =
                q.bases().stream()
                        .filter(b -> b.withdrawn().isPresent() && has(q, b.id(), files))
                        .findFirst();
        if (withdrawn.isPresent()) {
            return checkpoint
                    + " is base '"
                    + withdrawn.get().name()
                    + "', which was withdrawn (entry "
                    + withdrawn.get().withdrawn().orElseThrow()
                    + ") with data that it holds; train from one that is not, "
                    + names
                    + ".";
        }
        Optional<String> model = model(q, files);
        return checkpoint
                + " is "
                + model.map(m -> m + " and ").orElse("")
                + "none of the registry's bases, "
                + names
                + (model.isPresent()
                        ? "; what is trained from it is trained on its data, so train from one of"
                                + " those."
                        : "; record it with 'soup base add NAME " + checkpoint + "'.");
    }

    /** The ingredient or soup, of any version, that has just these files. */
    private static Optional<String> model(Queries q, Map<String, String> files) {
        return Stream.concat(
                        q.ingredients().stream()
                                .filter(i -> has(q, i.id(), files))
                                .map(i -> "ingredient '" + i.name() + "'"),
                        q.soups().stream()
                                .filter(s -> has(q, s.id(), files))
                                .map(s -> "soup " + s.label()))
                .findFirst();
    }

    private static boolean has(Queries q, long entry, Map<String, String> files) {
        return Json.map(q.entry(entry).body(), "files").equals(files);
    }
}
