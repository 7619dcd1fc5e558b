package org.diffusionsoup.workbench.evaluate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.eval.AestheticJudge;
import org.diffusionsoup.eval.BlipVqaAnswerer;
import org.diffusionsoup.eval.ClipAnswerer;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.ImageRewardJudge;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.QuestionAnswerer;
import org.diffusionsoup.eval.TifaJudge;
import org.diffusionsoup.eval.TifaQuestions;

/** A judge that a recipe names, by the files it is loaded from. */
public sealed interface RecipeJudge {
    /** CLIP score, raw cosine as in the paper. */
    record Clip(Path clip) implements RecipeJudge {}

    /** ImageReward's checkpoint. */
    record ImageReward(Path weights) implements RecipeJudge {}

    /** TIFA's questions, answered by BLIP-VQA or, cheaper, by a CLIP. */
    record Tifa(Path questions, Optional<Path> vqa, Optional<Path> clip) implements RecipeJudge {}

    /** The aesthetic head on a CLIP. */
    record Aesthetic(Path clip, Path head) implements RecipeJudge {}

    /** The files or folders that must be there, by what they are. */
    default Map<String, Path> needs() {
        return switch (this) {
            case Clip c -> Map.of("the CLIP folder", c.clip());
            case ImageReward r -> Map.of("ImageReward's weights", r.weights());
            case Tifa t ->
                    Map.of(
                            "TIFA's questions",
                            t.questions(),
                            "the model that answers TIFA's questions",
                            t.vqa().or(t::clip).orElseThrow());
            case Aesthetic a -> Map.of("the CLIP folder", a.clip(), "the aesthetic head", a.head());
        };
    }

    /** Refuses, in one sentence, what is not there. */
    default void requireFiles(String name) {
        needs().entrySet().stream()
                .sorted(Map.Entry.comparingByValue())
                .filter(e -> !Files.exists(e.getValue()))
                .findFirst()
                .ifPresent(e -> {
                    throw new SoupException(
                            "Judge '%s' needs %s at %s, which does not exist; put it there or name another in the recipe."
                                    .formatted(name, e.getKey(), e.getValue()));
                });
    }

    /** Loads the judge; the caller closes it. */
    default PictureScorer open() {
        return switch (this) {
            case Clip c -> ClipJudge.load(c.clip(), ClipConvention.RAW_COSINE);
            case ImageReward r -> ImageRewardJudge.load(r.weights());
            case Tifa t -> {
                TifaQuestions questions = TifaQuestions.read(t.questions());
                QuestionAnswerer answerer =
                        t.vqa().isPresent()
                                ? BlipVqaAnswerer.load(t.vqa().get())
                                : ClipAnswerer.load(t.clip().orElseThrow());
                yield new TifaJudge(answerer, questions);
            }
            case Aesthetic a -> AestheticJudge.load(a.clip(), a.head());
        };
    }
}
