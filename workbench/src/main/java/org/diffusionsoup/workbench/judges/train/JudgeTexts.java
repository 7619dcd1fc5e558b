package org.diffusionsoup.workbench.judges.train;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.workbench.judges.question.TrainingRows;

/**
 * The many ways to say what a picture shows. A judge that has only ever read one sentence per
 * picture learns the sentence by heart; one that has read its words in many mixtures has to learn
 * the words, which is what it needs on subjects that it has not seen.
 */
final class JudgeTexts {
    private JudgeTexts() {}

    /** Every word that {@link #draw} can use for a row, for the tokenizer. */
    static List<String> all(TrainingRows.Row row) {
        List<String> out = new ArrayList<>(List.of(row.info().caption(), row.info().prompt()));
        out.add(kind(row.info()));
        row.colours().present().forEach(c -> out.add(c.word()));
        return out;
    }

    /** Group and subgroup as words: {@code animals nature animal mammal}. */
    static String kind(SampleInfo info) {
        return (info.group() + " " + info.subgroup()).replace('-', ' ').strip();
    }

    /** One way to say it. */
    static String draw(TrainingRows.Row row, RandomGenerator random) {
        SampleInfo info = row.info();
        double way = random.nextDouble();
        if (way < 0.35) {
            return info.prompt();
        }
        if (way < 0.5) {
            return info.caption();
        }
        List<String> parts = new ArrayList<>();
        List<String> tags = new ArrayList<>(row.tags());
        Collections.shuffle(tags, new Random(random.nextLong()));
        boolean named = tags.isEmpty() || random.nextDouble() < 0.75;
        if (named) {
            parts.add(withoutAWord(info.name().isEmpty() ? info.caption() : info.name(), random));
        }
        if (!tags.isEmpty()) {
            parts.addAll(tags.subList(0, named ? random.nextInt(tags.size() + 1) : tags.size()));
        }
        if (random.nextDouble() < 0.5) {
            parts.add(info.subgroup().replace('-', ' '));
        }
        if (random.nextDouble() < 0.2) {
            parts.add(info.group().replace('-', ' '));
        }
        if (random.nextDouble() < 0.35) {
            row.colours().present().forEach(c -> parts.add(c.word()));
        }
        parts.removeIf(String::isBlank);
        if (parts.isEmpty()) {
            return info.caption();
        }
        String words = String.join(", ", parts);
        return info.style().isEmpty() || random.nextDouble() < 0.4
                ? words
                : info.style() + " " + words;
    }

    private static String withoutAWord(String name, RandomGenerator random) {
        String[] words = name.split(" ");
        if (words.length < 2 || random.nextDouble() < 0.7) {
            return name;
        }
        int out = random.nextInt(words.length);
        List<String> left = new ArrayList<>();
        for (int i = 0; i < words.length; i++) {
            if (i != out) {
                left.add(words[i]);
            }
        }
        return String.join(" ", left);
    }
}
