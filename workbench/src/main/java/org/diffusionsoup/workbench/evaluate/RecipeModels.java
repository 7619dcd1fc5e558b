package org.diffusionsoup.workbench.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.search.SearchMethods;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.Place;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.Training;

/**
 * The models of a recipe. A line gives one model, or several: {@code leave-one-out} a soup without
 * each of its ingredients, {@code cumulative} soups or paragons of the first two, three, …. A
 * {@code sweep} repeats all that is trained, and all that is made of it, at every number of steps
 * and every learning rate.
 */
final class RecipeModels {
    private static final Set<String> WORDS =
            Set.of(
                    "train",
                    "steps",
                    "times",
                    "batch",
                    "lr",
                    "lora",
                    RecipeNodes.MIN_SNR,
                    RecipeNodes.OFFSET_NOISE,
                    "soup",
                    "ensemble",
                    "resoup",
                    "weights",
                    "sequential",
                    "search",
                    "of",
                    "judge",
                    "budget",
                    "leave-one-out",
                    "cumulative");

    private final RecipeNodes nodes;
    private final ShardLines shards;
    private final Optional<Training> training;
    private final Set<String> judges;
    private final List<Long> steps = new ArrayList<>();
    private final List<Double> rates = new ArrayList<>();
    private final Map<String, ModelSpec> models = new LinkedHashMap<>();
    private final Map<String, Place> places = new LinkedHashMap<>();

    /** Lines that are swept, so that what is made of them is swept, too. */
    private final Set<String> swept = new LinkedHashSet<>();

    /**
     * @param shards those that the recipe makes
     * @param judges names that a search may ask
     */
    RecipeModels(RecipeNodes nodes, JsonNode root, ShardLines shards, Set<String> judges) {
        this.nodes = nodes;
        this.judges = judges;
        this.shards = shards;
        training = nodes.training(root.path("train"));
        JsonNode sweep = root.path("sweep");
        nodes.only(sweep, "sweep", Set.of("steps", "lr"));
        sweep.path("steps").forEach(s -> steps.add(nodes.whole(s, "steps of sweep", 1)));
        sweep.path("lr").forEach(r -> rates.add(nodes.rate(nodes.real(r, "lr of sweep"), "sweep")));
        if (!sweep.isMissingNode()) {
            for (String list : List.of("steps", "lr")) {
                if (sweep.has(list)
                        && (!sweep.path(list).isArray() || sweep.path(list).isEmpty())) {
                    throw nodes.wrong(list + " of sweep lists one value or more");
                }
            }
            requireAscending();
        }
        nodes.object(root, "models").forEach(this::line);
    }

    Map<String, ModelSpec> models() {
        return models;
    }

    Map<String, Place> places() {
        return places;
    }

    private void requireAscending() {
        for (int i = 1; i < steps.size(); i++) {
            if (steps.get(i) <= steps.get(i - 1)) {
                throw nodes.wrong("steps of sweep ascend, not " + steps);
            }
        }
        if (rates.stream().distinct().count() < rates.size()) {
            throw nodes.wrong("lr of sweep lists rates that differ, not " + rates);
        }
        Training usual =
                training.orElseThrow(() -> nodes.wrong("a sweep needs a \"train\" with a base"));
        if (steps.isEmpty()) {
            steps.add(usual.steps());
        }
        if (rates.isEmpty()) {
            rates.add(usual.rate());
        }
    }

    private void line(String name, JsonNode node) {
        if (node.isTextual()) {
            add(name, new ModelSpec.Folder(nodes.path(node.asText())));
            return;
        }
        String where = "model " + name;
        nodes.only(node, where, WORDS);
        nodes.sequential(node, where);
        if (node.has("leave-one-out")) {
            List<String> all = atLeastTwo(node.path("leave-one-out"), where);
            for (String left : all) {
                List<String> rest = all.stream().filter(m -> !m.equals(left)).toList();
                made(name + " " + left, rest, of -> new ModelSpec.Soup(of, List.of()));
            }
        } else if (node.has("cumulative")) {
            cumulative(name, node, node.path("cumulative"));
        } else if (node.has("train")) {
            trained(name, node, shards(node.path("train"), where));
        } else if (node.has("resoup") || node.path("weights").asText().equals("classifier")) {
            classified(name, node, where);
        } else if (node.has("soup") || node.has("ensemble")) {
            averaged(name, node, where);
        } else {
            searched(name, node, where);
        }
    }

