package org.diffusionsoup.data;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;

/**
 * Names a shard in one string: {@code PATH} or {@code PATH#TERM&TERM...}. The path is a tar or a
 * data set folder. A term is {@code field=value} or {@code field=value,value} (any of them), or the
 * bare name of a shard or view of the data set; {@code field!=value,value} leaves rows out whose
 * field is any of these. All terms must hold. In a value, {@code %2C} and {@code %26} stand for a
 * comma and an ampersand, {@code %25} for a per cent sign. Examples: {@code mine.tar}, {@code
 * shards/emoji#provider=noto&split=train}, {@code shards/emoji#food}.
 *
 * @param path tar file or data set folder
 * @param terms the conditions, in the order given
 */
public record ShardRef(Path path, List<Term> terms) {

    /**
     * One condition.
     *
     * @param field name of a field of {@link SampleInfo}, or empty for the bare name of a shard or
     *     view
     * @param values at least one
     * @param negated whether a row passes if its field equals none of the values, rather than any
     */
    public record Term(String field, Set<String> values, boolean negated) {
        /** Checks that there is a value. */
        public Term {
            values = Set.copyOf(values);
            if (values.isEmpty() || values.contains("")) {
                throw new SoupException("condition \"" + field + "\" of a shard names no value");
            }
        }

        /** A condition that any of the values meets. */
        public Term(String field, Set<String> values) {
            this(field, values, false);
        }

        boolean accepts(SampleInfo info) {
            return values.contains(info.field(field)) != negated;
        }

        private String sortedValues() {
            return values.stream().map(Quoted::write).sorted().collect(Collectors.joining(","));
        }

        @Override
        public String toString() {
            return field.isEmpty()
                    ? sortedValues()
                    : field + (negated ? "!=" : "=") + sortedValues();
        }
    }

    /** Copies the terms. */
    public ShardRef {
        terms = List.copyOf(terms);
    }

    /**
     * Reads the string form.
     *
     * @throws SoupException if a condition is not of the form {@code field=value}
     */
    public static ShardRef parse(String text) {
        int hash = hash(text);
        String path = hash < 0 ? text : text.substring(0, hash);
        if (path.isBlank()) {
            throw new SoupException(
                    "`shard` '" + text + "' names no path; write PATH or PATH#field=value");
        }
        return new ShardRef(
                path(path), hash < 0 ? List.of() : terms(text.substring(hash + 1), text));
    }

    /**
     * Where the conditions begin: at the first '#', unless a file's name holds one, too; -1 if the
     * whole text is a file.
     */
    private static int hash(String text) {
        int first = text.indexOf('#');
        for (int at = text.length(); first >= 0 && at > first; at = text.lastIndexOf('#', at - 1)) {
            if (isThere(text.substring(0, at))) {
                return at == text.length() ? -1 : at;
            }
        }
        return first;
    }

