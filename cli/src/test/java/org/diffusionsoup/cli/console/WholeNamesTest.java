package org.diffusionsoup.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.text.BreakIterator;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class WholeNamesTest {
    private static final String TEXT =
            "It goes on. docs/value.md says more (FILE.csv.journal.jsonl), as tifa:clip:DIR or"
                    + " --memory-batch do, e.g. a held-out one of 1.5.";

    @Test
    void namesAreNotBroken() {
        String kept = WholeNames.kept(TEXT);
        assertThat(kept).hasSameSizeAs(TEXT);
        BreakIterator breaks = BreakIterator.getLineInstance(Locale.ROOT);
        breaks.setText(kept);
        int from = breaks.first();
        for (int to = breaks.next(); to != BreakIterator.DONE; to = breaks.next()) {
            String piece = WholeNames.shown(kept.substring(from, to)).strip();
            assertThat(piece)
                    .isIn(
                            (Object[])
                                    (TEXT.replace("held-out", "held- out") + " " + TEXT)
                                            .split("\\s+"));
            from = to;
        }
    }

    @Test
    void whatIsShownIsTheTextItWas() {
        assertThat(WholeNames.shown(WholeNames.kept(TEXT))).isEqualTo(TEXT);
        assertThat(WholeNames.kept("A sentence. Another one: of 3 / 4, well-known."))
                .isEqualTo("A sentence. Another one: of 3 / 4, well-known.");
    }
}
