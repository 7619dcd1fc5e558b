package org.diffusionsoup.core.soup;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.soup.average.Averager;
import org.diffusionsoup.core.soup.average.MergeTask;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * One ingredient out of a soup alone, by the paper's formula (w_soup - k_i w_i) / (1 - k_i):
 * computed exactly and rounded once, from a soup that was rounded itself.
 */
final class ApproximateRemoval {
    private final Checkpoint soup;
    private final Ingredient out;
    private final SoupOptions options;
    private final ExecutorService workers;

    /**
     * @param out what is to leave
     */
    ApproximateRemoval(
            Checkpoint soup, Ingredient out, SoupOptions options, ExecutorService workers) {
        this.soup = soup;
        this.out = out;
        this.options = options;
        this.workers = workers;
    }

    /**
     * Writes what is left.
     *
     * @throws SoupException if the soup's recipe does not say how much the ingredient counts, or
     *     nothing would be left
     */
    Soup make(Path output) {
        Ingredient named = out.as(TensorNames.agreeing(List.of(soup, out.checkpoint())).getLast());
        Map<String, StateDict> parts = new LinkedHashMap<>();
        List<Averager> open = new ArrayList<>();
        long[] count = {0, 0, 0};
        long parameters = 0;
        try {
            for (var p : soup.parts().entrySet()) {
                Optional<Coefficient> k =
                        coefficient(p.getValue(), out.hashes().getOrDefault(p.getKey(), ""));
                if (k.isEmpty() && isApproximate(p.getValue())) {
                    throw new SoupException(
                            p.getValue().path()
                                    + " is approximate itself: an ingredient was removed"
                                    + " from it by the formula, and its recipe no longer"
                                    + " says how much the others count. Average those"
                                    + " that stay with soup merge, or remove all from"
                                    + " the soup it was made of.");
                }
                if (k.isEmpty()) {
                    throw new SoupException(
                            "The recipe of "
                                    + p.getValue().path()
                                    + " does not name "
                                    + out.what().path()
                                    + " (by its SHA-256); only an ingredient can be removed.");
                }
                long total = k.get().denominator().longValueExact();
                long own = k.get().numerator().longValueExact();
                if (own == total) {
                    throw new SoupException("Nothing would be left of " + soup.path() + ".");
                }
                Averager averager =
                        new Averager(
                                new Formula(total, own),
                                workers,
                                options.threads(),
                                Averager.BUFFER_BYTES / soup.parts().size(),
                                n -> {
                                    count[2] += n;
                                    options.progress().update("removing", count[2], count[1]);
                                });
                open.add(averager);
                List<TensorSource> sources = List.of(p.getValue(), named.part(p.getKey()));
                StateDict part =
                        averager.stateDict(
                                approximateMetadata(p.getValue(), p.getKey(), out, k.get()),
                                sources,
                                AdjustedTensors.plan(p.getKey(), sources, 0, new int[] {0, 1}));
                count[1] += part.bytes();
                count[0] += part.tensors().size();
                parameters +=
                        p.getValue().tensors().values().stream()
                                .filter(t -> t.dtype().isFloat())
                                .mapToLong(TensorInfo::elements)
                                .sum();
                parts.put(p.getKey(), part);
            }
            options.writer().write(soup, parts, output);
        } finally {
            open.forEach(Averager::close);
        }
        return new Soup(output, List.of(), parts.size(), count[0], parameters, count[2], "", "");
    }

    /**
     * The variant of the weights that a soup was made of; empty where its recipe names none.
     *
     * @throws SoupException if its ingredients were not required to be alike: then not every tensor
     *     is a mean of all, and the first one's tensors would stay
     */
    static String variant(Path path) {
        String variant = "";
        try (Checkpoint soup = Checkpoint.open(path)) {
            for (TensorSource part : soup.parts().values()) {
                Optional<SoupRecipe> recipe = recipe(part).filter(r -> r.isOf(SoupRecipe.AVERAGE));
                if (recipe.isEmpty()) {
                    continue;
                }
                SoupRecipe.Parsed said = recipe.get().parse(part.path());
                if (!said.word(SoupRecipe.COMPONENTS).isEmpty()) {
                    throw new SoupException(
                            "Only components of %s were averaged (%s), and the rest is one ingredient's, which the formula does not take out; average those that stay with soup merge."
                                    .formatted(path, said.word(SoupRecipe.COMPONENTS)));
                }
                if (said.has(SoupRecipe.FIRST_NAME)) {
                    throw new SoupException(
                            "%s was made of ingredients that differ, so that not every tensor is a mean of all, as the formula needs; average those that stay with soup merge."
                                    .formatted(path));
                }
                variant = said.word(SoupRecipe.VARIANT);
            }
        }
        return variant;
    }

    private static Map<String, String> approximateMetadata(
            TensorSource soup, String part, Ingredient out, Coefficient k) {
        String before = recipe(soup).orElse(new SoupRecipe("")).sha256();
        SoupRecipe recipe =
                SoupRecipe.write(
                        SoupRecipe.APPROXIMATE,
                        g -> {
                            g.writeStringField("soup_recipe_sha256", before);
                            g.writeObjectFieldStart("removed");
                            g.writeStringField(
                                    SoupRecipe.SHA256, out.hashes().getOrDefault(part, ""));
                            g.writeStringField(SoupRecipe.COEFFICIENT, k.toString());
                            g.writeEndObject();
                        });
        return Provenance.of(recipe).writeTo(soup.metadata());
    }

    /** The coefficient that a soup's recipe gives an ingredient of this hash. */
    private static Optional<Coefficient> coefficient(TensorSource soup, String sha256) {
        return recipe(soup).stream()
                .flatMap(r -> r.parse(soup.path()).ingredients().stream())
                .filter(i -> i.sha256().orElse("").equals(sha256))
                .flatMap(i -> i.coefficient().stream())
                .findFirst()
                .map(Coefficient::parse);
    }

    private static boolean isApproximate(TensorSource soup) {
        return recipe(soup).filter(r -> r.isOf(SoupRecipe.APPROXIMATE)).isPresent();
    }

    private static Optional<SoupRecipe> recipe(TensorSource soup) {
        return Provenance.readFrom(soup.metadata()).map(Provenance::recipe);
    }

    /** (total w_soup - own w_i) / (total - own). */
    private record Formula(long total, long own) implements MergeTask {
        @Override
        public int inputs() {
            return 2;
        }

        @Override
        public AverageKernel.Spec spec(TensorPlan tensor, List<DType> dtypes) {
            return new AverageKernel.Spec(
                    dtypes.stream().map(FloatFormat::of).toList(),
                    FloatFormat.of(tensor.dtype()),
                    List.of(total, -own),
                    total - own,
                    false);
        }

        @Override
        public AverageKernel kernel(AverageKernel.Spec spec, String tensor) {
            return AverageKernel.fast(spec);
        }

        @Override
        public boolean sharesKernels() {
            return true;
        }

        @Override
        public String overflowAdvice() {
            return "average those that stay anew with soup merge";
        }
    }
}
