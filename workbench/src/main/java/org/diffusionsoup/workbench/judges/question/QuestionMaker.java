package org.diffusionsoup.workbench.judges.question;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.workbench.Progress;

/**
 * Makes questions with known answers about captioned pictures: from their names, groups and
 * providers, and from colours measured in the picture itself. Takes the place of the language model
 * that TIFA (Hu et al. 2023) asks for questions about a caption.
 *
 * <p>Every yes has its no: as many questions are to be answered with one as with the other, so a
 * judge that always says yes is right in half of them.
 */
public final class QuestionMaker {
    static final List<String> YES_NO = List.of("yes", "no");
    private static final int CHOICES = 4;

    private final List<String> names;
    private final List<String> styles;
    private final List<Category> kinds;

    /**
     * @param pool rows whose names, styles and kinds serve as wrong answers, kinds as often as they
     *     occur: otherwise a judge could tell from the question that a rare kind is a no
     */
    public QuestionMaker(Collection<SampleInfo> pool) {
        names = pool.stream().map(SampleInfo::name).filter(n -> !n.isEmpty()).distinct().toList();
        styles = new ArrayList<>(new TreeSet<>(pool.stream().map(SampleInfo::style).toList()));
        styles.remove("");
        kinds = pool.stream().map(Category::of).flatMap(Optional::stream).toList();
    }

    /**
     * Questions about all rows of a shard, the same whenever they are made. Rows that say what was
     * composed on them are asked about that ({@link SceneQuestions}).
     *
     * @return in key order; 6 to 11 of each row with name and group
     */
    public static List<JudgeQuestion> of(Shard shard, Progress progress) {
        progress.start("questions", shard.size(), "pictures");
        QuestionMaker maker = new QuestionMaker(shard.infos());
        List<JudgeQuestion> all = new ArrayList<>();
        shard.stream()
                .forEach(sample -> {
                    all.addAll(
                            sample.info().scene().isEmpty()
                                    ? maker.about(sample.info(), MeasuredColours.of(sample.image()))
                                    : SceneQuestions.about(sample.info()));
                    progress.advance(1);
                });
        return all;
    }

    /** Questions about one row; the choice among possible ones depends on the row's key alone. */
    public List<JudgeQuestion> about(SampleInfo row, MeasuredColours colours) {
        String hash =
                Hashes.sha256Hex(("questions-1:" + row.key()).getBytes(StandardCharsets.UTF_8));
        return about(row, colours, new Random(Long.parseUnsignedLong(hash.substring(0, 16), 16)));
    }

    /** Questions about one row, with the choice left to chance. */
    public List<JudgeQuestion> about(SampleInfo row, MeasuredColours colours, Random random) {
        List<JudgeQuestion> out = new ArrayList<>();
        colours(row, colours, random, out);
        Category.of(row).ifPresent(c -> category(row, c, random, out));
        if (!row.name().isEmpty() && names.size() >= CHOICES) {
            name(row, random, out);
        }
        if (!row.style().isEmpty() && styles.size() > 1) {
            style(row, random, out);
        }
        return out;
    }

    private void colours(
            SampleInfo row, MeasuredColours measured, Random random, List<JudgeQuestion> out) {
        List<Colour> present = measured.present();
        List<Colour> absent =
                new ArrayList<>(
                        Arrays.stream(Colour.values())
                                .filter(c -> measured.share(c) <= MeasuredColours.ABSENT)
                                .toList());
        if (present.isEmpty() || absent.size() < CHOICES - 1) {
            return;
        }
        Collections.shuffle(absent, random);
        Colour there = present.get(random.nextInt(present.size()));
        out.add(yesNo(row, "is there " + there.word() + " in the picture?", true, "color"));
        out.add(
                yesNo(
                        row,
                        "is there " + absent.getFirst().word() + " in the picture?",
                        false,
                        "color"));
        Colour main = present.getFirst();
        boolean clear =
                measured.share(main) >= 0.4
                        && (present.size() < 2
                                || measured.share(main) >= 1.5 * measured.share(present.get(1)));
        if (clear) {
            List<String> wrong = absent.subList(0, CHOICES - 1).stream().map(Colour::word).toList();
            out.add(choice(row, "what is the main color?", main.word(), wrong, "color", random));
        }
    }

