package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.OutputLayout;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.soup.KeptSum.Member;

/**
 * What a soup of exact means says of itself in its header: per ingredient its name, the SHA-256 of
 * its file and its normalised coefficient as a fraction.
 *
 * @param layout the soup's
 * @param members the ingredients, in {@link Member#ORDER}
 * @param options what else decides the bytes, such as the output's dtype, by name
 * @param copied by part, which tensors are not means of all ingredients, in words; of none where
 *     all are
 * @param objective what the soup predicts, where its ingredients say it; empty where they do not
 * @param first the ingredient that was given first
 */
record Recipe(
        OutputLayout layout,
        List<Member> members,
        SortedMap<String, String> options,
        SortedMap<String, String> copied,
        Optional<String> objective,
        Member first) {
    /**
     * With coefficients in lowest terms, in an order of their own.
     *
     * @param members as they were given
     */
    static Recipe average(
            OutputLayout layout,
            List<Member> members,
            SortedMap<String, String> options,
            Optional<String> objective) {
        return average(layout, members, options, new TreeMap<>(), objective);
    }

    /** The same of ingredients that were not required to be alike. */
    static Recipe average(
            OutputLayout layout,
            List<Member> members,
            SortedMap<String, String> options,
            SortedMap<String, String> copied,
            Optional<String> objective) {
        BigInteger gcd = members.stream().map(Member::a).reduce(BigInteger.ZERO, BigInteger::gcd);
        return new Recipe(
                layout,
                members.stream().map(m -> m.withA(m.a().divide(gcd))).sorted(Member.ORDER).toList(),
                options,
                copied,
                objective,
                members.getFirst());
    }

    Coefficient coefficient(int i) {
        BigInteger total = members.stream().map(Member::a).reduce(BigInteger.ZERO, BigInteger::add);
        return new Coefficient(members.get(i).a(), total);
    }

    /** Header metadata of one part: what all inputs agree on, and the provenance. */
    Map<String, String> metadata(String part) {
        List<Map<String, String>> all = new ArrayList<>();
        for (Member m : members) {
            if (m.metadata().containsKey(part)) {
                all.add(m.metadata().getOrDefault(part, Map.of()));
            }
        }
        Map<String, String> common = CarriedConfigs.common(all, first(part));
        objective.ifPresent(o -> sayObjective(common, o));
        // The libraries that load pipelines refuse files that do not say for which framework.
        common.putIfAbsent("format", "pt");
        return Provenance.of(header(part)).writeTo(common);
    }

    /** What the ingredient that was given first says of itself, where it counts which that was. */
    private Map<String, String> first(String part) {
        // Where components are copied it counts, too, but not for those that are averaged.
        return MismatchPolicy.of(options).refusesAll()
                ? Map.of()
                : first.metadata().getOrDefault(part, Map.of());
    }

    /** Says what a single file predicts where nothing else in its header does. */
    private static void sayObjective(Map<String, String> header, String prediction) {
        if (!header.containsKey(CarriedConfigs.KEY)) {
            header.putIfAbsent(
                    TrainingObjective.MODELSPEC,
                    prediction.equals(TrainingObjective.VELOCITY) ? "v" : prediction);
        }
    }

    /**
     * SHA-256 of a part of the ingredient that the others were compared with, where {@code
     * first_name} does not say which one that was: several files may be called {@code
     * model.safetensors}.
     */
    private Optional<String> firstHash(String part) {
        List<Member> named =
                members.stream()
                        .filter(m -> m.name().equals(options.get(SoupRecipe.FIRST_NAME)))
                        .toList();
        if (named.stream().map(Member::hashes).distinct().count() < 2) {
            return Optional.empty();
        }
        return Optional.of(first.hashes().getOrDefault(part, ""));
    }

    /** What the header of a part says. */
    SoupRecipe header(String part) {
        return SoupRecipe.write(
                SoupRecipe.AVERAGE,
                g -> {
                    if (!part.isEmpty()) {
                        g.writeStringField(SoupRecipe.FILE, layout.fileOf(part));
                    }
                    for (var e : options.entrySet()) {
                        g.writeStringField(e.getKey(), e.getValue());
                    }
                    Optional<String> first = firstHash(part);
                    if (first.isPresent()) {
                        g.writeStringField(SoupRecipe.FIRST_SHA256, first.get());
                    }
                    String notMeans = copied.getOrDefault(part, "");
                    if (!notMeans.isEmpty()) {
                        g.writeStringField(SoupRecipe.COPIED, notMeans);
                    }
                    g.writeArrayFieldStart(SoupRecipe.INGREDIENTS);
                    for (int i = 0; i < members.size(); i++) {
                        Member in = members.get(i);
                        g.writeStartObject();
                        g.writeStringField(SoupRecipe.NAME, in.name());
                        g.writeStringField(SoupRecipe.SHA256, in.hashes().getOrDefault(part, ""));
                        g.writeStringField(SoupRecipe.COEFFICIENT, coefficient(i).toString());
                        g.writeEndObject();
                    }
                    g.writeEndArray();
                });
    }
}
