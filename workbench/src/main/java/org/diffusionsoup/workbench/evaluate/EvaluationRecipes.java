package org.diffusionsoup.workbench.evaluate;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.YamlParsers;
import org.diffusionsoup.workbench.audit.MemorizationAudit;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.PictureSize;
import org.diffusionsoup.workbench.generate.Prompts;
import org.diffusionsoup.workbench.generate.Sampler;

/**
 * Evaluation recipes in YAML (docs/evaluation.md). Relative paths start from the recipe's folder.
 */
public final class EvaluationRecipes {
    private static final ObjectReader TREES =
            JsonMappers.PLAIN.reader().with(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);

    private final Path file;
    private final boolean planned;
    private final RecipeNodes nodes;

    private EvaluationRecipes(Path file, boolean planned) {
        this.file = file;
        this.planned = planned;
        nodes = new RecipeNodes(file);
    }

    /**
     * Reads a recipe, its prompts and nothing else.
     *
     * @throws SoupException naming the word that is wrong, or the missing prompts file
     */
    public static EvaluationRecipe read(Path file) {
        return new EvaluationRecipes(file, false).read();
    }

    /**
     * Reads a recipe to plan by. Where its prompts are not there yet, numbered ones stand for as
     * many as it asks for.
     *
     * @throws SoupException naming the word that is wrong
     */
    public static EvaluationRecipe plan(Path file) {
        return new EvaluationRecipes(file, true).read();
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
        nodes.only(
                root,
                "the recipe",
                Set.of(
                        "name",
                        "models",
                        "shards",
                        "train",
                        "sweep",
                        "prompts",
                        "seeds",
                        "sampler",
                        "judges",
                        "baseline"));
        Map<String, RecipeJudge> judges = new LinkedHashMap<>();
        ShardLines shards = new ShardLines(nodes, root.path("shards"));
        nodes.object(root, "judges")
                .forEach((name, node) -> judges.put(name, judge(name, node, shards)));
        RecipeModels read = new RecipeModels(nodes, root, shards, judges.keySet());
        Map<String, ModelSpec> models = read.models();
        JsonNode p = root.path("prompts");
        nodes.only(p, "prompts", Set.of("file", "shard", "list", "count", "validation", "seed"));
        List<String> all = new ArrayList<>(prompts(p));
        Collections.shuffle(all, new Random(nodes.whole(p, "prompts", "seed", 0, Long.MIN_VALUE)));
        int validation = (int) nodes.whole(p, "prompts", "validation", 0, 0);
        int count = (int) nodes.whole(p, "prompts", "count", all.size() - validation, 2);
        if (count < 2 || count + validation > all.size()) {
            throw nodes.wrong(
                    "prompts has %d different ones; %d to evaluate (two at least) and %d to search by are asked for"
                            .formatted(all.size(), count, validation));
        }
        if (validation < 2
                && models.values().stream().anyMatch(m -> m instanceof ModelSpec.Search)) {
            throw nodes.wrong(
                    "a search needs prompts of its own; give \"validation\" under prompts");
        }
        return new EvaluationRecipe(
                root.path("name").asText(file.getFileName().toString()),
                shards.specs(),
                models,
                read.places(),
                all.subList(0, count),
                all.subList(count, count + validation),
                seeds(root.path("seeds")),
                settings(root.path("sampler")),
                judges,
                root.path("baseline").asText(models.keySet().iterator().next()));
    }

    /** A text such as {@code 0-3}, a number, or a list of numbers. */
    private List<Long> seeds(JsonNode node) {
        if (!node.isArray()) {
            try {
                return Prompts.seeds(node.asText("0"));
            } catch (SoupException e) {
                throw nodes.wrong(
                        "seeds is a number, a list of numbers or a text such as 0-3, each given once, not "
                                + node);
            }
        }
        List<Long> seeds = new ArrayList<>();
        for (JsonNode seed : node) {
            if (!seed.isIntegralNumber() || !seed.canConvertToLong() || seed.asLong() < 0) {
                throw nodes.wrong("seeds lists whole numbers from 0, not " + seed);
            }
            if (seeds.contains(seed.asLong())) {
                throw nodes.wrong("seed " + seed + " is given twice");
            }
            seeds.add(seed.asLong());
        }
        if (seeds.isEmpty()) {
            throw nodes.wrong("seeds lists one number or more");
        }
        return seeds;
    }

    private List<String> prompts(JsonNode p) {
        List<String> all = new ArrayList<>();
        if (p.has("file")) {
            Path texts = nodes.path(p.path("file").asText());
            all.addAll(planned && !Files.exists(texts) ? numbered(p) : Prompts.read(texts));
        }
        if (p.has("shard")) {
            ShardRef shard = ShardRef.parse(nodes.shard(p.path("shard").asText()));
            all.addAll(
                    planned && !Files.exists(shard.path())
                            ? numbered(p)
                            : SubjectChoice.prompts(shard.open()));
        }
        Set<String> listed = new HashSet<>();
        for (JsonNode one : p.path("list")) {
            if (!one.isTextual() || one.asText().isBlank()) {
                throw nodes.wrong("the prompts' list has texts, not " + one);
            }
            if (!listed.add(one.asText())) {
                throw nodes.wrong("the prompts' list has " + one + " twice");
            }
            all.add(one.asText());
        }
        return all.stream().distinct().toList();
    }

