package org.diffusionsoup.workbench.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.near.SeenBefore;
import org.diffusionsoup.workbench.train.TrainingNote;

/** A training run whose ingredient goes into a registry. */
public final class RegisteredTraining {
    private final Registry registry;
    private final String name;
    private final String base;
    private final List<String> shards;
    private final List<String> sources;
    private final Path out;
    private final long pictures;

    private RegisteredTraining(
            Registry registry,
            String name,
            String base,
            List<String> shards,
            List<String> sources,
            Path out) {
        this.registry = registry;
        this.name = name;
        this.base = base;
        this.shards = shards;
        this.sources = sources;
        this.out = out;
        this.pictures = withdrawnPictures(registry, shards);
    }

    /** How many pictures of some shards were withdrawn singly. */
    private static long withdrawnPictures(Registry registry, List<String> shards) {
        return registry.read(q -> {
            Map<Long, Long> withdrawn = q.withdrawnPictures();
            return shards.stream()
                    .flatMap(s -> q.shard(s).stream())
                    .mapToLong(s -> withdrawn.getOrDefault(s.id(), 0L))
                    .sum();
        });
    }

    /**
     * Looks everything up before hours are spent.
     *
     * @param base folder of a base that is recorded
     * @param shards names of recorded shards
     * @param name of the ingredient; empty: as its one shard
     * @throws SoupException if base or shards are not recorded, two shards have the same pictures,
     *     or the name is taken
     */
    public static RegisteredTraining begin(
            Path registry, Path base, List<String> shards, Optional<String> name, Path out) {
        Registry r = Registry.open(registry);
        if (name.isEmpty() && shards.size() != 1) {
            throw new SoupException("An ingredient of several shards needs a `name`.");
        }
        String chosen = name.orElseGet(shards::getFirst);
        // A run that was killed after its entry has that name itself: end() finds out.
        boolean waiting = TrainingNote.isWaiting(out);
        Path absolute = out.toAbsolutePath().normalize();
        Inputs.keep(absolute, List.of(r.store().folder()), "the registry's store of weights");
        Path work = absolute.resolveSibling(absolute.getFileName() + ".shards");
        try {
            r.read(q -> {
                if (q.ingredient(chosen).isEmpty()) {
                    Names.checkNewName(q, chosen);
                } else if (!waiting) {
                    throw taken(chosen);
                }
                // before the base is hashed
                SamePictures.refuse(q, shards.stream().map(s -> r.usableShard(q, s)).toList());
                return true;
            });
            String baseName = r.baseOf(base);
            List<String> sources =
                    shards.stream().map(s -> RegistryShards.usable(r, s, work)).toList();
            return new RegisteredTraining(r, chosen, baseName, shards, sources, out);
        } catch (RegistryException e) {
            throw waiting ? left(out, e) : e;
        }
    }

    /** A run that was to be recorded was interrupted, and is not to be recorded any more. */
    private static SoupException left(Path out, RegistryException e) {
        return new SoupException(
                e.getMessage()
                        + " An earlier run left in "
                        + out
                        + " what it had learnt, which is not recorded: delete that if the data has"
                        + " left, or give the same command again once this is put right.",
                e);
    }

    private static SoupException taken(String name) {
        return new SoupException(
                "The registry has an ingredient '" + name + "'; choose another `name`.");
    }

    /**
     * Before the model is trained: no entry has its name.
     *
     * @throws SoupException if one has
     */
    public void checkName() {
        if (there().isPresent()) {
            throw taken(name);
        }
    }

    private Optional<IngredientRow> there() {
        return registry.read(q -> q.ingredient(name));
    }

    /** Whether an entry is the one that this run would write. */
    private boolean isThis(IngredientRow i, JsonObject recipe) {
        return registry.read(q -> {
            List<Long> of =
                    shards.stream().map(s -> registry.usableShard(q, s).id()).sorted().toList();
            return Json.canonical(q.recipe(i.id())).equals(Json.canonical(recipe))
                    && Names.base(q, base).id() == i.base()
                    && of.equals(i.shards().stream().sorted().toList());
        });
    }

    /** What to train on. */
    public List<String> sources() {
        return sources;
    }

    /**
     * Records the ingredient, which is trained now, unless this run did so before it was killed.
     *
     * @throws SoupException if the registry refuses it; the weights stay where they are
     */
    public Recorded end() {
        JsonObject recipe = TrainingRecipe.ofWeights(out);
        NewIngredient n =
                new NewIngredient(
                        name,
                        base,
                        shards,
                        out,
                        recipe,
                        SoupVersion.current(),
                        TrainingNote.of(out));
        try {
            IngredientRow i = there().filter(x -> isThis(x, recipe)).orElseGet(() -> added(n));
            TrainingNote.remove(out);
            return new Recorded(
                    i.name(),
                    i.id(),
                    registry.folder(),
                    registry.read(q -> {
                        List<String> notes = new ArrayList<>(SeenBefore.of(q, i.shards()));
                        notes.addAll(SamePictures.notes(q, i.shards()));
                        return List.copyOf(notes);
                    }));
        } catch (SoupException e) {
            if (isGone()) {
                throw new SoupException(
                        "Trained, but not recorded, since meanwhile what it was trained on, or from,"
                                + " was withdrawn or its last day is over: "
                                + e.getMessage()
                                + " Delete "
                                + out
                                + ", which holds what was learnt from it.",
                        e);
            }
            throw new SoupException(
                    "Trained, but not recorded; the weights are in "
                            + out
                            + ", and 'soup ingredient add' records them once that is put right: "
                            + e.getMessage(),
                    e);
        }
    }

    private IngredientRow added(NewIngredient n) {
        if (withdrawnPictures(registry, shards) > pictures) {
            throw new SoupException(
                    "Pictures of shard '" + String.join("', '", shards) + "' were withdrawn.");
        }
        return registry.addIngredient(n);
    }

    /** Whether shards, pictures of them, or the base, may not be used any more. */
    private boolean isGone() {
        try {
            registry.read(q -> {
                shards.forEach(s -> registry.usableShard(q, s));
                registry.usableBase(q, base);
                return true;
            });
            return withdrawnPictures(registry, shards) > pictures;
        } catch (RegistryException e) {
            return true;
        }
    }

    /**
     * What was recorded.
     *
     * @param entry its number in the ledger
     * @param notes on what it was trained on
     */
    public record Recorded(String name, long entry, Path registry, List<String> notes) {
        /** As lines of text. */
        public List<String> lines() {
            List<String> lines = new ArrayList<>();
            lines.add("ingredient " + name + ", entry " + entry + " of " + registry);
            notes.forEach(n -> lines.add("  " + n));
            return lines;
        }
    }
}
