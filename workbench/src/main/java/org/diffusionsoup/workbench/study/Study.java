package org.diffusionsoup.workbench.study;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.ProjectFiles;

/** The paper's tables and figures that an evaluation repeats. */
public enum Study {
    TABLE1("Table 1: specialists, paragon and soups"),
    TABLE2("Table 2: aesthetic shards, cumulative"),
    TABLE3("Table 3: soup and ensemble"),
    TABLE4("Table 4: greedy soups of the aesthetic shards"),
    ENSEMBLES("Appendix C, Proposition 2: ensembles and soups weighed by a classifier"),
    UNLEARNING("Section 6.2: a withdrawn shard's own drawings"),
    UNLEARNING_REST("Section 6.2: the drawings of the shards that stay"),
    UNLEARNING_STYLE("Section 6.2: the drawings of a withdrawn shard of a style of its own"),
    UNLEARNING_STYLE_REST("Section 6.2: the drawings of the shards beside it that stay"),
    FIG4("Fig. 4: the soup without each of its shards"),
    FIG5("Fig. 5: two styles in one soup"),
    FIG6("Fig. 6: who draws the training pictures again"),
    FIG7("Fig. 7, left: over the steps of training"),
    FIG7_RATES("Fig. 7, right: the paragon over learning rates and steps"),
    FIG8("Fig. 8: two more styles"),
    FIG9("Fig. 9: three styles");

    /** How large a study is. */
    public enum Scale {
        /** On the embedded models; needs nothing that is not shipped. */
        EMBEDDED,
        /** The paper's own: Stable Diffusion 2.1, 10,000 steps at 1e-6, 2,000 prompts. */
        PAPER
    }

    private final String title;

    Study(String title) {
        this.title = title;
    }

    /** What it repeats. */
    public String title() {
        return title;
    }

    /** As commands and files call it: {@code fig7-rates}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * @param word as {@link #word} gives it
     * @throws SoupException if there is no such study
     */
    public static Study of(String word) {
        return Arrays.stream(values())
                .filter(s -> s.word().equals(word))
                .findFirst()
                .orElseThrow(() ->
                        new SoupException(
                                "There is no study '%s'; there are %s, and all."
                                        .formatted(word, String.join(", ", words()))));
    }

    /** All words, in the paper's order. */
    public static List<String> words() {
        return Arrays.stream(values()).map(Study::word).toList();
    }

    /**
     * The recipe that comes with the project.
     *
     * @throws SoupException if it is not there
     */
    public Path recipe(Scale scale) {
        Path home = Path.of(System.getProperty(ProjectFiles.HOME, ""));
        Path recipe =
                home.resolve("recipes")
                        .resolve(scale.name().toLowerCase(Locale.ROOT))
                        .resolve(word() + ".yaml");
        if (!Files.isRegularFile(recipe)) {
            throw new SoupException(
                    "The recipe %s of the study is not there; take it from the project again."
                            .formatted(recipe));
        }
        return recipe;
    }
}