    private static Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new SoupException("shard \"" + text + "\" is no path: " + e.getReason(), e);
        }
    }

    private static boolean isThere(String path) {
        try {
            return Files.exists(Path.of(path));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private static List<Term> terms(String filter, String text) {
        List<Term> terms = new ArrayList<>();
        for (String part : filter.split("&", -1)) {
            int equals = part.indexOf('=');
            boolean negated = equals > 0 && part.charAt(equals - 1) == '!';
            String field = equals < 0 ? "" : part.substring(0, negated ? equals - 1 : equals);
            Set<String> values =
                    Arrays.stream(part.substring(equals + 1).split(",", -1))
                            .map(Quoted::read)
                            .collect(Collectors.toSet());
            if (part.isBlank() || equals == 0 || (negated && field.isEmpty())) {
                throw new SoupException(
                        "shard \"%s\" has the condition \"%s\"; write field=value"
                                .formatted(text, part));
            }
            terms.add(new Term(field, values, negated));
        }
        return terms;
    }

    /**
     * Opens the rows this names.
     *
     * @return at least one row, under the name {@link #name}
     * @throws SoupException if the path is no shard, a name or field is unknown, or no row passes
     */
    public Shard open() {
        if (!Files.exists(path)) {
            throw new SoupException(
                    "shard " + path + " does not exist; give a .tar or a data set folder");
        }
        Shard shard;
        if (Files.isDirectory(path)) {
            Dataset dataset = Dataset.open(path);
            shard = dataset.all();
            for (Term term : terms) {
                shard = term.field().isEmpty() ? byName(dataset, shard, term) : by(shard, term);
            }
        } else {
            shard = Shard.open(path);
            for (Term term : terms) {
                if (term.field().isEmpty()) {
                    throw new SoupException(
                            "shard %s is one tar, it has no view %s; write field=value"
                                    .formatted(path, String.join(",", term.values())));
                }
                shard = by(shard, term);
            }
        }
        if (shard.size() == 0) {
            throw new SoupException("shard " + this + " has zero rows");
        }
        return shard.named(name());
    }

    private static Shard by(Shard shard, Term term) {
        Shard rows = shard.filter(term::accepts);
        if (rows.size() == 0 && shard.size() > 0 && !term.negated()) {
            throw new SoupException(
                    "shard %s has zero rows with %s%s"
                            .formatted(shard.name(), term, nearest(shard, term)));
        }
        return rows;
    }

    /** What was probably meant, or which values there are. */
    private static String nearest(Shard shard, Term term) {
        List<String> known =
                shard.infos().stream()
                        .map(i -> Quoted.write(i.field(term.field())))
                        .distinct()
                        .sorted()
                        .toList();
        String wanted = term.values().iterator().next().toLowerCase(Locale.ROOT);
        List<String> like =
                known.stream()
                        .filter(k -> !k.isEmpty())
                        .filter(k -> {
                            String low = k.toLowerCase(Locale.ROOT);
                            return low.startsWith(wanted) || wanted.startsWith(low);
                        })
                        .limit(3)
                        .toList();
        if (!like.isEmpty()) {
            return "; did you mean " + String.join(" or ", like) + "?";
        }
        return known.size() <= MOST_NAMED
                ? "; there are " + String.join(", ", known)
                : String.format(
                        Locale.ROOT,
                        "; there are %,d values, such as %s",
                        known.size(),
                        String.join(", ", known.subList(0, MOST_NAMED / 2)));
    }

    private static final int MOST_NAMED = 12;

    private static Shard byName(Dataset dataset, Shard shard, Term term) {
        List<Shard> parts = new ArrayList<>();
        for (String wanted : term.values()) {
            Shard named = dataset.shards().get(wanted);
            if (named != null) {
                Set<String> keys =
                        named.infos().stream().map(SampleInfo::key).collect(Collectors.toSet());
                parts.add(shard.filter(info -> keys.contains(info.key())));
                continue;
            }
            String filter = dataset.views().get(wanted);
            if (filter == null) {
                throw new SoupException(
                        "data set %s has no shard or view \"%s\"; it has %s and %s"
                                .formatted(
                                        dataset.name(),
                                        wanted,
                                        dataset.shardNames(),
                                        dataset.views().keySet().stream().sorted().toList()));
            }
            Shard part = shard;
            for (Term inner : terms(filter, filter)) {
                part = by(part, inner);
            }
            parts.add(part);
        }
        Set<String> keep =
                parts.stream()
                        .flatMap(p -> p.infos().stream())
                        .map(SampleInfo::key)
                        .collect(Collectors.toSet());
        return shard.filter(info -> keep.contains(info.key()));
    }

    /**
     * A short name for files and tables: the values of the conditions other than {@code split}
     * joined by '+' or, without any, the path's last part without {@code .tar}.
     */
    public String name() {
        String joined =
                terms.stream()
                        .filter(t -> !t.field().equals("split"))
                        .map(t -> (t.negated() ? "not-" : "") + t.sortedValues())
                        .collect(Collectors.joining("+"));
        if (!joined.isEmpty()) {
            return joined;
        }
        Path last = path.toAbsolutePath().normalize().getFileName();
        String file = last == null ? "shard" : last.toString();
        return file.endsWith(".tar") ? file.substring(0, file.length() - 4) : file;
    }

    /** The string form, conditions' values sorted. */
    @Override
    public String toString() {
        return terms.isEmpty()
                ? path.toString()
                : path + "#" + terms.stream().map(Term::toString).collect(Collectors.joining("&"));
    }
}
