package org.diffusionsoup.cli.command;

import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.registry.withdraw.Gone;
import org.diffusionsoup.registry.withdraw.WithdrawRequest.Consent;
import picocli.CommandLine.Option;

/** Whether a withdrawal may take along what was not trained on what is named. */
public final class YesFlag {
    /** So many things a sentence lists. */
    private static final int MOST = 12;

    @Option(
            names = "--yes",
            description =
                    "Let go, too, what was not trained on the data but holds the weights of what was:"
                            + " copies, bases that were made of it and what was trained from those."
                            + " Without it they are listed and nothing happens.")
    private boolean yes;

    public Consent consent() {
        return yes ? Consent.GIVEN : YesFlag::refuse;
    }

    private static void refuse(List<Gone> all) {
        List<String> beyond =
                all.stream()
                        .filter(Gone::beyond)
                        .map(g -> "%s (entry %d, %s)".formatted(g.label(), g.entry(), g.why()))
                        .toList();
        throw new SoupException(
                "Nothing was withdrawn, because what was not trained on this data would go with it: "
                        + String.join("; ", beyond.subList(0, Math.min(MOST, beyond.size())))
                        + (beyond.size() > MOST ? "; and " + (beyond.size() - MOST) + " more" : "")
                        + ". If all of that is to leave for good, say --yes; 'soup show ENTRY' tells"
                        + " what each of them is.");
    }
}
