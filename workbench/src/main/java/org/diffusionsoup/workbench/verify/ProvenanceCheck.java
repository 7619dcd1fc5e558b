package org.diffusionsoup.workbench.verify;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;

/**
 * Whether what a header says of its file's making can be true: nothing outside the file is read.
 */
final class ProvenanceCheck {
    private ProvenanceCheck() {}

    /** What is wrong, in words; empty where nothing is, or nothing is recorded. */
    static List<String> of(Map<String, String> metadata) {
        List<String> wrong = new ArrayList<>();
        Provenance.readFrom(metadata).ifPresent(p -> recipe(p, wrong));
        return wrong;
    }

    private static void recipe(Provenance p, List<String> wrong) {
        JsonObject recipe;
        try {
            recipe =
                    JsonValue.readObject(
                            p.recipe().getBytes(StandardCharsets.UTF_8), "The recorded recipe");
        } catch (SoupException e) {
            wrong.add("the recorded recipe does not parse");
            return;
        }
        if (!(recipe.fields().get("ingredients") instanceof JsonArray(List<JsonValue> items))) {
            return; // training and other methods have no list of coefficients
        }
        BigInteger top = BigInteger.ZERO;
        BigInteger bottom = BigInteger.ONE;
        boolean all = !items.isEmpty();
        for (JsonValue item : items) {
            if (!(item instanceof JsonObject in)) {
                wrong.add("an ingredient of the recorded recipe is no object");
                return;
            }
            String name = in.string("name").orElse("?");
            String hash = in.string("sha256").orElse("");
            if (!hash.matches("([0-9a-f]{64})?")) {
                wrong.add("the recorded sha256 of ingredient " + name + " is none: " + hash);
            }
            if (!(in.fields().get("coefficient") instanceof JsonString(String text))) {
                all = false;
                continue;
            }
            try {
                Coefficient k = Coefficient.parse(text);
                top = top.multiply(k.denominator()).add(k.numerator().multiply(bottom));
                bottom = bottom.multiply(k.denominator());
            } catch (SoupException e) {
                wrong.add("the recorded coefficient of ingredient " + name + " is none: " + text);
                all = false;
            }
        }
        if (all && !top.equals(bottom)) {
            BigInteger g = top.gcd(bottom);
            wrong.add(
                    "the recorded coefficients sum to "
                            + top.divide(g)
                            + "/"
                            + bottom.divide(g)
                            + ", not 1");
        }
    }
}
