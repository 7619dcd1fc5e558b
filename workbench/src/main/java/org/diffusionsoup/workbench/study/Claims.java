package org.diffusionsoup.workbench.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Function;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.JsonMappers;

/** The claims of the paper, in its order, as claims.yaml lists them. */
final class Claims {
    private Claims() {}

    static List<Claim> read() {
        return each("claims.yaml", Claims::claim);
    }

    /**
     * What studies measured that is in no claim, and why.
     *
     * @param models of the study that are in none
     * @param judges by which none is made
     * @param what is measured where the study has no table of scores
     */
    record Unclaimed(
            String study, List<String> models, List<String> judges, String what, String why) {}

    static List<Unclaimed> unclaimed() {
        return each(
                "unclaimed.yaml",
                u ->
                        new Unclaimed(
                                u.path("study").asText(),
                                texts(u.path("models")),
                                texts(u.path("judges")),
                                u.path("what").asText(""),
                                u.path("why").asText()));
    }

    private static <T> List<T> each(String file, Function<JsonNode, T> read) {
        try (InputStream in = Objects.requireNonNull(Claims.class.getResourceAsStream(file))) {
            List<T> all = new ArrayList<>();
            JsonMappers.PLAIN
                    .reader()
                    .with(new YAMLFactory())
                    .readTree(in)
                    .forEach(c -> all.add(read.apply(c)));
            return all;
        } catch (IOException e) {
            throw new SoupException("The program's own " + file + " is damaged.", e);
        }
    }

    private static Claim claim(JsonNode c) {
        return new Claim(
                c.path("where").asText(),
                c.path("says").asText(),
                c.path("paper").asText(""),
                c.has("study") ? Optional.of(c.path("study").asText()) : Optional.empty(),
                check(c),
                c.path("note").asText(""));
    }

    private static Optional<Claim.Check> check(JsonNode c) {
        if (!c.has("above") && !c.has("below")) {
            return Optional.empty();
        }
        boolean above = c.has("above");
        JsonNode to = c.path(above ? "above" : "below");
        if (c.has("numbers")) {
            SequencedMap<String, String> pointers = new LinkedHashMap<>();
            c.path("numbers")
                    .properties()
                    .forEach(n -> pointers.put(n.getKey(), n.getValue().asText()));
            return Optional.of(
                    new Claim.Numeric(
                            pointers,
                            above,
                            to.asDouble(),
                            c.has("less") ? Optional.of(c.path("less").asText()) : Optional.empty(),
                            c.path("less-is").asText("")));
        }
        return Optional.of(
                new Claim.Compared(
                        texts(c.path("model")),
                        above,
                        texts(to),
                        c.path("peak").asBoolean(),
                        texts(c.path("judges")),
                        c.has("margin")
                                ? Optional.of(c.path("margin").asDouble())
                                : Optional.empty()));
    }

    /** A list of texts, or one of them alone. */
    private static List<String> texts(JsonNode node) {
        if (node.isValueNode()) {
            return List.of(node.asText());
        }
        List<String> out = new ArrayList<>();
        node.forEach(n -> out.add(n.asText()));
        return out;
    }
}
