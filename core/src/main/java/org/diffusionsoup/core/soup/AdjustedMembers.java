package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.soup.SoupAdjuster.Request;

/** Who is in a sum once some have left and others have come. */
final class AdjustedMembers {
    /** Coefficients, and their sum, stay far within what is exact in a double. */
    private static final int MOST_BITS = 50;

    private final Request request;
    private final KeptSum kept;
    private final List<Member> members;
    private final List<Long> signed = new ArrayList<>();
    private final Coefficient unit;

    private AdjustedMembers(Request request, KeptSum kept) {
        this.request = request;
        this.kept = kept;
        this.members = new ArrayList<>(kept.members());
        this.unit = kept.unit();
    }

    /**
     * @throws SoupException if what leaves is not in the sum, what comes is already, or nobody
     *     would be left
     */
    static AdjustedMembers of(
            Request request, KeptSum kept, List<Ingredient> removed, List<Ingredient> added) {
        AdjustedMembers adjusted = new AdjustedMembers(request, kept);
        removed.forEach(adjusted::remove);
        added.forEach(adjusted::add);
        if (adjusted.members.isEmpty()) {
            throw new SoupException(
                    "Nothing would be left of " + request.soup() + "; remove the soup instead.");
        }
        return adjusted;
    }

    List<Member> members() {
        return members;
    }

    /** By how many units of the sum everyone who leaves or comes changes it, in their order. */
    List<Long> signed() {
        return signed;
    }

    private void remove(Ingredient r) {
        Member found =
                members.stream()
                        .filter(m -> m.hashes().equals(r.hashes()))
                        .findFirst()
                        .orElseThrow(() -> notIn(r));
        members.remove(found);
        signed.add(-found.a().longValueExact());
    }

    private void add(Ingredient in) {
        Coefficient k = in.what().coefficient();
        Member m;
        if (request.byCaller()) {
            m = Member.of(in, k.numerator(), k.dividedBy(unit));
        } else {
            refuseTwice(in);
            m = Member.of(in, inUnits(in), k);
        }
        members.add(m);
        signed.add(m.a().longValueExact());
    }

    /** What a sum has already would count twice without a word. */
    private void refuseTwice(Ingredient in) {
        Coefficient sum =
                members.stream()
                        .map(Member::given)
                        .reduce(Coefficient::plus)
                        .orElse(Coefficient.ONE);
        members.stream()
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
        return new SoupException(
                r.what().path()
                        + " is not in the sum "
                        + kept.folder()
                        + ", whose ingredients are "
                        + kept.members().stream().map(Member::name).toList()
                        + "; ingredients are known by the SHA-256 of their files.");
    }
}
