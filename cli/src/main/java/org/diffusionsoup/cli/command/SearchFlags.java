package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.eval.TifaQuestions;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.search.SearchRequest;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Who chooses a soup, and by what: the options of every command that searches. */
final class SearchFlags {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "--judge",
            paramLabel = "JUDGE",
            description =
                    "Who chooses: clip:DIR or just DIR, imagereward:PATH, tifa:PATH, tifa:clip:DIR"
                            + " or aesthetic:DIR,HEAD, as in soup score.")
    private String judgeText = "";

    @Option(
            names = "--questions",
            paramLabel = "FILE",
            description =
                    "TIFA v1.0 question file of a tifa judge; without other prompts its captions"
                            + " are drawn.")
    private Optional<Path> questions = Optional.empty();

    @Mixin private PromptFlags given = new PromptFlags();

    @Option(
            names = "--validation",
            defaultValue = "0",
            paramLabel = "N",
            description =
                    "Choose by N of the prompts, taken at random; the others test the result"
                            + " (default: half).")
    private int validation;

    @Option(
            names = "--split-seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of that choice (default: ${DEFAULT-VALUE}).")
    private long splitSeed;

    @Option(
            names = "--accept",
            defaultValue = "any",
            paramLabel = "WHAT",
            description =
                    "any: every higher mean, as in the paper; clear: only improvements whose"
                            + " confidence interval lies above 0 (default: ${DEFAULT-VALUE}).")
    private String accept = "any";

    @Option(
            names = "--budget",
            defaultValue = "0",
            paramLabel = "N",
            description =
                    "Most candidates to score (default: 50 for simplex, what the method needs for"
                            + " others).")
    private int budget;

    @Mixin private SamplingFlags sampling = new SamplingFlags();

    private ParameterException misuse(String sentence) {
        return new ParameterException(spec.commandLine(), sentence);
    }

    /** Whether a judge was named. */
    boolean isGiven() {
        return !judgeText.isEmpty();
    }

    /** The judge, whose files are there. */
    JudgeSpec judge() {
        if (judgeText.isEmpty()) {
            throw misuse("missing --judge JUDGE: who is to choose?");
        }
        JudgeSpec judge = JudgeSpec.parse(judgeText, questions);
        judge.requireFiles(judgeText);
        return judge;
    }

    List<Long> seeds() {
        return sampling.seeds();
    }

    GenerateSettings settings() {
        return sampling.settings();
    }

    Acceptance acceptance() {
        return switch (accept) {
            case "any" -> Acceptance.ANY_IMPROVEMENT;
            case "clear" -> Acceptance.CLEAR_IMPROVEMENT;
            default -> throw misuse("--accept '" + accept + "' is unknown; use any or clear.");
        };
    }

    int budget(int otherwise) {
        if (budget < 0) {
            throw misuse("--budget must be at least 1.");
        }
        return budget == 0 ? otherwise : budget;
    }

    SearchRequest.Split prompts() {
        if (validation < 0) {
            throw misuse("--validation must be at least 1.");
        }
        List<String> prompts = given.read();
        if (questions.isPresent()) {
            askable(prompts, TifaQuestions.read(questions.get()).captions());
        }
        if (prompts.isEmpty()) {
            throw misuse("no prompts; give --prompts FILE or --shard SHARD.");
        }
        int choose = validation == 0 ? prompts.size() / 2 : validation;
        return SearchRequest.Split.of(prompts, choose, splitSeed);
    }

    /** Without prompts the captions that have questions; with prompts, each needs some. */
    private void askable(List<String> prompts, List<String> captions) {
        if (prompts.isEmpty()) {
            prompts.addAll(captions);
        }
        for (String prompt : prompts) {
            if (!captions.contains(prompt)) {
                throw new SoupException(
                        "%s has no question about '%s'; TIFA needs some for every prompt (soup judge questions makes them)."
                                .formatted(questions.orElseThrow(), prompt));
            }
        }
    }
}
