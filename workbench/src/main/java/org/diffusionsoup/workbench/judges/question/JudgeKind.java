package org.diffusionsoup.workbench.judges.question;

import java.util.Locale;

/** The judges that can be trained and checked. */
public enum JudgeKind {
    /** CLIP score. */
    CLIP,
    /** BLIP that answers questions. */
    VQA,
    /** ImageReward. */
    REWARD,
    /** LAION's aesthetic predictor, on a CLIP. */
    AESTHETIC;

    /** In lower case, as in commands and tables. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