    /** Stand-ins for as many prompts as a recipe asks for. */
    private static List<String> numbered(JsonNode p) {
        long count = p.path("count").asLong(2) + p.path("validation").asLong(0);
        return LongStream.rangeClosed(1, count).mapToObj(i -> "prompt " + i).toList();
    }

    private RecipeJudge judge(String name, JsonNode node, ShardLines shards) {
        nodes.only(
                node,
                "judge " + name,
                Set.of(
                        "clip",
                        "image-reward",
                        "tifa-questions",
                        "vqa",
                        "aesthetic-head",
                        "originals",
                        "reference",
                        "by-chance",
                        "measure"));
        if (node.has("measure")) {
            return measure(name, node.path("measure").asText());
        }
        Optional<Path> clip = nodes.optional(node, "clip");
        if (node.has("originals")) {
            return likeness(name, node, clip, shards);
        }
        if (node.has("image-reward")) {
            return JudgeSpec.of(
                    JudgeSpec.Kind.IMAGE_REWARD, nodes.path(node.path("image-reward").asText()));
        }
        Optional<Path> questions = nodes.optional(node, "tifa-questions");
        if (questions.isPresent()) {
            Optional<Path> vqa = nodes.optional(node, "vqa");
            JudgeSpec.Kind kind = vqa.isPresent() ? JudgeSpec.Kind.TIFA : JudgeSpec.Kind.TIFA_CLIP;
            Path answers =
                    vqa.or(() -> clip)
                            .orElseThrow(() ->
                                    nodes.wrong(
                                            "judge "
                                                    + name
                                                    + " has questions and nobody to"
                                                    + " answer; give vqa"));
            return new JudgeSpec(kind, answers, Optional.empty(), questions);
        }
        Path folder =
                clip.orElseThrow(() ->
                        nodes.wrong(
                                "judge "
                                        + name
                                        + " names no weights; give clip, image-reward or"
                                        + " vqa"));
        Optional<Path> head = nodes.optional(node, "aesthetic-head");
        return new JudgeSpec(
                head.isPresent() ? JudgeSpec.Kind.AESTHETIC : JudgeSpec.Kind.CLIP,
                folder,
                head,
                Optional.empty());
    }

    private MeasureJudge measure(String name, String word) {
        for (MeasureJudge.Measure m : MeasureJudge.Measure.values()) {
            if (m.name().equalsIgnoreCase(word)) {
                return new MeasureJudge(m);
            }
        }
        throw nodes.wrong("measure of judge " + name + " is colour or ink, not " + word);
    }

    private LikenessJudge likeness(
            String name, JsonNode node, Optional<Path> clip, ShardLines shards) {
        String where = "judge " + name;
        double byChance = nodes.real(node, where, "by-chance", MemorizationAudit.BY_CHANCE);
        if (!(byChance > 0 && byChance < 1)) {
            throw nodes.wrong("by-chance of " + where + " is above 0 and below 1, not " + byChance);
        }
        return new LikenessJudge(
                clip.orElseThrow(() -> nodes.wrong(where + " has originals and no clip")),
                shards.shard(node.path("originals").asText()),
                node.has("reference")
                        ? Optional.of(shards.shard(node.path("reference").asText()))
                        : Optional.empty(),
                byChance);
    }

    private GenerateSettings settings(JsonNode s) {
        nodes.only(
                s,
                "sampler",
                Set.of("steps", "guidance", "negative", "scheduler", "size", "batch"));
        return new GenerateSettings(
                (int) nodes.whole(s, "sampler", "steps", GenerateSettings.STEPS, 1),
                nodes.real(s, "sampler", "guidance", GenerateSettings.GUIDANCE),
                s.path("negative").asText(""),
                s.has("scheduler")
                        ? Optional.of(Sampler.parse(s.path("scheduler").asText()))
                        : Optional.empty(),
                size(s),
                (int) nodes.whole(s, "sampler", "batch", GenerateSettings.BATCH, 1));
    }

    private Optional<PictureSize> size(JsonNode s) {
        if (!s.has("size")) {
            return Optional.empty();
        }
        if (!s.get("size").isTextual()) {
            return Optional.of(PictureSize.square((int) nodes.whole(s, "sampler", "size", 0, 1)));
        }
        String text = s.get("size").asText();
        try {
            return Optional.of(PictureSize.parse(text));
        } catch (SoupException e) {
            throw nodes.wrong(
                    "size of sampler is a number of pixels, or a width and a height as 768x512, not "
                            + text);
        }
    }
}
