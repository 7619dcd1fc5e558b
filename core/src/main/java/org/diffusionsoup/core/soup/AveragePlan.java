package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.ExtraComponents;
import org.diffusionsoup.core.checkpoint.OutputLayout;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.mismatch.CopiedTensors;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.mismatch.TensorPlan.Mode;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * What a soup will be, decided before a weight is read: the ingredients in an order of their own,
 * their coefficients as integers, the recipe of the header, the output's layout, and for every
 * tensor which ingredients it is the mean of.
 */
final class AveragePlan {
    private final SoupOptions options;
    private final List<Ingredient> given;
    private final List<TensorPlan> wanted;
    private final List<Member> members;
    private final List<Ingredient> ingredients;
    private final SortedMap<String, String> notes;
    private final Mismatches found;
    private final CopiedTensors copied;
    private final List<Long> a;
    private final SortedMap<String, String> settings;
    private final Recipe recipe;
    private final OutputLayout layout;
    private final SequencedMap<String, List<TensorPlan>> tensors;

    /** Puts the ingredients into an order of their own: the caller's must show nowhere. */
    AveragePlan(
            List<Ingredient> given,
            List<TensorPlan> wanted,
            SortedMap<String, String> notes,
            Mismatches found,
            SoupOptions options) {
        this.options = options;
        this.notes = notes;
        this.found = found;
        this.given = List.copyOf(given);
        this.wanted = wanted;
        long[] integers =
                Coefficient.integers(given.stream().map(i -> i.what().coefficient()).toList());
        List<Member> inOrder = new ArrayList<>();
        Set<String> averaged =
                wanted.stream()
                        .map(TensorPlan::part)
                        .filter(options::averages)
                        .collect(Collectors.toSet());
        Map<Member, Ingredient> byMember = new IdentityHashMap<>();
        for (int i = 0; i < integers.length; i++) {
            Member m = member(given.get(i), BigInteger.valueOf(integers[i]), averaged);
            inOrder.add(m);
            byMember.put(m, given.get(i));
        }
        this.members = List.copyOf(inOrder);
        inOrder.sort(Member.ORDER);
        this.ingredients = inOrder.stream().map(byMember::get).toList();
        this.a = inOrder.stream().map(m -> m.a().longValueExact()).toList();
        boolean alike = options.policy().refusesAll();
        this.tensors = tensors(wanted, given);
        ExtraComponents more = extraComponents(given);
        // Components that are copied are the first's, so with some it counts which that is.
        boolean ofAny = alike && options.components().isEmpty();
        this.layout = layout((ofAny ? ingredients : given).getFirst().checkpoint(), more);
        TreeMap<String, String> extra = new TreeMap<>();
        options.outputDType().ifPresent(d -> extra.put(SoupRecipe.DTYPE, d.safetensorsName()));
        if (options.allowNonFinite()) {
            extra.put(SoupRecipe.ALLOW_NON_FINITE, "true");
        }
        if (!options.components().isEmpty()) {
            extra.put(SoupRecipe.COMPONENTS, String.join(",", options.components()));
        }
        if (!options.variant().isEmpty()) {
            extra.put(SoupRecipe.VARIANT, options.variant());
        }
        if (!alike) {
            options.policy().describe(extra);
            extra.put(SoupRecipe.FIRST_NAME, given.getFirst().what().name());
            if (given.size() > 2 && (more.dependOnOrder() || isKeptInKinds(wanted, given))) {
                extra.put(SoupRecipe.GIVEN_ORDER, orderOf(given));
            }
        }
        this.settings = extra;
        this.copied =
                found.isEmpty() && options.policy().integers() == OnInteger.REFUSE
                        ? CopiedTensors.NONE
                        : CopiedTensors.of(
                                wanted.stream().filter(t -> options.averages(t.part())).toList(),
                                given.stream().map(i -> i.what().name()).toList(),
                                options.components().isEmpty());
        this.recipe =
                Recipe.average(
                        layout,
                        members,
                        alike ? IngredientTraits.withFirst(extra, members) : extra,
                        copied.byPart(),
                        found.objective(given.getFirst().checkpoint()));
    }

    /** What is noted of an ingredient beside its weights costs time, and rarely counts. */
    private Member member(Ingredient i, BigInteger a, Set<String> averaged) {
        boolean counts = options.keepSum() || !options.components().isEmpty();
        return Member.of(
                i,
                a,
                i.what().coefficient(),
                counts ? IngredientTraits.of(i, averaged) : IngredientTraits.NONE);
    }

    /** Like a checkpoint, but for the components of which nothing is left. */
    private OutputLayout layout(Checkpoint like, ExtraComponents more) {
        if (tensors.isEmpty() && !options.policy().refusesAll()) {
            throw new SoupException(
                    "Nothing is left to average: the ingredients have no tensor in common"
                            + " that the policies for those that differ do not drop.");
        }
        TreeSet<String> dropped = new TreeSet<>();
        if (like.folder().isPresent() && options.policy().missing() == OnMissing.DROP) {
            like.parts()
                    .forEach((part, source) -> {
                        if (options.averages(part)
                                && !tensors.containsKey(part)
                                && !source.tensors().isEmpty()) {
                            dropped.add(part);
                        }
                    });
        }
        SortedMap<String, Path> others =
                options.policy().files() == OnFiles.REFUSE ? found.leastTexts() : new TreeMap<>();
        others.keySet().removeIf(f -> dropped.contains(DiffusersFolder.componentOf(f)));
        return new OutputLayout(like, dropped, more.suppliers(), others);
    }

