package org.diffusionsoup.core.soup;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonBool;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.core.safetensors.FileChecksum;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.jspecify.annotations.Nullable;

/**
 * The exact sum of a soup's ingredients, kept in a folder beside it ({@code SOUP.sum}): what adding
 * or withdrawing one ingredient needs instead of all the others. {@code sum.json} names the
 * ingredients; per part one file holds sum_i a_i w_i in {@link FloatFormat#SUM_FIXED} or {@link
 * FloatFormat#SUM_DOUBLE}, and one the elements that do not fit.
 *
 * @param folder where it is
 * @param members who is in the sum, in the order they were given, as far as it counts; sums of
 *     earlier versions have an order of their own
 * @param options what else decided the soup's bytes, as in its recipe
 * @param checksums CRC-32C of the other files by name; of none in a sum of an earlier version
 * @param text of {@code sum.json} as it was read; empty of a new one
 */
record KeptSum(
        Path folder,
        List<Member> members,
        SortedMap<String, String> options,
        SortedMap<String, String> checksums,
        String text) {
    /** A new one. */
    KeptSum(
            Path folder,
            List<Member> members,
            SortedMap<String, String> options,
            SortedMap<String, String> checksums) {
        this(folder, members, options, checksums, "");
    }

    /** What a kept sum is as an output. */
    static final OutputKind KIND =
            new OutputKind(
                    "a kept sum",
                    List.of(OutputKind.SUM_ENDING),
                    KeptSum::isOne,
                    false,
                    KeptSum::stranger);

    private static final String INDEX = OutputKind.SUM_INDEX;

    /** The field for the checksum of {@code sum.json} itself, and how it is written until then. */
    private static final String OWN = "crc32c_of_this";

    private static final String SUMS = ".safetensors";
    private static final String EXCEPTIONS = ".exceptions.safetensors";
    private static final String UNKNOWN = "00000000";
    private static final BigInteger MOST_SCALED = BigInteger.valueOf(64);
    private static final Pattern OWN_VALUE =
            Pattern.compile("(\"" + OWN + "\" : \")([0-9a-f]{8})(\")");

    /**
     * An ingredient in the sum.
     *
     * @param a its integer coefficient
     * @param given its weight as it was given, in the same proportions as {@code a}: beside it the
     *     weight of another one counts
     * @param hashes SHA-256 per part
     * @param metadata its header's entries per part
     * @param traits what else of it decides what a soup looks like
     */
    record Member(
            String name,
            BigInteger a,
            Coefficient given,
            SortedMap<String, String> hashes,
            Map<String, Map<String, String>> metadata,
            IngredientTraits traits) {
        /** An order that does not depend on the caller's. */
        static final Comparator<Member> ORDER = Member::compare;

        static Member of(Ingredient i, BigInteger a, Coefficient given, IngredientTraits traits) {
            Map<String, Map<String, String>> metadata = new TreeMap<>();
            i.checkpoint()
                    .parts()
                    .forEach((part, source) ->
                            metadata.put(part, Provenance.withoutProvenance(source.metadata())));
            return new Member(i.what().name(), a, given, i.hashes(), metadata, traits);
        }

        private static int compare(Member one, Member other) {
            int hashes = one.hashes.toString().compareTo(other.hashes.toString());
            if (hashes != 0) {
                return hashes;
            }
            int coefficients = one.a.compareTo(other.a);
            return coefficients != 0 ? coefficients : one.name.compareTo(other.name);
        }

        /** The same with another coefficient. */
        Member withA(BigInteger other) {
            return new Member(name, other, given, hashes, metadata, traits);
        }

        /** Whether it is the same but for the scale of the coefficients. */
        boolean isSame(Member other) {
            return withA(BigInteger.ONE).equals(other.withA(BigInteger.ONE));
        }
    }

    /** The folder that belongs to a soup. */
    static Path folderOf(Path soup) {
        return soup.resolveSibling(soup.getFileName() + OutputKind.SUM_ENDING);
    }

    /**
     * What to say of the sum beside a soup that has just been replaced without one; empty if there
     * is none.
     */
    static String left(Path soup) {
        Path folder = folderOf(soup);
        return Files.exists(folder)
                ? "%s is the sum of what was at %s before, with all that was in it: delete it, or keep one of the new soup with `keepSum`."
                        .formatted(folder, soup)
                : "";
    }

    /** Whether a folder is a kept sum and nothing else. */
    static boolean isOne(Path folder) {
        return strangers(folder).filter(List::isEmpty).isPresent();
    }

    private static Optional<String> stranger(Path folder) {
        return strangers(folder)
                .flatMap(all -> all.stream().findFirst())
                .map(f -> "'" + f + "', which is no part of a kept sum");
    }

    /** What lies in a kept sum that is none of its files, by name; empty of what is no sum. */
    private static Optional<List<String>> strangers(Path folder) {
        String[] inside = folder.toFile().list();
        if (inside == null || !Files.isRegularFile(folder.resolve(INDEX))) {
            return Optional.empty();
        }
        Set<String> all = Set.of(inside);
        Set<String> listed;
        try {
            listed =
                    strings(JsonValue.readObject(folder.resolve(INDEX)).fields().get("crc32c"))
                            .keySet();
        } catch (SoupException e) {
            return Optional.empty();
        }
        return Optional.of(
                all.stream()
                        .filter(f ->
                                !f.equals(INDEX)
                                        && !listed.contains(f)
                                        && !(listed.isEmpty() && isOfPair(f, all))) // earlier ones
                        .sorted()
                        .toList());
    }

    private static boolean isOfPair(String file, Set<String> all) {
        return file.endsWith(EXCEPTIONS)
                ? all.contains(file.replace(EXCEPTIONS, SUMS))
                : file.endsWith(SUMS) && all.contains(file.replace(SUMS, EXCEPTIONS));
    }

    /** The ingredients by name, with the weights that they were given. */
    SortedMap<String, Coefficient> weights() {
        TreeMap<String, Coefficient> weights = new TreeMap<>();
        members.forEach(m -> weights.merge(m.name(), m.given(), Coefficient::plus));
        return weights;
    }

    /** What is shown while a part's sum is written: each has bytes of its own to count. */
    static String progressOf(String part) {
        return part.isEmpty() ? "keeping the sum" : "keeping the sum of " + part;
    }

    static String sums(String part) {
        return (part.isEmpty() ? "weights" : part) + SUMS;
    }

    /** Whether it has a sum of a part. */
    boolean has(String part) {
        return Files.exists(folder.resolve(sums(part)));
    }

    static String exceptions(String part) {
        return (part.isEmpty() ? "weights" : part) + EXCEPTIONS;
    }

    /** Writes {@code sum.json} into a folder. */
    void writeIndex(Path into) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            g.writeStartObject();
            strings(g, "options", options);
            g.writeArrayFieldStart("ingredients");
            for (Member m : members) {
                g.writeStartObject();
                g.writeStringField("name", m.name());
                g.writeStringField("weight", m.a().toString());
                g.writeStringField("given", m.given().toString());
                strings(g, "sha256", m.hashes());
                g.writeObjectFieldStart("metadata");
                for (var part : m.metadata().entrySet()) {
                    strings(g, part.getKey(), part.getValue());
                }
                g.writeEndObject();
                write(g, m.traits());
                g.writeEndObject();
            }
            g.writeEndArray();
            strings(g, "crc32c", checksums);
            g.writeStringField(OWN, UNKNOWN);
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("Cannot write " + INDEX + ".", e);
        }
        String blank = text + "\n";
        String own = FileChecksum.ofBytes(blank.getBytes(StandardCharsets.UTF_8));
        String whole = OWN_VALUE.matcher(blank).replaceFirst("$1" + own + "$3");
        AtomicFiles.write(into.resolve(INDEX), whole.getBytes(StandardCharsets.UTF_8));
    }

    private static void write(JsonGenerator g, IngredientTraits traits) throws IOException {
        strings(g, "files", traits.files());
        strings(g, "tensors", traits.tensors());
        strings(g, "dtypes", traits.dtypes());
        if (traits.predicts().isPresent()) {
            g.writeStringField("predicts", traits.predicts().get());
            g.writeBooleanField("beside", traits.beside());
        }
    }

    private static IngredientTraits traits(JsonObject member) {
        return new IngredientTraits(
                strings(member.fields().get("files")),
                strings(member.fields().get("tensors")),
                strings(member.fields().get("dtypes")),
                member.string("predicts"),
                member.fields().get("beside") instanceof JsonBool(boolean b) && b);
    }

    private static void strings(JsonGenerator g, String field, Map<String, String> map)
            throws IOException {
        g.writeObjectFieldStart(field);
        for (var e : new TreeMap<>(map).entrySet()) {
            g.writeStringField(e.getKey(), e.getValue());
        }
        g.writeEndObject();
    }

    /**
     * Reads the sum kept beside a soup.
     *
     * @param otherwise what else would do where there is none, in words
     * @throws SoupException if there is none
     * @throws MalformedCheckpointException if its {@code sum.json} is not one
     */
    static KeptSum open(Path soup, Optional<String> otherwise) {
        Path folder = folderOf(soup);
        Path index = folder.resolve(INDEX);
        if (!Files.isRegularFile(index)) {
            if (!Files.exists(soup)) {
                throw new SoupException(
                        "There is no model " + soup + "; name the soup that is to be adjusted.");
            }
            throw new SoupException(
                    "No sum is kept beside "
                            + soup
                            + " ("
                            + folder
                            + " is missing; 'soup adjust', too, keeps the sum of its result only with"
                            + " `keepSum`); average the ingredients again with `keepSum`"
                            + otherwise.map(o -> ", or " + o).orElse("")
                            + ".");
        }
        String text = read(index);
        JsonObject o =
                JsonValue.readObject(text.getBytes(StandardCharsets.UTF_8), index.toString());
        if (!(o.fields().get("ingredients") instanceof JsonArray(List<JsonValue> items))) {
            throw new MalformedCheckpointException(index, "ingredients", "a list", "none");
        }
        List<Member> members = new ArrayList<>();
        for (JsonValue item : items) {
            if (!(item instanceof JsonObject m)
                    || !m.string("weight").orElse("").matches("[1-9][0-9]{0,18}")) {
                throw new MalformedCheckpointException(
                        index, "ingredients", "objects with a weight", "something else");
            }
            Map<String, Map<String, String>> metadata = new LinkedHashMap<>();
            if (m.fields().get("metadata") instanceof JsonObject parts) {
                parts.fields().forEach((part, map) -> metadata.put(part, strings(map)));
            }
            members.add(
                    new Member(
                            m.string("name").orElse(""),
                            new BigInteger(m.string("weight").orElse("1")),
                            given(index, m),
                            strings(m.fields().get("sha256")),
                            metadata,
                            traits(m)));
        }
        return new KeptSum(
                folder,
                members,
                strings(o.fields().get("options")),
                strings(o.fields().get("crc32c")),
                text);
    }

    /** Sums of earlier versions tell the whole coefficients only. */
    private static Coefficient given(Path index, JsonObject member) {
        String weight = member.string("weight").orElse("1");
        try {
            return Coefficient.parse(member.string("given").orElse(weight));
        } catch (SoupException e) {
            throw new MalformedCheckpointException(
                    index, "ingredients", "weights as they were given", "something else");
        }
    }

    /**
     * What to multiply coefficients in lowest terms with, so that any whole weight counts whole
     * beside those that were given: 2 for the weights 2 and 2. Where that would make the sum large,
     * whose elements then fit its format less often, it stays in lowest terms.
     */
    static BigInteger scale(List<Member> members) {
        Member first = members.getFirst();
        BigInteger scale =
                new Coefficient(
                                first.given().numerator(),
                                first.given().denominator().multiply(first.a()))
                        .numerator();
        BigInteger total = members.stream().map(Member::a).reduce(BigInteger.ZERO, BigInteger::add);
        return total.multiply(scale).compareTo(MOST_SCALED) <= 0 ? scale : BigInteger.ONE;
    }

    /**
     * How many units of the sum a weight of 1 counts.
     *
     * @throws SoupException if the members disagree
     */
    Coefficient unit() {
        List<Coefficient> units =
                members.stream()
                        .map(m ->
                                new Coefficient(
                                        m.a().multiply(m.given().denominator()),
                                        m.given().numerator()))
                        .distinct()
                        .toList();
        if (units.size() != 1) {
            throw damaged(INDEX);
        }
        return units.getFirst();
    }

    /**
     * Checks the files that are read as a whole: {@code sum.json} and the exceptions. The others
     * are checked while they are used, see {@link #check}.
     *
     * @throws SoupException if one is not what was written, or nothing says what that was
     */
    void checkSmall() {
        Matcher own = OWN_VALUE.matcher(text);
        if (!own.find() || checksums.isEmpty()) {
            throw new SoupException(
                    "The sum "
                            + folder
                            + " has no checksums, as those of earlier versions: nobody could tell"
                            + " whether it is whole. Average the ingredients again with"
                            + " `keepSum`.");
        }
        String blank = own.replaceFirst("$1" + UNKNOWN + "$3");
        if (!FileChecksum.ofBytes(blank.getBytes(StandardCharsets.UTF_8)).equals(own.group(2))) {
            throw damaged(INDEX);
        }
        for (String file : checksums.keySet()) {
            if (!Files.isRegularFile(folder.resolve(file))) {
                throw damaged(file);
            }
            if (file.endsWith(EXCEPTIONS)) {
                check(file, FileChecksum.ofWhole(folder.resolve(file)));
            }
        }
    }

    /**
     * Compares a file's checksum with the one that was noted.
     *
     * @throws SoupException if they differ
     */
    void check(String file, String checksum) {
        if (!checksum.equals(checksums.get(file))) {
            throw damaged(file);
        }
    }

    private static String read(Path index) {
        try {
            return new String(Files.readAllBytes(index), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new SoupIoException("read", index, e);
        }
    }

    /**
     * Makes sure that the sum which was opened is still the one that stands there: files of two
     * runs do not belong together, though nothing of them is damaged.
     *
     * @throws SoupException if another run has replaced it
     */
    void checkNotReplaced() {
        Path index = folder.resolve(INDEX);
        if (!Files.isRegularFile(index) || !read(index).equals(text)) {
            throw new SoupException(
                    "The sum %s was replaced by another run while this one read it. Nothing was made here; run the command again, and it starts from what stands there now."
                            .formatted(folder));
        }
    }

    private SoupException damaged(String file) {
        return new SoupException(
                "The sum %s is damaged: %s is not what was written there. Nothing was made of it; put a whole copy in its place, or average the ingredients again with `keepSum`."
                        .formatted(folder, file));
    }

    private static SortedMap<String, String> strings(@Nullable JsonValue value) {
        TreeMap<String, String> map = new TreeMap<>();
        if (value instanceof JsonObject o) {
            o.fields()
                    .forEach((k, v) -> {
                        if (v instanceof JsonString(String s)) {
                            map.put(k, s);
                        }
                    });
        }
        return map;
    }
}
