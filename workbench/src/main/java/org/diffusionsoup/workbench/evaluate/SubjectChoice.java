package org.diffusionsoup.workbench.evaluate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;

/** Chooses rows that are about different things. */
public final class SubjectChoice {
    private SubjectChoice() {}

    /**
     * A random choice that depends on the shard's rows and the seed alone.
     *
     * @param rows to choose from
     * @param count how many, at least 1
     * @param seed of the order
     * @return {@code count} rows in key order, no two with the same subject or prompt
     * @throws SoupException if there are fewer subjects
     */
    public static Shard choose(Shard rows, int count, long seed) {
        if (count < 1) {
            throw new SoupException("`subjects` must be at least 1, not " + count + ".");
        }
        List<SampleInfo> order = new ArrayList<>(rows.infos());
        Collections.shuffle(order, new Random(seed));
        Set<String> chosen = new HashSet<>();
        Set<String> subjects = new HashSet<>();
        Set<String> prompts = new HashSet<>();
        for (SampleInfo row : order) {
            if (chosen.size() < count
                    && !subjects.contains(subject(row))
                    && prompts.add(row.prompt())) {
                subjects.add(subject(row));
                chosen.add(row.key());
            }
        }
        if (chosen.size() < count) {
            throw new SoupException(
                    "shard %s has %d different subjects, `subjects` asks for %d."
                            .formatted(rows.name(), chosen.size(), count));
        }
        return rows.filter(info -> chosen.contains(info.key()));
    }

    /** What a row is about, the same for all its providers; its prompt where that is unknown. */
    static String subject(SampleInfo row) {
        return row.subject().isEmpty() ? row.prompt() : row.subject();
    }

    /** The different prompts of a shard, in key order. */
    public static List<String> prompts(Shard rows) {
        return rows.infos().stream().map(SampleInfo::prompt).distinct().toList();
    }
}
