package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.soup.SoupAdjuster.Request;

/** Who is in a sum once some have left and others have come. */
final class AdjustedMembers {
    /** Coefficients, and their sum, stay far within what is exact in a double. */
    private static final int MOST_BITS = 50;

    private final Request request;
    private final KeptSum kept;
    private final Set<String> averaged;

    /** In the order they were given; those who have left keep their places for who comes again. */
    private final List<Member> places;

    private final Set<Integer> left = new HashSet<>();
    private final Map<Member, Checkpoint> added = new IdentityHashMap<>();
    private final List<Long> signed = new ArrayList<>();
    private final Coefficient unit;

    private AdjustedMembers(Request request, KeptSum kept, Set<String> averaged) {
        this.request = request;
        this.kept = kept;
        this.averaged = averaged;
        this.places = new ArrayList<>(kept.members());
        this.unit = kept.unit();
    }

    /**
     * @param averaged the parts that the sum has
     * @throws SoupException if what leaves is not in the sum, what comes is already, or nobody
     *     would be left
     */
    static AdjustedMembers of(
            Request request,
            KeptSum kept,
            Set<String> averaged,
            List<Ingredient> removed,
            List<Ingredient> added) {
        AdjustedMembers adjusted = new AdjustedMembers(request, kept, averaged);
        removed.forEach(adjusted::remove);
        added.forEach(adjusted::add);
        if (adjusted.members().isEmpty()) {
            throw new SoupException(
                    "Nothing would be left of " + request.soup() + "; remove the soup instead.");
        }
        return adjusted;
    }

    /**
     * As they would be given to average them afresh: in the old order, and who is new behind. Who
     * leaves and comes again, as with another weight, stays in his place.
     */
    List<Member> members() {
        return IntStream.range(0, places.size())
                .filter(i -> !left.contains(i))
                .mapToObj(places::get)
                .toList();
    }

    /** Those of the members who come, with their weights. */
    Map<Member, Checkpoint> added() {
        return added;
    }

    /** By how many units of the sum everyone who leaves or comes changes it, in their order. */
    List<Long> signed() {
        return signed;
    }

    private void remove(Ingredient r) {
        int found =
                IntStream.range(0, places.size())
                        .filter(i -> !left.contains(i))
                        .filter(i -> places.get(i).hashes().equals(r.hashes()))
                        .findFirst()
                        .orElseThrow(() -> notIn(r));
        left.add(found);
        signed.add(-places.get(found).a().longValueExact());
    }

    private void add(Ingredient in) {
        Coefficient k = in.what().coefficient();
        IngredientTraits traits = IngredientTraits.of(in, averaged);
        if (!request.byCaller()) {
            refuseTwice(in);
        }
        Member m =
                request.byCaller()
                        ? Member.of(in, k.numerator(), k.dividedBy(unit), traits)
                        : Member.of(in, inUnits(in), k, traits);
        Optional<Integer> own =
                left.stream().filter(i -> places.get(i).hashes().equals(m.hashes())).findFirst();
        if (own.isPresent()) {
            places.set(own.get(), m);
            left.remove(own.get());
        } else {
            places.add(m);
        }
        added.put(m, in.original());
        signed.add(m.a().longValueExact());
    }

    /** What a sum has already would count twice without a word. */
    private void refuseTwice(Ingredient in) {
        Coefficient sum =
                members().stream()
                        .map(Member::given)
                        .reduce(Coefficient::plus)
                        .orElse(Coefficient.ONE);
        members().stream()
                .filter(m -> m.hashes().equals(in.hashes()))
                .findFirst()
                .ifPresent(m -> {
                    throw new SoupException(
                            "%s is in the sum %s already: it has the weights of '%s', whose weight is %s of %s in all. To give it another, take it out and add it in one command: `remove` %s `add` %s=K."
                                    .formatted(
                                            in.what().path(),
                                            kept.folder(),
                                            m.name(),
                                            m.given(),
                                            sum,
                                            in.what().path(),
                                            in.what().path()));
                });
    }

    /** How many units of the sum an ingredient counts that is added. */
    private BigInteger inUnits(Ingredient in) {
        Coefficient k = in.what().coefficient();
        Coefficient units = k.times(unit);
        if (!units.denominator().equals(BigInteger.ONE)) {
            throw new SoupException(
                    "The sum %s keeps weights as multiples of %s beside %s, and %s of %s is none; add it with a multiple, or average again with `keepSum` and these weights."
                            .formatted(
                                    kept.folder(),
                                    Coefficient.ONE.dividedBy(unit),
                                    kept.weights(),
                                    k,
                                    in.what().path()));
        }
        if (units.numerator().bitLength() > MOST_BITS) {
            throw new SoupException(
                    "The weight %s of %s is too large beside %s."
                            .formatted(k, in.what().path(), kept.weights()));
        }
        return units.numerator();
    }

    private SoupException notIn(Ingredient r) {
        long held = kept.members().stream().filter(m -> m.hashes().equals(r.hashes())).count();
        if (held > 0) {
            return new SoupException(
                    "%s is to be removed more often than the sum %s has it (%d); name it in `remove` as often as it is in there."
                            .formatted(r.what().path(), kept.folder(), held));
        }
        boolean named = kept.members().stream().anyMatch(m -> m.name().equals(r.what().name()));
        return new SoupException(
                r.what().path()
                        + " is not in the sum "
                        + kept.folder()
                        + ", whose ingredients are "
                        + kept.members().stream().map(Member::name).toList()
                        + "; ingredients are known by the SHA-256 of their files"
                        + (named
                                ? ", and those of the '%s' in it were others"
                                        .formatted(r.what().name())
                                : "")
                        + ".");
    }
}
