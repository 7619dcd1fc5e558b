package org.diffusionsoup.workbench.evaluate;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.YamlParsers;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Prompts;
import org.diffusionsoup.workbench.generate.Sampler;

/**
 * Evaluation recipes in YAML (docs/evaluation.md). Relative paths start from the recipe's folder.
 */
public final class EvaluationRecipes {
    private static final ObjectMapper TREES =
            new ObjectMapper().enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);

    private final Path file;
    private final Path folder;

    private EvaluationRecipes(Path file) {
        this.file = file;
        Path parent = file.toAbsolutePath().normalize().getParent();
        folder = parent == null ? Path.of(".") : parent;
    }

    /**
     * Reads a recipe, its prompts and nothing else.
     *
     * @throws SoupException naming the word that is wrong, or the missing prompts file
     */
    public static EvaluationRecipe read(Path file) {
        return new EvaluationRecipes(file).read();
    }

    private EvaluationRecipe read() {
        JsonNode root;
        try (JsonParser parser = YamlParsers.open(file)) {
            root = TREES.readTree(parser);
            if (root == null) {
                throw new SoupException(file + " is empty.");
            }
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getLineNr());
            throw new SoupException(
                    file + ", line " + line + ": " + e.getOriginalMessage() + ".", e);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        only(
                root,
                "the recipe",
                Set.of(
                        "name",
                        "models",
                        "train",
                        "prompts",
                        "seeds",
                        "sampler",
                        "judges",
                        "baseline"));
        Map<String, JudgeSpec> judges = new LinkedHashMap<>();
        object(root, "judges").forEach((name, node) -> judges.put(name, judge(name, node)));
        Map<String, ModelSpec> models = new LinkedHashMap<>();
        object(root, "models")
                .forEach((name, node) -> models.put(name, model(name, node, models, judges)));
        Optional<EvaluationRecipe.Training> training = training(root.path("train"));
        if (training.isEmpty()
                && models.values().stream().anyMatch(m -> m instanceof ModelSpec.Train)) {
            throw wrong("models are to be trained, but there is no \"train\" with a base");
        }
        JsonNode p = root.path("prompts");
        only(p, "prompts", Set.of("file", "shard", "list", "count", "validation", "seed"));
        List<String> all = new ArrayList<>(prompts(p));
        Collections.shuffle(all, new Random(whole(p, "prompts", "seed", 0, Long.MIN_VALUE)));
        int validation = (int) whole(p, "prompts", "validation", 0, 0);
        int count = (int) whole(p, "prompts", "count", all.size() - validation, 1);
        if (count < 2 || count + validation > all.size()) {
            throw wrong(
                    "prompts has %d different ones; %d to evaluate and %d to search by are asked for"
                            .formatted(all.size(), count, validation));
        }
        if (validation < 2
                && models.values().stream().anyMatch(m -> m instanceof ModelSpec.Search)) {
            throw wrong("a search needs prompts of its own; give \"validation\" under prompts");
        }
        return new EvaluationRecipe(
                root.path("name").asText(file.getFileName().toString()),
                Collections.unmodifiableMap(models),
                training,
                all.subList(0, count),
                all.subList(count, count + validation),
                Prompts.seeds(root.path("seeds").asText("0")),
                settings(root.path("sampler")),
                Collections.unmodifiableMap(judges),
                root.path("baseline").asText(models.keySet().iterator().next()));
    }

    private List<String> prompts(JsonNode p) {
        List<String> all = new ArrayList<>();
        if (p.has("file")) {
            all.addAll(Prompts.read(path(p.path("file").asText())));
        }
        if (p.has("shard")) {
            all.addAll(
                    SubjectChoice.prompts(ShardRef.parse(shard(p.path("shard").asText())).open()));
        }
        p.path("list").forEach(one -> all.add(one.asText()));
        return all.stream().distinct().toList();
    }

    private JudgeSpec judge(String name, JsonNode node) {
        only(
                node,
                "judge " + name,
                Set.of("clip", "image-reward", "tifa-questions", "vqa", "aesthetic-head"));
        Optional<Path> clip = optional(node, "clip");
        if (node.has("image-reward")) {
            return JudgeSpec.of(
                    JudgeSpec.Kind.IMAGE_REWARD, path(node.path("image-reward").asText()));
        }
        Optional<Path> questions = optional(node, "tifa-questions");
        if (questions.isPresent()) {
            Optional<Path> vqa = optional(node, "vqa");
            JudgeSpec.Kind kind = vqa.isPresent() ? JudgeSpec.Kind.TIFA : JudgeSpec.Kind.TIFA_CLIP;
            Path answers =
                    vqa.or(() -> clip)
                            .orElseThrow(() ->
                                    wrong(
                                            "judge "
                                                    + name
                                                    + " has questions and nobody to"
                                                    + " answer; give vqa"));
            return new JudgeSpec(kind, answers, Optional.empty(), questions);
        }
        Path folder =
                clip.orElseThrow(() ->
                        wrong(
                                "judge "
                                        + name
                                        + " names no weights; give clip, image-reward or"
                                        + " vqa"));
        Optional<Path> head = optional(node, "aesthetic-head");
        return new JudgeSpec(
                head.isPresent() ? JudgeSpec.Kind.AESTHETIC : JudgeSpec.Kind.CLIP,
                folder,
                head,
                Optional.empty());
    }

    private ModelSpec model(
            String name,
            JsonNode node,
            Map<String, ModelSpec> before,
            Map<String, JudgeSpec> judges) {
        if (node.isTextual()) {
            return new ModelSpec.Folder(path(node.asText()));
        }
        only(node, "model " + name, Set.of("train", "steps", "soup", "search", "of", "judge"));
        if (node.has("train")) {
            return new ModelSpec.Train(
                    texts(node.path("train")).stream().map(this::shard).toList(),
                    whole(node, "model " + name, "steps", 0, 1));
        }
        List<String> of = texts(node.has("soup") ? node.path("soup") : node.path("of"));
        for (String part : of) {
            if (!before.containsKey(part)) {
                throw wrong(
                        "model " + name + " is made of " + part + ", which no line before names");
            }
        }
        if (of.isEmpty()) {
            throw wrong("model " + name + " is neither a path nor has train, soup or search");
        }
        if (node.has("soup")) {
            return new ModelSpec.Soup(of);
        }
        String method = node.path("search").asText();
        if (!Set.of("greedy", "reverse-greedy").contains(method)) {
            throw wrong("search \"" + method + "\" is unknown; use greedy or reverse-greedy");
        }
        String judge = node.path("judge").asText(judges.keySet().stream().findFirst().orElse(""));
        if (!judges.containsKey(judge)) {
            throw wrong(
                    "model " + name + " asks judge " + judge + ", which is not among the judges");
        }
        return new ModelSpec.Search(method, of, judge);
    }

    private Optional<EvaluationRecipe.Training> training(JsonNode t) {
        if (t.isMissingNode()) {
            return Optional.empty();
        }
        only(t, "train", Set.of("base", "steps", "batch", "lr", "seed"));
        if (!t.has("base")) {
            throw wrong("train names no base");
        }
        return Optional.of(
                new EvaluationRecipe.Training(
                        path(t.path("base").asText()),
                        whole(t, "train", "steps", 100, 1),
                        (int) whole(t, "train", "batch", 16, 1),
                        rate(t),
                        whole(t, "train", "seed", 0, Long.MIN_VALUE)));
    }

    private double rate(JsonNode t) {
        double rate = real(t, "train", "lr", 2e-4);
        if (!(rate > 0 && rate < 1)) {
            throw wrong("lr of train is above 0 and below 1, not " + rate);
        }
        return rate;
    }

    /** A number; YAML takes {@code 5e-4}, which has no dot, for a text. */
    private double real(JsonNode in, String where, String field, double usual) {
        JsonNode value = in.path(field);
        if (value.isMissingNode()) {
            return usual;
        }
        try {
            double number = Double.parseDouble(value.asText());
            if (Double.isFinite(number)) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw wrong("%s of %s is a number, not %s".formatted(field, where, value.asText()));
    }

    private long whole(JsonNode in, String where, String field, long usual, long least) {
        JsonNode value = in.path(field);
        if (value.isMissingNode()) {
            return usual;
        }
        boolean seed = least == Long.MIN_VALUE;
        if (!value.isIntegralNumber()
                || !(seed ? value.canConvertToLong() : value.canConvertToInt())
                || value.asLong() < least) {
            throw wrong(
                    "%s of %s is a whole number%s, not %s"
                            .formatted(
                                    field,
                                    where,
                                    seed ? "" : " from " + least + " to " + Integer.MAX_VALUE,
                                    value.asText()));
        }
        return value.asLong();
    }

    private GenerateSettings settings(JsonNode s) {
        only(s, "sampler", Set.of("steps", "guidance", "negative", "scheduler", "size", "batch"));
        return new GenerateSettings(
                (int) whole(s, "sampler", "steps", GenerateSettings.STEPS, 1),
                real(s, "sampler", "guidance", GenerateSettings.GUIDANCE),
                s.path("negative").asText(""),
                s.has("scheduler")
                        ? Optional.of(Sampler.parse(s.path("scheduler").asText()))
                        : Optional.empty(),
                s.has("size")
                        ? OptionalInt.of((int) whole(s, "sampler", "size", 0, 1))
                        : OptionalInt.empty(),
                (int) whole(s, "sampler", "batch", GenerateSettings.BATCH, 1));
    }

    private Map<String, JsonNode> object(JsonNode root, String field) {
        JsonNode node = root.path(field);
        if (!node.isObject() || node.isEmpty()) {
            throw wrong("\"" + field + "\" must list names, at least one");
        }
        Map<String, JsonNode> out = new LinkedHashMap<>();
        node.properties().forEach(e -> out.put(e.getKey(), e.getValue()));
        return out;
    }

    private static List<String> texts(JsonNode node) {
        List<String> out = new ArrayList<>();
        if (node.isTextual()) {
            out.add(node.asText());
        }
        node.forEach(one -> out.add(one.asText()));
        return out;
    }

    private void only(JsonNode node, String where, Set<String> words) {
        node.fieldNames()
                .forEachRemaining(word -> {
                    if (!words.contains(word)) {
                        throw wrong(
                                where
                                        + " has the word \""
                                        + word
                                        + "\"; known are "
                                        + new TreeSet<>(words));
                    }
                });
    }

    private Optional<Path> optional(JsonNode node, String field) {
        return node.has(field) ? Optional.of(path(node.path(field).asText())) : Optional.empty();
    }

    private Path path(String text) {
        return folder.resolve(text).normalize();
    }

    /** The reference with its path from the recipe's folder. */
    private String shard(String ref) {
        int hash = ref.indexOf('#');
        return hash < 0 ? path(ref).toString() : path(ref.substring(0, hash)) + ref.substring(hash);
    }

    private SoupException wrong(String sentence) {
        return new SoupException("In " + file + ": " + sentence + ".");
    }
}
