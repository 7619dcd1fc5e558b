package org.diffusionsoup.workbench.merge;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.WorkFolder;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.merge.Reproduction.Found;

/**
 * Makes a soup or a merge again from the recipe in its header and compares. Its inputs are found by
 * the hashes that the recipe states, wherever they lie and whatever they are called.
 */
public final class Reproducer {
    private final HashCache hashes;
    private final Progress search;
    private final SoupProgress making;

    /**
     * A reproducer.
     *
     * @param hashes remembers the inputs' hashes
     * @param search told how far the search for inputs is
     * @param making told how far the making is
     */
    public Reproducer(HashCache hashes, Progress search, SoupProgress making) {
        this.hashes = hashes;
        this.search = search;
        this.making = making;
    }

    /**
     * Makes a checkpoint again.
     *
     * @param file a file, an index of shards or a diffusers folder made by a {@code Souper} or a
     *     {@code MethodMerge}
     * @param places files and folders to look for inputs in; empty: the folder that {@code file}
     *     lies in
     * @param out where to keep what is made; empty: a temporary folder beside {@code file}, removed
     *     afterwards
     * @throws SoupException if there is no recipe to follow, an input is not found, or {@code out}
     *     exists
     */
    public Reproduction reproduce(Path file, List<Path> places, Optional<Path> out) {
        Path self = file.toAbsolutePath().normalize();
        Path parent = Optional.ofNullable(self.getParent()).orElse(self);
        out.ifPresent(ModelOutput.MODEL::checkNew);
        out.ifPresent(o -> Inputs.keep(o, List.of(file), "what it compares with"));
        try (Checkpoint original = Checkpoint.open(file)) {
            StoredRecipe recipe = StoredRecipe.of(original);
            List<Path> inputs =
                    new InputSearch(hashes, search, recipe.variant())
                            .find(
                                    recipe.inputs(),
                                    places.isEmpty() ? List.of(parent) : places,
                                    self);
            List<Found> found = new ArrayList<>();
            for (int i = 0; i < inputs.size(); i++) {
                found.add(new Found(recipe.inputs().get(i).name(), inputs.get(i)));
            }
            if (out.isPresent()) {
                Inputs.keep(out.get(), inputs, "its ingredient");
                return make(original, recipe, inputs, found, out.get(), out);
            }
            try (WorkFolder work = WorkFolder.in(parent, ".reproduce-")) {
                Path made = work.path().resolve(String.valueOf(self.getFileName()));
                return make(original, recipe, inputs, found, made, out);
            }
        }
    }

    private Reproduction make(
            Checkpoint original,
            StoredRecipe recipe,
            List<Path> inputs,
            List<Found> found,
            Path made,
            Optional<Path> out) {
        // A set of shards is made again as one file, and compared by what it holds.
        Path target =
                original.layout() == Checkpoint.Layout.SHARDED && out.isEmpty()
                        ? made.resolveSibling("again.safetensors")
                        : made;
        recipe.how().make(inputs, target, hashes, making);
        try (Checkpoint again = Checkpoint.open(target)) {
            return new Reproduction(
                    original.path(), found, Comparison.of(original, again), recipe.version(), out);
        }
    }
}