    private void category(SampleInfo row, Category own, Random random, List<JudgeQuestion> out) {
        List<Category> usual = kinds.stream().filter(c -> differs(own, c)).toList();
        List<Category> others =
                new ArrayList<>(
                        Arrays.stream(Category.values()).filter(c -> differs(own, c)).toList());
        Collections.shuffle(others, random);
        Category other =
                usual.isEmpty() ? others.getFirst() : usual.get(random.nextInt(usual.size()));
        out.add(yesNo(row, "is this " + own.phrase() + "?", true, own.elementType()));
        out.add(yesNo(row, "is this " + other.phrase() + "?", false, own.elementType()));
        List<String> wrong = others.subList(0, CHOICES - 1).stream().map(Category::word).toList();
        out.add(
                choice(
                        row,
                        "what kind of thing is this?",
                        own.word(),
                        wrong,
                        own.elementType(),
                        random));
    }

    /** Whether a thing of one kind is hardly ever one of the other, too. */
    private static boolean differs(Category a, Category b) {
        if (a == b) {
            return false;
        }
        Set<Category> pair = Set.of(a, b);
        boolean overlap =
                pair.equals(Set.of(Category.FOOD, Category.PLANT))
                        || pair.equals(Set.of(Category.FOOD, Category.DRINK))
                        || pair.equals(Set.of(Category.FACE, Category.PERSON))
                        || pair.equals(Set.of(Category.FACE, Category.SIGN))
                        || pair.equals(Set.of(Category.FACE, Category.ANIMAL))
                        || pair.equals(Set.of(Category.HAND, Category.PERSON))
                        || pair.equals(Set.of(Category.SPORT, Category.PERSON))
                        || pair.equals(Set.of(Category.HEART, Category.SIGN));
        return !overlap;
    }

    private void name(SampleInfo row, Random random, List<JudgeQuestion> out) {
        Set<String> wrong = new LinkedHashSet<>();
        for (int tries = 0; wrong.size() < CHOICES - 1 && tries < 100; tries++) {
            String other = names.get(random.nextInt(names.size()));
            if (!shareAWord(other, row.name())) {
                wrong.add(other);
            }
        }
        if (wrong.size() < CHOICES - 1) {
            return;
        }
        String type = Category.of(row).map(Category::elementType).orElse("object");
        List<String> others = List.copyOf(wrong);
        out.add(yesNo(row, "is this " + row.name() + "?", true, type));
        out.add(yesNo(row, "is this " + wrong.iterator().next() + "?", false, type));
        out.add(choice(row, "what is this?", row.name(), others, type, random));
    }

    private void style(SampleInfo row, Random random, List<JudgeQuestion> out) {
        List<String> wrong = new ArrayList<>(styles);
        wrong.remove(row.style());
        Collections.shuffle(wrong, random);
        wrong = wrong.subList(0, Math.min(CHOICES - 1, wrong.size()));
        out.add(choice(row, "which style is this?", row.style(), wrong, "attribute", random));
    }

    private static boolean shareAWord(String a, String b) {
        Set<String> words = new TreeSet<>(List.of(a.split("[ :-]+")));
        words.retainAll(List.of(b.split("[ :-]+")));
        return !words.isEmpty();
    }

    private static JudgeQuestion yesNo(
            SampleInfo row, String question, boolean yes, String elementType) {
        String answer = yes ? "yes" : "no";
        return new JudgeQuestion(row.key(), row.prompt(), question, YES_NO, answer, elementType);
    }

    private static JudgeQuestion choice(
            SampleInfo row,
            String question,
            String answer,
            List<String> wrong,
            String elementType,
            Random random) {
        List<String> choices = new ArrayList<>(wrong);
        choices.add(answer);
        Collections.shuffle(choices, random);
        return new JudgeQuestion(row.key(), row.prompt(), question, choices, answer, elementType);
    }

    /** Every text that a tokenizer for these questions must know. */
    public static List<String> texts(List<JudgeQuestion> questions) {
        List<String> out = new ArrayList<>();
        for (JudgeQuestion q : questions) {
            out.add(q.question());
            out.addAll(q.choices());
        }
        return out;
    }

    /** The kind of a question, by its words: what an accuracy table has rows for. */
    public static String kind(JudgeQuestion q) {
        Optional<String> fixed =
                switch (q.question()) {
                    case "what is the main color?" -> Optional.of("main colour, 4 choices");
                    case "what kind of thing is this?" -> Optional.of("kind of thing, 4 choices");
                    case "what is this?" -> Optional.of("name, 4 choices");
                    case "which style is this?" -> Optional.of("style, 4 choices");
                    default -> Optional.empty();
                };
        if (fixed.isPresent()) {
            return fixed.get();
        }
        if (q.elementType().equals("color")) {
            return "colour, yes or no";
        }
        boolean category =
                Arrays.stream(Category.values())
                        .anyMatch(c -> q.question().equals("is this " + c.phrase() + "?"));
        return category ? "kind of thing, yes or no" : "name, yes or no";
    }
}
