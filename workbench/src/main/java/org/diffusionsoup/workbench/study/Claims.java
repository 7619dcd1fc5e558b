package org.diffusionsoup.workbench.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.JsonMappers;

/** The claims of the paper, in its order, as claims.yaml lists them. */
final class Claims {
    private Claims() {}

    static List<Claim> read() {
        try (InputStream in =
                Objects.requireNonNull(Claims.class.getResourceAsStream("claims.yaml"))) {
            List<Claim> claims = new ArrayList<>();
            JsonMappers.PLAIN
                    .reader()
                    .with(new YAMLFactory())
                    .readTree(in)
                    .forEach(c -> claims.add(claim(c)));
            return claims;
        } catch (IOException e) {
            throw new SoupException("The list of claims is damaged: " + e.getMessage(), e);
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
        if (c.has("number")) {
            return Optional.of(new Claim.Numeric(c.path("number").asText(), above, to.asDouble()));
        }
        return Optional.of(
                new Claim.Compared(
                        c.path("model").asText(),
                        above,
                        texts(to),
                        texts(c.path("judges")),
                        c.has("margin")
                                ? Optional.of(c.path("margin").asDouble())
                                : Optional.empty()));
    }

    private static List<String> texts(JsonNode node) {
        List<String> out = new ArrayList<>();
        node.forEach(n -> out.add(n.asText()));
        return out;
    }
}