    private ExtraComponents extraComponents(List<Ingredient> given) {
        return options.policy().extra() == OnExtra.KEEP
                ? ExtraComponents.of(
                        given.stream().map(i -> i.checkpoint().folder()).toList(),
                        tensors::containsKey)
                : ExtraComponents.none();
    }

    /** Whether a tensor that the first lacks has several shapes or dtypes among the others. */
    private boolean isKeptInKinds(List<TensorPlan> wanted, List<Ingredient> given) {
        return wanted.stream()
                .filter(t -> options.averages(t.part()) && t.inputs()[0] > 0)
                .anyMatch(t -> {
                    List<TensorInfo> of =
                            given.stream()
                                    .map(i -> i.checkpoint().parts().get(t.part()))
                                    .filter(Objects::nonNull)
                                    .flatMap(s -> Stream.ofNullable(s.tensors().get(t.name())))
                                    .toList();
                    return of.stream().anyMatch(x -> !x.sameKind(of.getFirst()));
                });
    }

    /** The ingredients' places in the recipe, from 1, in the order they were given. */
    private String orderOf(List<Ingredient> given) {
        return given.stream()
                .map(i -> String.valueOf(ingredients.indexOf(i) + 1))
                .collect(Collectors.joining(","));
    }

    /** What is wanted by part, its inputs counted in the order of {@link #ingredients}. */
    private SequencedMap<String, List<TensorPlan>> tensors(
            List<TensorPlan> wanted, List<Ingredient> given) {
        Map<Ingredient, Integer> position = new IdentityHashMap<>();
        for (int i = 0; i < ingredients.size(); i++) {
            position.put(ingredients.get(i), i);
        }
        SequencedMap<String, List<TensorPlan>> byPart = new LinkedHashMap<>();
        int[] before = {};
        int[] inputs = {};
        for (TensorPlan t : wanted) {
            if (!options.averages(t.part())) {
                continue;
            }
            DType dtype = t.dtype().isFloat() ? options.outputDType().orElse(t.dtype()) : t.dtype();
            // A single floating-point tensor is a mean of one: its dtype may change.
            boolean ofOne = !t.isComputed() && t.dtype().isFloat();
            int[] from = ofOne ? Arrays.copyOf(t.inputs(), 1) : t.inputs();
            if (!Arrays.equals(from, before)) { // nearly all tensors are alike in this
                before = from;
                inputs =
                        Arrays.stream(from)
                                .map(i -> position.getOrDefault(given.get(i), -1))
                                .sorted()
                                .toArray();
            }
            byPart.computeIfAbsent(t.part(), p -> new ArrayList<>())
                    .add(
                            new TensorPlan(
                                    t.part(),
                                    t.name(),
                                    t.shape(),
                                    dtype,
                                    inputs,
                                    ofOne ? Mode.AVERAGE : t.mode()));
        }
        return byPart;
    }

    /** The same with hashes that were not known: ingredients may be in another order. */
    AveragePlan withHashes(Map<Path, String> hashes) {
        Map<Path, String> all = new HashMap<>(hashes);
        given.forEach(i -> all.putIfAbsent(i.part("").path(), hashOf(i)));
        List<Ingredient> known = given.stream().map(i -> i.withHashes(all)).toList();
        return new AveragePlan(known, wanted, notes, found, options);
    }

    private static String hashOf(Ingredient i) {
        return i.hashes().getOrDefault("", "");
    }

    /**
     * Parts that are averaged, with their tensors, whose inputs are indexes of {@link #sources}.
     */
    SequencedMap<String, List<TensorPlan>> tensors() {
        return tensors;
    }

    OutputLayout layout() {
        return layout;
    }

    Recipe recipe() {
        return recipe;
    }

    /** Who a kept sum is of, as they were given. */
    List<Member> members() {
        return members;
    }

    /** What a kept sum says that decided the soup's bytes; the rest follows from its members. */
    SortedMap<String, String> settings() {
        return settings;
    }

    /** Integer coefficients, in the order of {@link #sources}. */
    List<Long> coefficients() {
        return a;
    }

    /**
     * What a reader of the result should know: of the ingredients, the layout, and what was unlike.
     */
    Stream<String> remarks() {
        return Stream.concat(
                ingredients.stream().flatMap(i -> i.checkpoint().notes()).distinct(),
                Stream.of(layout.note(), found.note()));
    }

    /** Which tensors were copied, as a sentence; may be empty. */
    String copied() {
        return copied.sentence();
    }

    /** The ingredients as they were given, with the coefficients that were used. */
    List<SoupIngredient> listed() {
        List<SoupIngredient> normalised = new ArrayList<>();
        for (int i = 0; i < ingredients.size(); i++) {
            SoupIngredient w = ingredients.get(i).what();
            normalised.add(new SoupIngredient(w.name(), w.path(), recipe.coefficient(i)));
        }
        // as they were given: the order of the sum is nobody's business
        return given.stream().map(i -> normalised.get(ingredients.indexOf(i))).toList();
    }

    /** A part of every ingredient. */
    List<TensorSource> sources(String part) {
        return ingredients.stream()
                .map(i -> i.checkpoint().parts().getOrDefault(part, NoTensors.of(i)))
                .toList();
    }

    /** The header of a part. */
    Map<String, String> metadata(String part) {
        Map<String, String> metadata = recipe.metadata(part);
        for (var note : notes.entrySet()) {
            metadata = Provenance.noted(metadata, note.getKey(), note.getValue());
        }
        return metadata;
    }
}
