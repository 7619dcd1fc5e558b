package org.diffusionsoup.core.search;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** The ingredients by themselves. */
final class Singles {
    private Singles() {}

    /**
     * @param next the soup that is formed after them, if that is known
     */
    static List<Evaluation> evaluate(ScoreBook book, Optional<Candidate> next) {
        int n = book.ingredients();
        List<Evaluation> singles = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            Candidate single = Candidate.single(n, i);
            singles.add(book.evaluate(single, next.orElse(single)));
        }
        return singles;
    }

    /** Their positions by falling score; of equal scores the first named first. */
    static List<Integer> bestFirst(List<Evaluation> singles) {
        return IntStream.range(0, singles.size())
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -singles.get(i).mean()))
                .toList();
    }

    /** Their positions by rising score; of equal scores the first named first. */
    static List<Integer> worstFirst(List<Evaluation> singles) {
        return IntStream.range(0, singles.size())
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> singles.get(i).mean()))
                .toList();
    }
}
