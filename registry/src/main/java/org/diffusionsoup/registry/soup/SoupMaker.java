package org.diffusionsoup.registry.soup;

import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupAdjuster;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.soup.SumStep;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.Adjusted;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.StoreException;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.ContentHashes;
import org.diffusionsoup.registry.weights.IngredientCheck;
import org.diffusionsoup.registry.weights.KeptWeights;

/**
 * Averages stored checkpoints into a stored checkpoint: afresh, or from a kept exact sum by reading
 * only it and what changes. Both give the same bytes.
 */
public final class SoupMaker {
    /**
     * An ingredient to average.
     *
     * @param name goes into the soup's header
     * @param checkpoint in the store
     */
    public record Part(String name, String checkpoint, Coefficient coefficient) {}

    /**
     * A soup that exists, as a place to start from.
     *
     * @param parts what it was made of; those to be removed must still be in the store
     * @param sumHashes SHA-256 of the files of its kept sum, as the ledger has them; empty: none
     */
    public record Start(String checkpoint, List<Part> parts, Map<String, String> sumHashes) {
        /** A soup as its entry tells it. */
        public static Start of(Queries q, SoupRow soup) {
            JsonObject body = q.entry(soup.id()).body();
            List<Part> parts =
                    Json.objects(body, "ingredients").stream()
                            .map(m ->
                                    new Part(
                                            Json.string(m, "name"),
                                            Json.string(m, "checkpoint"),
                                            Coefficient.parse(Json.string(m, "coefficient"))))
                            .toList();
            return new Start(soup.checkpoint(), parts, Json.map(body, "sum"));
        }
    }

    /**
     * What was made.
     *
     * @param how {@code averaged} or {@code adjusted}
     * @param contents by what recipes will name it: {@link ContentHashes}
     */
    public record Made(
            String checkpoint,
            SortedMap<String, String> sumHashes,
            String how,
            SortedSet<String> contents) {
        private Made(String checkpoint, SortedMap<String, String> sumHashes, String how) {
            this(checkpoint, sumHashes, how, new TreeSet<>());
        }
    }

    private final WeightStore store;
    private final SoupOptions options;

    public SoupMaker(WeightStore store, SoupOptions options) {
        this.store = store;
        this.options = options;
    }

    /**
     * Makes a soup in the store.
     *
     * @param session the store's, held until the ledger names what was made
     * @param keepSum whether its exact sum is kept beside it
     * @param start a soup to start from, where that may be quicker
     */
    public Made make(
            WeightStore.Session session, List<Part> parts, boolean keepSum, Optional<Start> start) {
        if (parts.isEmpty()) {
            throw new SoupException("A soup needs at least one ingredient.");
        }
        Path work = session.work().resolve(UUID.randomUUID().toString());
        SoupOptions o = options.withKeepSum(keepSum);
        Optional<Made> adjusted =
                start.filter(s -> changes(s, parts) < parts.size())
                        .flatMap(s -> tryAdjust(s, parts, work, o));
        Made made = adjusted.orElseGet(() -> afresh(parts, start, work, o));
        SortedSet<String> contents =
                ContentHashes.ofNew(
                        store,
                        store.manifest(made.checkpoint()),
                        Optional.of(store.manifest(parts.getFirst().checkpoint())));
        return new Made(made.checkpoint(), made.sumHashes(), made.how(), contents);
    }

    /** The sum that is kept may do without an ingredient that is damaged and stays. */
    private Made afresh(List<Part> parts, Optional<Start> start, Path work, SoupOptions o) {
        try {
            return stored(average(parts, work.resolve("afresh"), o), "averaged");
        } catch (StoreException e) {
            return start.flatMap(s -> tryAdjust(s, parts, work.resolve("instead"), o))
                    .orElseThrow(() -> e);
        }
    }

    private Made stored(Path out, String how) {
        String id = store.put(out);
        Path sum = out.resolveSibling(out.getFileName() + ".sum");
        SortedMap<String, String> hashes =
                Files.isDirectory(sum) ? store.keepSum(sum, id) : new TreeMap<>();
        return new Made(id, hashes, how);
    }

    /**
     * From the kept sum, if that can be done; empty where something that only this way needs is
     * missing or damaged, the ingredient that leaves above all: averaging the rest needs none of
     * it, and says itself what else it cannot read.
     */
    private Optional<Made> tryAdjust(Start start, List<Part> parts, Path work, SoupOptions o) {
        try {
            if (!canAdjust(start, parts)) {
                return Optional.empty();
            }
            Optional<Made> once = o.keepSum() ? inOnePass(start, parts, work) : Optional.empty();
            if (once.isPresent()) {
                return once;
            }
            // A damaged sum would give a wrong soup; averaging afresh needs none.
            if (!WeightStore.sumHashes(store.sum(start.checkpoint()))
                    .equals(new TreeMap<>(start.sumHashes()))) {
                return Optional.empty();
            }
            Path out = out(parts, work);
            adjust(start, parts, work, out, o);
            return Optional.of(stored(out, "adjusted"));
        } catch (SoupException e) {
            return Optional.empty();
        }
    }

