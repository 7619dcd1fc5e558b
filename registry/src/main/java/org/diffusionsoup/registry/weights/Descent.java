package org.diffusionsoup.registry.weights;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * What came of what, at one state of the ledger: shards, bases, ingredients and soups, by the rules
 * by which a withdrawal finds what leaves with something. An ingredient comes of its shards and its
 * base; a soup of its ingredients; a base or an ingredient also of whatever it is a copy of, or was
 * made of by its own recipe ({@link WeightsThatLeave}). So a shard is in a soup that was trained
 * from a base which is a soup that holds it.
 */
public final class Descent {
    /**
     * That one thing came of another, directly.
     *
     * @param from entry of the other
     * @param to entry of the one
     * @param why in words with the one as their subject, such as {@code trained on shard acme}
     * @param byWeights whether that shows by its weights or its recipe; otherwise the ledger says
     *     so
     */
    public record Link(long from, long to, String why, boolean byWeights) {}

    private final Map<Long, String> labels = new HashMap<>();
    private final Map<Long, List<Link>> into = new TreeMap<>();
    private final Map<Long, List<Link>> outOf = new HashMap<>();

    /** Of nothing yet. */
    Descent() {}

    /** Everything that came directly of something, by entries. */
    public List<Link> links() {
        return into.values().stream().flatMap(List::stream).toList();
    }

    /** Entries of all that came of some, directly or not, and these themselves. */
    public Set<Long> madeOf(Collection<Long> entries) {
        Set<Long> found = new TreeSet<>(entries);
        Deque<Long> open = new ArrayDeque<>(found);
        while (!open.isEmpty()) {
            for (Link l : outOf.getOrDefault(open.remove(), List.of())) {
                if (found.add(l.to())) {
                    open.add(l.to());
                }
            }
        }
        return found;
    }

    /** Entries of all that some came of, directly or not, and these themselves. */
    public Set<Long> behind(Collection<Long> entries) {
        return behind(entries, l -> true);
    }

    /**
     * The same without what ingredients are copies of: the same weights may have been recorded
     * wrongly before, and rightly since.
     */
    public Set<Long> behindBases(Collection<Long> entries) {
        return behind(entries, l -> !l.byWeights() || label(l.to()).startsWith("base "));
    }

    private Set<Long> behind(Collection<Long> entries, Predicate<Link> counts) {
        Set<Long> found = new TreeSet<>(entries);
        Deque<Long> open = new ArrayDeque<>(found);
        while (!open.isEmpty()) {
            for (Link l : into.getOrDefault(open.remove(), List.of())) {
                if (counts.test(l) && found.add(l.from())) {
                    open.add(l.from());
                }
            }
        }
        return found;
    }

    /**
     * In what one thing is, and by what way where the ledger does not say that by itself: such as
     * {@code soup a@1}, or {@code ingredient b through base second, which has the same weights as
     * soup a@1}.
     */
    public String where(long from, long to) {
        List<Link> steps = steps(from, to);
        if (steps.isEmpty() || steps.getLast().to() != to) {
            return label(to) + (steps.isEmpty() ? "" : " " + through(steps));
        }
        List<Link> before = steps.subList(0, steps.size() - 1);
        return named(steps.getLast()) + (before.isEmpty() ? "" : ", " + through(before));
    }

    /**
     * By what way, as {@link #where} says it.
     *
     * @return empty if there is nothing to say, as for an ingredient's own shard
     */
    public Optional<String> way(long from, long to) {
        return Optional.of(steps(from, to)).filter(s -> !s.isEmpty()).map(this::through);
    }

    private String through(List<Link> steps) {
        return "through " + String.join(", and through ", steps.stream().map(this::named).toList());
    }

    private String named(Link l) {
        return label(l.to()) + ", which " + verb(l.why());
    }

    /** A reason with its verb. */
    static String verb(String why) {
        return why.startsWith("made of ") ? "was " + why : why;
    }

    /** Those of the shortest way that show by weights or recipes. */
    private List<Link> steps(long from, long to) {
        Map<Long, Link> came = new HashMap<>();
        Deque<Long> open = new ArrayDeque<>(List.of(from));
        while (!open.isEmpty() && !came.containsKey(to)) {
            for (Link l : outOf.getOrDefault(open.remove(), List.of())) {
                if (l.to() != from && came.putIfAbsent(l.to(), l) == null) {
                    open.add(l.to());
                }
            }
        }
        List<Link> steps = new ArrayList<>();
        for (Link l = came.get(to); l != null; l = came.get(l.from())) {
            if (l.byWeights()) {
                steps.addFirst(l);
            }
        }
        return steps;
    }

    /** What something came of directly. */
    List<Link> from(long entry) {
        return into.getOrDefault(entry, List.of());
    }

    /** That something is called so. */
    void name(long entry, String label) {
        labels.put(entry, label);
    }

    /** What something is called, such as {@code base second} or {@code soup everyone@1}. */
    public String label(long entry) {
        return labels.getOrDefault(entry, "entry " + entry);
    }

    /** What directly came of what. */
    void add(Link l) {
        into.computeIfAbsent(l.to(), k -> new ArrayList<>()).add(l);
        outOf.computeIfAbsent(l.from(), k -> new ArrayList<>()).add(l);
    }
}
