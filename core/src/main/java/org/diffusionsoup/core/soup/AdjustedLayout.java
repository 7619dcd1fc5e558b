package org.diffusionsoup.core.soup;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.OutputLayout;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.soup.SoupAdjuster.Request;

/**
 * What an adjusted soup copies instead of averaging it: of a diffusers folder the components that
 * were not to be averaged, configurations, tokenizers. It is what averaging afresh would copy, so
 * nothing stays of an ingredient that leaves: the soup's own files where they are that, else those
 * of an ingredient that comes, or of one that lies beside and has the hashes that the sum noted.
 */
final class AdjustedLayout implements AutoCloseable {
    private final Request request;
    private final Checkpoint soup;
    private final KeptSum kept;
    private final Set<String> averaged;
    private final List<Member> members;
    private final Map<Member, Checkpoint> there = new IdentityHashMap<>();
    private final SoupOptions options;
    private final SortedSet<String> components;
    private final List<Checkpoint> opened = new ArrayList<>();
    private final OutputLayout layout;

    /**
     * @param averaged the parts that the sum has
     * @param members who is to be in the soup, as they were given
     * @param added those of them that come, by who they are
     * @throws SoupException if it is not there; says how to average afresh
     */
    AdjustedLayout(
            Request request,
            Checkpoint soup,
            KeptSum kept,
            Set<String> averaged,
            List<Member> members,
            Map<Member, Checkpoint> added,
            SoupOptions options) {
        this.request = request;
        this.soup = soup;
        this.kept = kept;
        this.averaged = averaged;
        this.members = members;
        this.options = options;
        this.components = IngredientTraits.components(kept.options());
        there.putAll(added);
        boolean done = false;
        try {
            this.layout = found();
            done = true;
        } finally {
            if (!done) {
                close();
            }
        }
    }

    OutputLayout layout() {
        return layout;
    }

    /** Where copied files come from that the soup had not, in a sentence; empty if it had all. */
    String note() {
        return opened.isEmpty()
                ? ""
                : "Not averaged, but copied from %s: what the soup had of that was of an ingredient that is not the first any more."
                        .formatted(
                                opened.stream()
                                        .map(c -> c.path().toString())
                                        .collect(Collectors.joining(", ")));
    }

    private OutputLayout found() {
        if (soup.folder().isEmpty()) {
            return OutputLayout.of(soup);
        }
        if (request.byCaller()) {
            checkNothingCopied();
            return OutputLayout.of(soup);
        }
        if (members.stream().anyMatch(m -> m.traits().files().isEmpty())) {
            throw new SoupException(
                    "The sum %s is of an earlier version, which did not note what else its ingredients have: nobody could tell whether what the soup copied is to stay; average afresh: %s"
                            .formatted(kept.folder(), afresh()));
        }
        SortedMap<String, String> own = copied(soup);
        Member first = first();
        SortedMap<String, String> wanted = first.traits().files();
        boolean owns = own.keySet().equals(wanted.keySet());
        for (String file : wanted.keySet()) {
            owns &= !isOneOnly(file) || wanted.getOrDefault(file, "").equals(own.get(file));
        }
        Checkpoint like =
                owns
                        ? soup
                        : checkpoint(
                                first, "What is not averaged is copied from the first ingredient");
        TreeMap<String, Path> others = new TreeMap<>();
        for (String file : wanted.keySet()) {
            if (!isOneOnly(file)) {
                Path least = least(file, own.getOrDefault(file, ""));
                if (!least.equals(like.path().resolve(file))) {
                    others.put(file, least);
                }
            }
        }
        return new OutputLayout(like, new TreeSet<>(), new TreeMap<>(), others);
    }

    /** What a soup would copy of a folder, as it lies there. */
    private SortedMap<String, String> copied(Checkpoint from) {
        return IngredientTraits.files(
                from,
                averaged,
                part -> Hashes.ofFiles(from.part(part).files(), options.hashes()::sha256));
    }

    private boolean isOneOnly(String file) {
        return IngredientTraits.isOneOnly(file, components);
    }

    /** In whose layout the soup is: of some components, of all the first by hash. */
    private Member first() {
        return components.isEmpty()
                ? members.stream().min(Member.ORDER).orElseThrow()
                : members.getFirst();
    }

