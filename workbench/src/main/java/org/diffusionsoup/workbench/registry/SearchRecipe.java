package org.diffusionsoup.workbench.registry;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.PictureSize;
import org.diffusionsoup.workbench.generate.Sampler;
import org.diffusionsoup.workbench.search.SearchRequest;

/**
 * How a soup's ingredients were searched for, whole: with it and the judge's weights the search can
 * be run again among other ingredients.
 *
 * @param method one of {@link org.diffusionsoup.core.search.SearchMethods#NAMES}
 * @param judge who chose
 * @param prompts to choose by and to test on
 * @param seeds of the noise
 * @param settings of the sampling
 * @param acceptance when a change was taken
 * @param budget most candidates that may be scored
 */
public record SearchRecipe(
        String method,
        JudgeSpec judge,
        SearchRequest.Split prompts,
        List<Long> seeds,
        GenerateSettings settings,
        Acceptance acceptance,
        int budget) {
    public SearchRecipe {
        seeds = List.copyOf(seeds);
    }

    /**
     * As the ledger has it: fractions as texts.
     *
     * @param judgeSha256 of the judge's weights, so that another judge under the same path is found
     *     out
     */
    JsonObject json(String judgeSha256) {
        Json.Builder json =
                Json.object()
                        .put("method", method)
                        .put("judge", judge.text())
                        .put("judge_sha256", judgeSha256)
                        .strings("validation_prompts", prompts.validation())
                        .strings("test_prompts", prompts.test())
                        .numbers("seeds", seeds)
                        .put("steps", settings.steps())
                        .put("guidance", Double.toString(settings.guidance()))
                        .put("negative", settings.negativePrompt())
                        .put("batch", settings.batch())
                        .put("acceptance", acceptance.name())
                        .put("budget", budget);
        judge.questions()
                .ifPresent(q -> json.put("questions", q.toAbsolutePath().normalize().toString()));
        settings.sampler().ifPresent(s -> json.put("scheduler", s.word()));
        settings.size()
                .ifPresent(s -> {
                    if (s.width() == s.height()) {
                        json.put("size", s.width());
                    } else {
                        json.put("size", s.text());
                    }
                });
        return json.build();
    }

    /**
     * Reads what {@link #json} wrote.
     *
     * @param judge where the judge is now, if not where it was
     */
    static SearchRecipe of(JsonObject json, Optional<String> judge) {
        Optional<Path> questions = json.string("questions").map(Path::of);
        return new SearchRecipe(
                Json.string(json, "method"),
                JudgeSpec.parse(judge.orElse(Json.string(json, "judge")), questions),
                new SearchRequest.Split(
                        Json.strings(json, "validation_prompts"),
                        Json.strings(json, "test_prompts")),
                Json.numbers(json, "seeds"),
                new GenerateSettings(
                        (int) Json.number(json, "steps"),
                        Double.parseDouble(Json.string(json, "guidance")),
                        Json.string(json, "negative"),
                        json.string("scheduler").map(Sampler::parse),
                        size(json),
                        (int) Json.number(json, "batch")),
                Acceptance.valueOf(Json.string(json, "acceptance").toUpperCase(Locale.ROOT)),
                (int) Json.number(json, "budget"));
    }

    private static Optional<PictureSize> size(JsonObject json) {
        if (json.get("size").isEmpty()) {
            return Optional.empty();
        }
        Optional<String> oblong = json.string("size");
        return Optional.of(
                oblong.isPresent()
                        ? PictureSize.parse(oblong.get())
                        : PictureSize.square((int) Json.number(json, "size")));
    }
}