    /**
     * From the kept sum to the store in one pass; empty where the checkpoints lie in files in
     * another way than it can follow.
     */
    private Optional<Made> inOnePass(Start start, List<Part> parts, Path work) {
        if (!store.hasSumBut(start.checkpoint(), start.sumHashes())) {
            throw new SoupException("The sum of " + start.checkpoint() + " is not as it was.");
        }
        Path pass = work.resolve("pass");
        Map<Path, StoredFile> stored = new HashMap<>(files(start.checkpoint(), old(pass)));
        SoupAdjuster.Request request =
                request(
                        start,
                        parts,
                        pass,
                        (id, to) -> {
                            stored.putAll(files(id, to));
                            return store.rebuildOutline(id, to);
                        },
                        out(parts, pass));
        Map<Path, String> hashes = new HashMap<>();
        stored.forEach((file, f) -> hashes.put(file, f.sha256()));
        SoupOptions o = options.withKeepSum(true).withHashes(HashCache.known(hashes));
        List<Made> made = new ArrayList<>();
        try {
            new SoupAdjuster(o)
                    .exactly(
                            request,
                            step -> {
                                long all = elements(step);
                                AtomicLong done = new AtomicLong();
                                Adjusted a =
                                        store.adjust(
                                                start.checkpoint(),
                                                start.sumHashes(),
                                                step,
                                                stored,
                                                pass.resolve("sum"),
                                                o.threads(),
                                                n ->
                                                        o.progress()
                                                                .update(
                                                                        "adjusting",
                                                                        done.addAndGet(n),
                                                                        all));
                                made.add(new Made(a.checkpoint(), a.sumHashes(), "adjusted"));
                            });
        } catch (SumStep.NotInOnePass e) {
            return Optional.empty();
        }
        return Optional.of(made.getFirst());
    }

    private static long elements(SumStep step) {
        return step.parts().stream()
                .flatMap(p -> p.tensors().stream())
                .mapToLong(SumStep.Tensor::elements)
                .sum();
    }

    /** What the files of a checkpoint that is rebuilt in a folder are in the store. */
    private Map<Path, StoredFile> files(String id, Path target) {
        Map<Path, StoredFile> files = new HashMap<>();
        for (StoredFile f : store.manifest(id).files()) {
            files.put(target.resolve(f.path()).toAbsolutePath().normalize(), f);
        }
        return files;
    }

    /** Where the old soup's outline is rebuilt. */
    private static Path old(Path work) {
        return work.resolve("old");
    }

    /** Averages afresh into another store. */
    public Made replay(WeightStore.Session session, List<Part> parts, WeightStore into) {
        Path work = session.work().resolve(UUID.randomUUID().toString());
        Path out = average(parts, work, options.withKeepSum(false));
        return new Made(into.put(out), new TreeMap<>(), "averaged");
    }

