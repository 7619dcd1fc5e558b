package org.diffusionsoup.core.method.recipe;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.Factor;
import org.diffusionsoup.core.method.Load;
import org.diffusionsoup.core.method.NamePattern;
import org.diffusionsoup.core.method.Rational;
import org.diffusionsoup.core.method.recipe.RecipeNode.Fields;
import org.diffusionsoup.core.method.recipe.RecipeNode.Items;
import org.diffusionsoup.core.method.recipe.RecipeNode.Text;

/** What a recipe's text is made of: numbers, names, keys and lists, refused with their lines. */
abstract sealed class RecipeText permits RecipeReader {
    private final String where;

    RecipeText(String where) {
        this.where = where;
    }

    final RecipeNode parse(JsonParser parser) {
        try {
            return new RecipeNode.Reader(parser, where).read();
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getLineNr());
            String reason = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
            throw new RecipeException(where, line, reason);
        } catch (IOException e) {
            throw new SoupException("Cannot read " + where + ": " + e.getMessage() + ".", e);
        }
    }

    // ---- numbers and names ----

    final Factor factor(Fields owner, String key) {
        RecipeNode node = owner.fields().get(key);
        if (node == null) {
            return Factor.ONE;
        }
        if (node instanceof Text) {
            return Factor.of(number(node));
        }
        String what = Plural.one(key) + " per block";
        Fields f = fields(node, what, Set.of("blocks", "default"));
        List<Factor.Rule> rules = new ArrayList<>();
        for (RecipeNode item : items(need(f, "blocks", what))) {
            Fields rule = fields(item, "a block", Set.of("match", "regex", "value"));
            RecipeNode glob = rule.fields().get("match");
            RecipeNode regex = rule.fields().get("regex");
            if ((glob == null) == (regex == null)) {
                throw bad(item, "a block has either a 'match' or a 'regex'");
            }
            String pattern = text(glob == null ? need(rule, "regex", "a block") : glob);
            Rational value = number(need(rule, "value", "a block"));
            rules.add(
                    at(
                            item,
                            () -> new Factor.Rule(new NamePattern(pattern, regex != null), value)));
        }
        return new Factor(rules, number(need(f, "default", what)));
    }

    final Rational number(RecipeNode node) {
        return at(node, () -> Rational.parse(text(node)));
    }

    final long seed(RecipeNode node) {
        try {
            return Long.parseLong(text(node));
        } catch (NumberFormatException e) {
            throw bad(node, "a seed is a whole number of at most 64 bits, not " + text(node));
        }
    }

    final boolean truth(RecipeNode node) {
        return switch (text(node)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw bad(node, "true or false is due here, not " + text(node));
        };
    }

    final String name(int line, String name) {
        try {
            Load.checkName(name);
        } catch (SoupException e) {
            throw located(line, e);
        }
        return name;
    }

    final Path path(RecipeNode node, Path folder) {
        try {
            return folder.resolve(text(node));
        } catch (InvalidPathException e) {
            throw bad(node, "'" + text(node) + "' is no path");
        }
    }

    // ---- shapes of nodes ----

    final Fields mapping(RecipeNode node) {
        if (node instanceof Fields f) {
            return f;
        }
        throw bad(node, "keys with values are due here");
    }

    final Fields fields(RecipeNode node, String what, Set<String> known) {
        Fields f = mapping(node);
        f.keyLines()
                .forEach((key, line) -> {
                    if (!known.contains(key)) {
                        throw new RecipeException(
                                where,
                                line,
                                "unknown key '"
                                        + key
                                        + "' in "
                                        + what
                                        + "; it has "
                                        + String.join(", ", known.stream().sorted().toList()));
                    }
                });
        return f;
    }

    final RecipeNode need(Fields fields, String key, String what) {
        RecipeNode node = fields.fields().get(key);
        if (node == null) {
            throw bad(fields, what + " needs '" + key + "'");
        }
        return node;
    }

    final List<RecipeNode> items(RecipeNode node) {
        if (node instanceof Items i) {
            return i.items();
        }
        throw bad(node, "a list is due here");
    }

    final String text(RecipeNode node) {
        if (node instanceof Text t) {
            return t.value();
        }
        throw bad(node, "a single value is due here");
    }

    final RecipeException bad(RecipeNode node, String problem) {
        return new RecipeException(where, node.line(), problem);
    }

    @FunctionalInterface
    interface Making<T> {
        T make();
    }

    /** Says in which line what a constructor refuses stands. */
    final <T> T at(RecipeNode node, Making<T> making) {
        try {
            return making.make();
        } catch (RecipeException e) {
            throw e;
        } catch (SoupException e) {
            throw located(node.line(), e);
        }
    }

    final RecipeException located(int line, SoupException e) {
        String message = String.valueOf(e.getMessage());
        RecipeException located =
                new RecipeException(
                        where,
                        line,
                        message.endsWith(".")
                                ? message.substring(0, message.length() - 1)
                                : message);
        located.initCause(e);
        return located;
    }
}