    private void cumulative(String name, JsonNode node, JsonNode of) {
        String where = "cumulative of model " + name;
        nodes.only(of, where, Set.of("soup", "train"));
        boolean soup = of.has("soup");
        List<String> all = atLeastTwo(of.path(soup ? "soup" : "train"), where);
        for (int n = 2; n <= all.size(); n++) {
            String each = name + " 1-" + n;
            if (soup) {
                made(each, all.subList(0, n), first -> new ModelSpec.Soup(first, List.of()));
            } else {
                trained(each, node, all.subList(0, n).stream().map(shards::shard).toList());
            }
        }
    }

    private List<String> shards(JsonNode node, String where) {
        List<String> names = RecipeNodes.texts(node);
        if (names.isEmpty()) {
            throw nodes.wrong(where + " is trained on nothing; give a shard, or a list of them");
        }
        return names.stream().map(shards::shard).toList();
    }

    private List<String> atLeastTwo(JsonNode node, String where) {
        List<String> names = RecipeNodes.texts(node);
        if (names.size() < 2 || names.stream().distinct().count() < names.size()) {
            throw nodes.wrong(where + " needs two names or more, all different, not " + names);
        }
        return names;
    }

    private void averaged(String name, JsonNode node, String where) {
        boolean soup = node.has("soup");
        boolean sequential = nodes.sequential(node, where);
        List<String> of = RecipeNodes.texts(node.path(soup ? "soup" : "ensemble"));
        List<Coefficient> coefficients = coefficients(node.path("weights"), of.size(), where);
        made(
                name,
                of,
                names ->
                        soup
                                ? new ModelSpec.Soup(names, coefficients)
                                : new ModelSpec.Ensemble(names, coefficients, sequential));
    }

    private void classified(String name, JsonNode node, String where) {
        boolean resouped = node.has("resoup");
        boolean sequential = nodes.sequential(node, where);
        List<String> of = atLeastTwo(node.path(resouped ? "resoup" : "ensemble"), where);
        made(
                name,
                of,
                names -> {
                    for (String part : names) {
                        if (!(models.get(part) instanceof ModelSpec.Train)) {
                            throw nodes.wrong(
                                    "%s asks a classifier of shards, and %s is trained on none here"
                                            .formatted(where, part));
                        }
                    }
                    return new ModelSpec.Classified(names, resouped, sequential);
                });
    }

    /** Weights divided by their sum, exactly; empty for uniform ones. */
    private List<Coefficient> coefficients(JsonNode node, int count, String where) {
        if (node.isMissingNode() || node.asText().equals("uniform")) {
            return List.of();
        }
        List<Coefficient> weights = new ArrayList<>();
        node.forEach(w -> {
            if (nodes.real(w, "weights of " + where) > 0) {
                weights.add(Coefficient.parse(w.asText()));
            }
        });
        if (weights.size() != count || node.size() != count) {
            throw nodes.wrong(
                    "weights of %s are uniform or %d numbers above 0, not %s"
                            .formatted(where, count, node));
        }
        Coefficient sum = weights.stream().reduce(Coefficient::plus).orElseThrow();
        return weights.stream().map(w -> w.dividedBy(sum)).toList();
    }

    private void searched(String name, JsonNode node, String where) {
        List<String> of = RecipeNodes.texts(node.path("of"));
        if (of.isEmpty()) {
            throw nodes.wrong(where + " is neither a path nor has train, soup, ensemble or search");
        }
        String method = node.path("search").asText();
        if (!SearchMethods.NAMES.contains(method)) {
            throw nodes.wrong(
                    "search \"" + method + "\" is unknown; use one of " + SearchMethods.NAMES);
        }
        String judge = node.path("judge").asText(judges.stream().findFirst().orElse(""));
        if (!judges.contains(judge)) {
            throw nodes.wrong(where + " asks judge " + judge + ", which is not among the judges");
        }
        int budget = (int) nodes.whole(node, where, "budget", SearchMethods.budget(method), 2);
        made(name, of, names -> new ModelSpec.Search(method, names, judge, budget));
    }

