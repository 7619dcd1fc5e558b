package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.diffusionsoup.eval.TifaQuestions;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Who judges soups, by which pictures: the options of commands that score candidates. */
public final class JudgeFlags {
    @Option(
            names = "--judge",
            paramLabel = "JUDGE",
            description =
                    "Who judges: clip:DIR or just DIR, imagereward:PATH, tifa:PATH, tifa:clip:DIR"
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

    @Mixin private SamplingFlags sampling = new SamplingFlags();

    /** Whether a judge was named. */
    public boolean isGiven() {
        return !judgeText.isEmpty();
    }

    /**
     * The judge, whose files are there.
     *
     * @param misuse an exception of the command with a sentence
     */
    public JudgeSpec judge(Function<String, ParameterException> misuse) {
        if (judgeText.isEmpty()) {
            throw misuse.apply("missing --judge JUDGE: who is to choose?");
        }
        JudgeSpec judge = JudgeSpec.parse(judgeText, questions);
        judge.requireFiles(judgeText);
        return judge;
    }

    public List<Long> seeds() {
        return sampling.seeds();
    }

    public GenerateSettings settings() {
        return sampling.settings();
    }

    /** The prompts, at least one; each has questions where they are asked. */
    public List<String> prompts(Function<String, ParameterException> misuse) {
        List<String> prompts = given.read();
        if (questions.isPresent()) {
            if (prompts.isEmpty()) {
                prompts.addAll(TifaQuestions.read(questions.get()).captions());
            }
            JudgeSpec.parse(judgeText, questions).requireQuestions(prompts);
        }
        if (prompts.isEmpty()) {
            throw misuse.apply("no prompts; give --prompts FILE or --shard SHARD.");
        }
        return prompts;
    }
}
