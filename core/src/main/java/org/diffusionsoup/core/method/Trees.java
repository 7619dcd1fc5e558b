package org.diffusionsoup.core.method;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * What can be said about a tree without its inputs, and the one order of terms that do not care.
 */
final class Trees {
    private Trees() {}

    private static Stream<? extends Expr> children(Expr expr) {
        return switch (expr) {
            case Load e -> Stream.of();
            case WeightedMean e -> e.terms().stream().map(WeightedMean.Term::of);
            case AddDelta e -> Stream.of(e.to(), e.delta());
            case Slerp e -> Stream.of(e.from(), e.to());
            case FisherMean e -> e.terms().stream().map(FisherMean.Term::of);
            case Difference e -> Stream.of(e.of(), e.from());
            case DeltaSum e -> e.terms().stream().map(DeltaSum.Term::delta);
            case Ties e -> e.deltas().stream();
            case Dare e -> Stream.of(e.delta());
        };
    }

    private static Stream<Expr> all(Expr root) {
        return Stream.concat(Stream.of(root), children(root).flatMap(Trees::all));
    }

    /** Names of the inputs whose weights are used. */
    static SequencedSet<String> weights(Expr root) {
        SequencedSet<String> names = new LinkedHashSet<>();
        all(root)
                .forEach(e -> {
                    if (e instanceof Load l) {
                        names.add(l.input());
                    }
                });
        return names;
    }

    /** The inputs that are terms of a mean, of each mean. */
    static List<List<String>> means(Expr root) {
        return all(root)
                .filter(e -> e instanceof WeightedMean || e instanceof FisherMean)
                .map(e ->
                        children(e)
                                .filter(Load.class::isInstance)
                                .map(l -> ((Load) l).input())
                                .toList())
                .toList();
    }

    /** Names of the inputs that hold Fisher values. */
    static SequencedSet<String> fishers(Expr root) {
        SequencedSet<String> names = new LinkedHashSet<>();
        all(root)
                .forEach(e -> {
                    if (e instanceof FisherMean f) {
                        f.terms().forEach(t -> names.add(t.fisher()));
                    }
                });
        return names;
    }

    /** All patterns of its factors. */
    static List<NamePattern> patterns(Expr root) {
        return all(root)
                .flatMap(e ->
                        switch (e) {
                            case WeightedMean m -> m.terms().stream().map(WeightedMean.Term::k);
                            case AddDelta a -> Stream.of(a.scale());
                            case Slerp s -> Stream.of(s.t());
                            case FisherMean f -> f.terms().stream().map(FisherMean.Term::k);
                            case DeltaSum d -> d.terms().stream().map(DeltaSum.Term::scale);
                            case Ties t -> Stream.of(t.density());
                            case Dare d -> Stream.of(d.drop());
                            case Load l -> Stream.<Factor>of();
                            case Difference d -> Stream.<Factor>of();
                        })
                .flatMap(f -> f.rules().stream().map(Factor.Rule::pattern))
                .toList();
    }

    /** The input whose layout a merge takes: the first weights, from the root down. */
    static String first(WeightExpr root) {
        return switch (root) {
            case Load e -> e.input();
            case WeightedMean e -> first(e.terms().getFirst().of());
            case AddDelta e -> first(e.to());
            case Slerp e -> first(e.from());
            case FisherMean e -> first(e.terms().getFirst().of());
        };
    }

    /**
     * The same tree with the terms of every mean, sum, Fisher mean and TIES in an order that
     * depends on what they are, not on how they were listed: floating-point sums then come out the
     * same in any listing.
     *
     * @param contentOf what an input holds, such as its hash
     */
    static WeightExpr canonical(WeightExpr root, UnaryOperator<String> contentOf) {
        return switch (root) {
            case Load e -> e;
            case WeightedMean e ->
                    new WeightedMean(
                            sorted(
                                    e.terms().stream()
                                            .map(t ->
                                                    new WeightedMean.Term(
                                                            t.k(), canonical(t.of(), contentOf)))
                                            .toList(),
                                    t -> new WeightedMean(List.of(t)),
                                    contentOf));
            case AddDelta e ->
                    new AddDelta(
                            canonical(e.to(), contentOf),
                            e.scale(),
                            canonical(e.delta(), contentOf));
            case Slerp e ->
                    new Slerp(canonical(e.from(), contentOf), canonical(e.to(), contentOf), e.t());
            case FisherMean e ->
                    new FisherMean(
                            sorted(
                                    e.terms().stream()
                                            .map(t ->
                                                    new FisherMean.Term(
                                                            t.k(),
                                                            canonical(t.of(), contentOf),
                                                            t.fisher()))
                                            .toList(),
                                    t -> new FisherMean(List.of(t), e.floor()),
                                    contentOf),
                            e.floor());
        };
    }