    private Path average(List<Part> parts, Path work, SoupOptions o) {
        List<SoupIngredient> in = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            Part p = parts.get(i);
            try {
                Path rebuilt = store.rebuild(p.checkpoint(), work.resolve("in" + i));
                in.add(new SoupIngredient(p.name(), rebuilt, p.coefficient()));
            } catch (StoreException e) {
                throw new StoreException(
                        "The weights of " + label(p) + " are damaged: " + e.getMessage(), e);
            }
        }
        Path out = out(parts, work);
        try {
            Souper.with(o).make(in, out);
        } catch (SoupException e) {
            throw byName(parts, in, e);
        }
        return out;
    }

    /**
     * A failure told of ingredients by their names: the files that were averaged are gone when it
     * is read, and options of 'soup merge' are none of a registry's commands.
     */
    private SoupException byName(List<Part> parts, List<SoupIngredient> in, SoupException e) {
        if (e instanceof SoupIoException) {
            return e; // of the disk, not of the ingredients
        }
        try {
            Path outlines = in.getFirst().path().resolveSibling("outlines");
            for (Part p : parts) {
                Optional<String> why = whyNot(parts.getFirst(), p, outlines);
                if (why.isPresent()) {
                    return new RegistryException(
                            "Ingredient '"
                                    + p.name()
                                    + "'"
                                    + why.get()
                                    + "' takes it out of what is made from then on, and leaves its"
                                    + " shard.");
                }
            }
        } catch (SoupException again) {
            // Then the failure as it came.
        }
        String text = String.valueOf(e.getMessage());
        for (int i = 0; i < parts.size(); i++) {
            text = text.replace(in.get(i).path().toString(), label(parts.get(i)));
        }
        return text.equals(e.getMessage()) ? e : new RegistryException(text, e);
    }

    /** Why an ingredient is in no average with another, and a command that helps, unfinished. */
    private Optional<String> whyNot(Part with, Part p, Path outlines) {
        IngredientCheck check =
                new IngredientCheck(store, outlines.resolve("of-" + UUID.randomUUID()));
        return check.difference(with.checkpoint(), label(with), p.checkpoint(), label(p))
                .map(d ->
                        " cannot be averaged with "
                                + label(with)
                                + ": "
                                + d
                                + "; if one of the two is wrong, 'soup ingredient retire NAME"
                                + " `reason` WORDS")
                .or(() ->
                        check.nonFinite(p.checkpoint())
                                .map(w ->
                                        " can be in no average: "
                                                + w
                                                + "; 'soup ingredient retire "
                                                + p.name()
                                                + " `reason` WORDS"));
    }

    private static String label(Part p) {
        return "ingredient '" + p.name() + "'";
    }

    private Path out(List<Part> parts, Path work) {
        Path out = work.resolve("out");
        return store.manifest(parts.getFirst().checkpoint()).folder()
                ? out
                : out.resolve(Manifest.SINGLE);
    }

    private void adjust(Start start, List<Part> parts, Path work, Path out, SoupOptions o) {
        new SoupAdjuster(o).exactly(request(start, parts, work, store::rebuild, out));
    }

    /**
     * What leaves a soup and what comes.
     *
     * @param get puts a stored checkpoint into a folder and says where it is
     */
    private SoupAdjuster.Request request(
            Start start,
            List<Part> parts,
            Path work,
            BiFunction<String, Path, Path> get,
            Path out) {
        Path old = store.rebuildOutline(start.checkpoint(), old(work));
        Path link = old.resolveSibling(old.getFileName() + ".sum");
        try {
            Files.createSymbolicLink(link, store.sum(start.checkpoint()).toAbsolutePath());
        } catch (java.io.IOException e) {
            throw new SoupIoException("link", link, e);
        }
        List<Path> remove = new ArrayList<>();
        for (Part p : start.parts()) {
            if (!parts.contains(p)) {
                remove.add(get.apply(p.checkpoint(), work.resolve("remove" + remove.size())));
            }
        }
        BigInteger unit = unit(start, parts).orElseThrow();
        List<SoupIngredient> add = new ArrayList<>();
        for (Part p : parts) {
            if (!start.parts().contains(p)) {
                add.add(
                        new SoupIngredient(
                                p.name(),
                                get.apply(p.checkpoint(), work.resolve("add" + add.size())),
                                new Coefficient(
                                        p.coefficient().numerator().multiply(unit),
                                        p.coefficient().denominator())));
            }
        }
        return new SoupAdjuster.Request(old, remove, add, out, true);
    }

    /** How many come and leave; of a soup with more of them than parts, averaging is quicker. */
    private static int changes(Start start, List<Part> parts) {
        Set<Part> changes = new HashSet<>(start.parts());
        changes.addAll(parts);
        changes.removeIf(p -> start.parts().contains(p) && parts.contains(p));
        return changes.size();
    }

    private boolean canAdjust(Start start, List<Part> parts) {
        Path sum = store.sum(start.checkpoint());
        if (changes(start, parts) == 0
                || start.sumHashes().isEmpty()
                || !Files.isDirectory(sum)
                || !store.has(start.checkpoint())
                || unit(start, parts).isEmpty()) {
            return false;
        }
        Set<Part> all = new HashSet<>(start.parts());
        all.addAll(parts);
        if (all.stream().anyMatch(p -> !store.has(p.checkpoint()))) {
            return false;
        }
        // The adjuster knows ingredients by their hashes, and could take the wrong one of two.
        if (all.stream().map(Part::checkpoint).distinct().count() != all.size()) {
            return false;
        }
        // A soup's configurations are one ingredient's: of the one that leaves, perhaps.
        return all.stream().map(p -> store.manifest(p.checkpoint()).otherFiles()).distinct().count()
                == 1;
    }

    /**
     * What a coefficient of 1 is in whole numbers on the scale of the kept sum; empty if the kept
     * weights are in other proportions than the wanted ones, or those would not be whole.
     */
    private Optional<BigInteger> unit(Start start, List<Part> parts) {
        SortedMap<String, BigInteger> kept;
        try {
            kept = KeptWeights.read(store.sum(start.checkpoint()));
        } catch (SoupException e) {
            return Optional.empty();
        }
        Optional<BigInteger> unit = Optional.empty();
        for (Part p : start.parts()) {
            BigInteger a = kept.get(p.name());
            if (a == null) {
                return Optional.empty();
            }
            BigInteger[] q =
                    a.multiply(p.coefficient().denominator())
                            .divideAndRemainder(p.coefficient().numerator());
            if (q[1].signum() != 0 || (unit.isPresent() && !unit.get().equals(q[0]))) {
                return Optional.empty();
            }
            unit = Optional.of(q[0]);
        }
        if (unit.isEmpty()) {
            return unit;
        }
        for (Part p : parts) {
            BigInteger scaled = p.coefficient().numerator().multiply(unit.get());
            if (scaled.mod(p.coefficient().denominator()).signum() != 0) {
                return Optional.empty();
            }
        }
        return unit;
    }
}
