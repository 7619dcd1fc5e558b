package org.diffusionsoup.cli.judge;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.question.JudgeQuestion;
import org.diffusionsoup.workbench.judges.question.QuestionFile;
import org.diffusionsoup.workbench.judges.question.QuestionMaker;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup judge questions}: questions with known answers about a shard's pictures. */
@Command(
        name = "questions",
        description = {
            "Make questions with known answers about a shard's pictures, as a TIFA v1.0 file.",
            "From names, groups, providers, and colours measured in the pictures; from the truth"
                    + " of composed scenes. The same rows give the same file."
        },
        footer = {
            "  soup judge questions shards/emoji -o questions.json",
            "  soup judge questions 'shards/emoji#split=heldout' -o questions.json --json",
            "  soup data build-scenes --rows 0 --heldout 200 -o prompts.tar",
            "  soup judge questions prompts.tar -o scene-questions.json"
        })
final class JudgeQuestionsCommand extends SoupCommand {
    @Parameters(
            paramLabel = "SHARD",
            description = "A tar, a data set's folder, or a view as DATASET#domain=food.")
    private String shard = "";

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "FILE",
            description = "The question file; replaced if it is one.")
    private Path out = Path.of(".");

    /**
     * What was made.
     *
     * @param questions how many
     * @param byElementType how many of each of TIFA's kinds
     */
    private record Made(String file, int questions, Map<String, Long> byElementType) {}

    @Override
    protected void run(Console console) {
        OwnOutputs.QUESTIONS.checkOwn(out);
        List<JudgeQuestion> questions;
        try (Progress progress = console.progress()) {
            questions = QuestionMaker.of(ShardRef.parse(shard).open(), progress);
        }
        if (questions.isEmpty()) {
            throw new SoupException(
                    "Nothing can be asked about "
                            + shard
                            + ": questions are made of what its rows say beside the caption (name, group, style, scene) and of colours that a caption names. Write a question file in TIFA's format by hand, or have a language model write it.");
        }
        QuestionFile.write(questions, out);
        Map<String, Long> byType =
                questions.stream()
                        .collect(
                                Collectors.groupingBy(
                                        JudgeQuestion::elementType,
                                        TreeMap::new,
                                        Collectors.counting()));
        console.result(
                new Made(out.toString(), questions.size(), byType),
                text -> {
                    text.printf("%s: %s%n", out, Plural.of(questions.size(), "question"));
                    byType.forEach((type, n) -> text.printf("  %-14s %,8d%n", type, n));
                });
    }
}
