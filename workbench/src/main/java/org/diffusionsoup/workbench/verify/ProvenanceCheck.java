package org.diffusionsoup.workbench.verify;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;

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
        if (!p.recipe().isJson()) {
            wrong.add("the recorded recipe does not parse");
            return;
        }
        List<SoupRecipe.Ingredient> items;
        try {
            SoupRecipe.Parsed recipe = p.recipe().parse("the header");
            if (!recipe.has(SoupRecipe.INGREDIENTS)) {
                return; // training and other methods have no list of coefficients
            }
            items = recipe.ingredients();
        } catch (SoupException e) {
            wrong.add(e.getMessage());
            return;
        }
        BigInteger top = BigInteger.ZERO;
        BigInteger bottom = BigInteger.ONE;
        boolean all = !items.isEmpty();
        for (SoupRecipe.Ingredient in : items) {
            String name = in.name().orElse("?");
            String hash = in.sha256().orElse("");
            if (!hash.matches("([0-9a-f]{64})?")) {
                wrong.add("the recorded sha256 of ingredient " + name + " is none: " + hash);
            }
            if (in.coefficient().isEmpty()) {
                all = false;
                continue;
            }
            String text = in.coefficient().get();
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
