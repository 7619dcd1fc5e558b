package org.diffusionsoup.cli.search;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.JudgeFlags;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.search.SearchRequest;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Who chooses a soup, and by what: the options of every command that searches. */
public final class SearchFlags {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Mixin private JudgeFlags judges = new JudgeFlags();

    @Option(
            names = "--validation",
            paramLabel = "N",
            description =
                    "Choose by N of the prompts, taken at random; the others test the result"
                            + " (default: half).")
    private Optional<Integer> validation = Optional.empty();

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
            paramLabel = "N",
            description =
                    "Most candidates to score (default: 50 for simplex, what the method needs for"
                            + " others).")
    private Optional<Integer> budget = Optional.empty();

    private ParameterException misuse(String sentence) {
        return new ParameterException(spec.commandLine(), sentence);
    }

    /** Whether a judge was named. */
    public boolean isGiven() {
        return judges.isGiven();
    }

    /** The judge, whose files are there. */
    public JudgeSpec judge() {
        return judges.judge(this::misuse);
    }

    public List<Long> seeds() {
        return judges.seeds();
    }

    public GenerateSettings settings() {
        return judges.settings();
    }

    public Acceptance acceptance() {
        return switch (accept) {
            case "any" -> Acceptance.ANY_IMPROVEMENT;
            case "clear" -> Acceptance.CLEAR_IMPROVEMENT;
            default -> throw misuse("--accept '" + accept + "' is unknown; use any or clear.");
        };
    }

    public int budget(int otherwise) {
        return Count.of("--budget", budget, this::misuse).orElse(otherwise);
    }

    public SearchRequest.Split prompts() {
        Count.of("--validation", validation, this::misuse);
        List<String> prompts = judges.prompts(this::misuse);
        int choose = validation.orElse(prompts.size() / 2);
        return SearchRequest.Split.of(prompts, choose, splitSeed);
    }
}