    private interface Maker {
        ModelSpec of(List<String> names);
    }

    /** A model made of others, once, or at every place of the sweep where those are swept. */
    private void made(String name, List<String> of, Maker maker) {
        for (String part : of) {
            if (!swept.contains(part) && !models.containsKey(part)) {
                throw nodes.wrong(
                        "model " + name + " is made of " + part + ", which no line before names");
            }
        }
        if (of.isEmpty()) {
            throw nodes.wrong("model " + name + " is made of nothing");
        }
        if (of.stream().noneMatch(swept::contains)) {
            put(name, maker.of(of));
            return;
        }
        swept.add(name);
        for (double rate : rates) {
            for (long s : steps) {
                List<String> here =
                        of.stream()
                                .map(part -> swept.contains(part) ? at(part, s, rate) : part)
                                .toList();
                put(at(name, s, rate), maker.of(here));
                places.put(at(name, s, rate), new Place(name, s, rate));
            }
        }
    }

    private void put(String name, ModelSpec spec) {
        List<String> parts =
                switch (spec) {
                    case ModelSpec.Soup s -> s.of();
                    case ModelSpec.Ensemble e -> e.of();
                    case ModelSpec.Classified c -> c.of();
                    case ModelSpec.Search s -> s.of();
                    default -> List.of();
                };
        for (String part : parts) {
            if (models.get(part) instanceof ModelSpec.Ensemble
                    || models.get(part) instanceof ModelSpec.Classified) {
                throw nodes.wrong(
                        "model %s is made of %s, an ensemble, which has no weights of its own"
                                .formatted(name, part));
            }
        }
        add(name, spec);
    }

    /** A line may stand for several models, whose names another line may have. */
    private void add(String name, ModelSpec spec) {
        if (models.putIfAbsent(name, spec) != null) {
            throw nodes.wrong(
                    "two models would be called '"
                            + name
                            + "'; rename one of the lines that make them");
        }
    }

    private void trained(String name, JsonNode node, List<String> shards) {
        String where = "model " + name;
        Training usual =
                training.orElseThrow(() ->
                        nodes.wrong(
                                "models are to be trained, but there is no \"train\" with a base"));
        long times = nodes.whole(node, where, "times", 1, 1);
        long own = nodes.whole(node, where, "steps", 0, 1);
        if (own > 0 && times > 1) {
            throw nodes.wrong(where + " has steps and times; give one of them");
        }
        int batch = (int) nodes.whole(node, where, "batch", usual.batch(), 1);
        double lr = nodes.rate(nodes.real(node, where, "lr", usual.rate()), where);
        int lora = (int) nodes.whole(node, where, "lora", usual.lora(), 0);
        DenoisingLoss loss = nodes.loss(node, where, usual.loss());
        if (own > 0 || steps.isEmpty()) {
            long whole = own > 0 ? own : times * usual.steps();
            Training how =
                    new Training(usual.base(), whole, batch, lr, usual.seed(), 0, lora, loss);
            add(name, new ModelSpec.Train(name, shards, how, whole));
            return;
        }
        if (node.has("lr") && rates.size() > 1) {
            throw nodes.wrong(where + " has an lr of its own, and rates are swept; leave it out");
        }
        swept.add(name);
        long last = times * steps.getLast();
        long every = steps.size() == 1 ? 0 : times * steps.stream().reduce(RecipeModels::gcd).get();
        for (double rate : rates) {
            double r = node.has("lr") ? lr : rate;
            Training how =
                    new Training(usual.base(), last, batch, r, usual.seed(), every, lora, loss);
            for (long s : steps) {
                add(at(name, s, rate), new ModelSpec.Train(name, shards, how, times * s));
                places.put(at(name, s, rate), new Place(name, s, rate));
            }
        }
    }

    /** Name of a model at a place of the sweep. */
    private String at(String name, long steps, double rate) {
        String text = name + ", " + steps + " steps";
        return rates.size() == 1 ? text : text + ", " + Place.text(rate);
    }

    private static long gcd(long a, long b) {
        return b == 0 ? a : gcd(b, a % b);
    }
}
