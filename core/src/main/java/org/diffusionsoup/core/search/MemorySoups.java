package org.diffusionsoup.core.search;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.SortedSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.soup.RunningSoup;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.TensorSource;

/** Candidates formed of checkpoints in memory, by a {@link RunningSoup}. */
public final class MemorySoups implements CandidateSoups, CandidateWeights, AutoCloseable {
    private final RunningSoup soup;
    private final List<Choice> choices;

    private MemorySoups(RunningSoup soup, List<Choice> choices) {
        this.soup = soup;
        this.choices = List.copyOf(choices);
    }

    /**
     * Opens ingredients of one base.
     *
     * @throws SoupException as {@link Souper#make} does, or if two have one name
     */
    public static MemorySoups open(List<Path> ingredients, SoupOptions options) {
        RunningSoup soup = RunningSoup.open(ingredients, options);
        List<Choice> choices = new ArrayList<>();
        List<String> names = soup.names();
        for (int i = 0; i < names.size(); i++) {
            choices.add(new Choice(names.get(i), soup.hashes(i)));
        }
        if (new HashSet<>(names).size() < names.size()) {
            soup.close();
            for (int i = 0; i < ingredients.size(); i++) {
                if (ingredients.indexOf(ingredients.get(i)) < i) {
                    throw new SoupException(
                            ingredients.get(i) + " is named twice; name each ingredient once.");
                }
            }
            throw new SoupException(
                    "Two ingredients have the same name among " + names + "; rename one.");
        }
        return new MemorySoups(soup, choices);
    }

    @Override
    public List<Choice> choices() {
        return choices;
    }

    @Override
    public CandidateWeights form(Candidate candidate, Candidate base) {
        soup.form(shares(candidate), shares(base));
        return this;
    }

    private static int[] shares(Candidate c) {
        return c.shares().stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public SortedSet<String> parts() {
        return soup.parts();
    }

    @Override
    public TensorSource part(String name) {
        return soup.part(name);
    }

    @Override
    public boolean isShared(String part) {
        return soup.isShared(part);
    }

    /** What is in memory and what was read, for measurements. */
    public RunningSoup running() {
        return soup;
    }

    @Override
    public void close() {
        soup.close();
    }
}