    private static DeltaExpr canonical(DeltaExpr root, UnaryOperator<String> contentOf) {
        return switch (root) {
            case Difference e ->
                    new Difference(canonical(e.of(), contentOf), canonical(e.from(), contentOf));
            case DeltaSum e ->
                    new DeltaSum(
                            sorted(
                                    e.terms().stream()
                                            .map(t ->
                                                    new DeltaSum.Term(
                                                            t.scale(),
                                                            canonical(t.delta(), contentOf)))
                                            .toList(),
                                    t -> new DeltaSum(List.of(t)),
                                    contentOf));
            case Ties e ->
                    new Ties(
                            sorted(
                                    e.deltas().stream().map(d -> canonical(d, contentOf)).toList(),
                                    d -> d,
                                    contentOf),
                            e.density());
            case Dare e ->
                    new Dare(canonical(e.delta(), contentOf), e.drop(), e.seed(), e.rescale());
        };
    }

    /** Whether a tree measures whole tensors, and not only element by element. */
    static boolean measures(Expr root) {
        return all(root).anyMatch(e -> e instanceof Slerp || e instanceof Ties);
    }

    /**
     * What is left of a tree where some inputs have nothing: means, sums, Fisher means and TIES of
     * the others, of a slerp the other end, and no delta where either side of a difference is
     * missing. Empty where nothing is left.
     *
     * @param has whether an input has the tensor, or the element
     */
    static Optional<WeightExpr> present(WeightExpr root, Predicate<String> has) {
        return switch (root) {
            case Load e -> Optional.<WeightExpr>of(e).filter(l -> has.test(e.input()));
            case WeightedMean e -> {
                List<WeightedMean.Term> terms = new ArrayList<>();
                for (WeightedMean.Term t : e.terms()) {
                    present(t.of(), has).ifPresent(w -> terms.add(new WeightedMean.Term(t.k(), w)));
                }
                yield terms.isEmpty() ? Optional.empty() : Optional.of(new WeightedMean(terms));
            }
            case AddDelta e ->
                    present(e.to(), has)
                            .map(to ->
                                    presentDelta(e.delta(), has)
                                            .<WeightExpr>map(d -> new AddDelta(to, e.scale(), d))
                                            .orElse(to));
            case Slerp e -> {
                Optional<WeightExpr> from = present(e.from(), has);
                Optional<WeightExpr> to = present(e.to(), has);
                yield from.isPresent() && to.isPresent()
                        ? Optional.of(new Slerp(from.get(), to.get(), e.t()))
                        : from.or(() -> to);
            }
            case FisherMean e -> {
                List<FisherMean.Term> terms = new ArrayList<>();
                for (FisherMean.Term t : e.terms()) {
                    present(t.of(), has)
                            .ifPresent(w -> terms.add(new FisherMean.Term(t.k(), w, t.fisher())));
                }
                yield terms.isEmpty()
                        ? Optional.empty()
                        : Optional.of(new FisherMean(terms, e.floor()));
            }
        };
    }

    private static Optional<DeltaExpr> presentDelta(DeltaExpr root, Predicate<String> has) {
        return switch (root) {
            case Difference e ->
                    present(e.of(), has)
                            .flatMap(of ->
                                    present(e.from(), has).map(from -> new Difference(of, from)));
            case DeltaSum e -> {
                List<DeltaSum.Term> terms = new ArrayList<>();
                for (DeltaSum.Term t : e.terms()) {
                    presentDelta(t.delta(), has)
                            .ifPresent(d -> terms.add(new DeltaSum.Term(t.scale(), d)));
                }
                yield terms.isEmpty() ? Optional.empty() : Optional.of(new DeltaSum(terms));
            }
            case Ties e -> {
                List<DeltaExpr> deltas = new ArrayList<>();
                e.deltas().forEach(d -> presentDelta(d, has).ifPresent(deltas::add));
                yield deltas.isEmpty()
                        ? Optional.empty()
                        : Optional.of(new Ties(deltas, e.density()));
            }
            case Dare e ->
                    presentDelta(e.delta(), has)
                            .map(d -> new Dare(d, e.drop(), e.seed(), e.rescale()));
        };
    }

    /** How a term is made a tree of its own, to be compared by its text. */
    @FunctionalInterface
    private interface AsTree<T> {
        Expr of(T term);
    }

    private static <T> List<T> sorted(
            List<T> terms, AsTree<T> asTree, UnaryOperator<String> contentOf) {
        List<T> list = new ArrayList<>(terms);
        list.sort(
                Comparator.comparing((T t) -> RecipeWriter.tree(asTree.of(t), contentOf))
                        .thenComparing(t -> RecipeWriter.tree(asTree.of(t), n -> n)));
        return list;
    }
}
