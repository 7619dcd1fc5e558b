package org.diffusionsoup.workbench.registry;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.registry.NewIngredient;
import org.diffusionsoup.registry.Registry;

/** A training run whose ingredient goes into a registry. */
public final class RegisteredTraining {
    private final Registry registry;
    private final String name;
    private final String base;
    private final List<String> shards;
    private final List<String> sources;
    private final Path out;

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
    }

    /**
     * Looks everything up before hours are spent.
     *
     * @param base folder of a base that is recorded
     * @param shards names of recorded shards
     * @param name of the ingredient; empty: as its one shard
     * @throws SoupException if base or shards are not recorded, or the name is taken
     */
    public static RegisteredTraining begin(
            Path registry, Path base, List<String> shards, Optional<String> name, Path out) {
        Registry r = Registry.open(registry);
        if (name.isEmpty() && shards.size() != 1) {
            throw new SoupException("An ingredient of several shards needs a --name.");
        }
        String chosen = name.orElseGet(shards::getFirst);
        boolean taken = r.read(q -> q.ingredient(chosen).isPresent());
        if (taken) {
            throw new SoupException(
                    "The registry has an ingredient '" + chosen + "'; choose another --name.");
        }
        Path absolute = out.toAbsolutePath().normalize();
        Path work = absolute.resolveSibling(absolute.getFileName() + ".shards");
        String baseName = r.baseOf(base);
        List<String> sources = shards.stream().map(s -> RegistryShards.usable(r, s, work)).toList();
        return new RegisteredTraining(r, chosen, baseName, shards, sources, out);
    }

    /** What to train on. */
    public List<String> sources() {
        return sources;
    }

    /** Records the ingredient, which is trained now. */
    public void end() {
        registry.addIngredient(
                new NewIngredient(
                        name,
                        base,
                        shards,
                        out,
                        TrainingRecipe.ofWeights(out),
                        SoupVersion.current()));
    }
}