    /** Of texts that say the same, averaging takes the one that sorts first. */
    private Path least(String file, String own) {
        Map<String, Path> texts = new LinkedHashMap<>();
        Set<String> wanted = new LinkedHashSet<>();
        members.forEach(m -> wanted.add(m.traits().files().getOrDefault(file, "")));
        if (wanted.contains(own)) {
            // The least of all that were in it is the least of those that stay.
            texts.put(own, soup.path().resolve(file));
        }
        for (Member m : members) {
            String hash = m.traits().files().getOrDefault(file, "");
            boolean stays = !there.containsKey(m);
            if (!texts.containsKey(hash) && !(stays && texts.containsKey(own))) {
                texts.put(
                        hash,
                        checkpoint(
                                        m,
                                        "%s was taken from an ingredient that leaves, and the others say the same in other words"
                                                .formatted(file))
                                .path()
                                .resolve(file));
            }
        }
        Path least = texts.values().iterator().next();
        for (Path text : texts.values()) {
            least = CarriedConfigs.isLesser(read(text), read(least)) ? text : least;
        }
        return least;
    }

    private static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** Where a member lies: it comes, or is looked for where those are that are known. */
    private Checkpoint checkpoint(Member m, String why) {
        Checkpoint known = there.get(m);
        if (known != null) {
            return known;
        }
        Set<Path> places = new LinkedHashSet<>();
        Stream.of(
                        Stream.of(request.soup()),
                        request.remove().stream(),
                        request.add().stream().map(SoupIngredient::path))
                .flatMap(s -> s)
                .forEach(p -> places.add(p.toAbsolutePath().normalize().resolveSibling(m.name())));
        places.add(Path.of(m.name()).toAbsolutePath().normalize());
        for (Path place : places) {
            Optional<Checkpoint> found = open(m, place);
            if (found.isPresent()) {
                there.put(m, found.get());
                opened.add(found.get());
                Inputs.keep(request.output(), List.of(place), "its ingredient");
                return found.get();
            }
        }
        throw new SoupException(
                "%s, and that is '%s' now, which is not found as it was averaged (looked at %s). Put it there, or average afresh: %s"
                        .formatted(why, m.name(), places.iterator().next(), afresh()));
    }

    private Optional<Checkpoint> open(Member m, Path place) {
        if (!DiffusersFolder.isOne(place)) {
            return Optional.empty();
        }
        Checkpoint found;
        try {
            found =
                    Checkpoint.openWhole(
                            place, kept.options().getOrDefault(SoupRecipe.VARIANT, ""));
        } catch (SoupException e) {
            return Optional.empty(); // something else of that name
        }
        boolean same = false;
        try {
            same = copied(found).equals(m.traits().files());
        } finally {
            if (!same) {
                found.close();
            }
        }
        return same ? Optional.of(found) : Optional.empty();
    }

    /** A caller who writes by himself copies all that is not averaged from the old soup. */
    private void checkNothingCopied() {
        for (String part : soup.parts().keySet()) {
            long kinds =
                    Stream.concat(kept.members().stream(), members.stream())
                            .map(m -> m.hashes().getOrDefault(part, ""))
                            .distinct()
                            .count();
            if (!averaged.contains(part) && kinds > 1) {
                throw new SoupException(
                        "Component '%s' of %s is one ingredient's and no mean; average afresh."
                                .formatted(part, request.soup()));
            }
        }
    }

    /** The command that averages afresh; those who stay are called as the sum calls them. */
    private String afresh() {
        List<String> words = new ArrayList<>(List.of("soup", "merge"));
        Map<String, Path> paths = new LinkedHashMap<>();
        there.forEach((m, c) -> paths.put(m.hashes().toString(), c.path()));
        for (Member m : members) {
            Path known = paths.get(m.hashes().toString());
            words.add(known == null ? m.name() : known.toString());
        }
        words.addAll(List.of("`out`", request.output().toString()));
        List<String> given =
                members.stream().map(Member::given).map(Coefficient::toString).toList();
        if (Set.copyOf(given).size() > 1) {
            words.addAll(List.of("`weights`", String.join(",", given)));
        }
        option(words, "component", SoupRecipe.COMPONENTS);
        option(words, "variant", SoupRecipe.VARIANT);
        option(words, "dtype", SoupRecipe.DTYPE);
        if (kept.options().containsKey(SoupRecipe.ALLOW_NON_FINITE)) {
            words.add("`allowNan`");
        }
        long size = options.writer().shardBytes();
        if (size > 0) {
            words.addAll(List.of("`shardSize`", size + "B"));
        }
        if (options.keepSum()) {
            words.add("`keepSum`");
        }
        if (options.writer().replace()) {
            words.add("`force`");
        }
        return String.join(" ", words);
    }

    private void option(List<String> words, String setting, String key) {
        String value = kept.options().getOrDefault(key, "");
        if (!value.isEmpty()) {
            words.addAll(List.of("`" + setting + "`", value));
        }
    }

    /** Closes what was found beside; those who come are closed by whoever opened them. */
    @Override
    public void close() {
        opened.forEach(Checkpoint::close);
    }
}
