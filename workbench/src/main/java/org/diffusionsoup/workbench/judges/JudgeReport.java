package org.diffusionsoup.workbench.judges;

import java.util.List;
import org.diffusionsoup.workbench.judges.train.Accuracy;

/**
 * What a check of judges found.
 *
 * @param accuracies how often each was right about real held-out pictures
 * @param falls how each one's score goes down as pictures or captions get worse
 */
public record JudgeReport(List<Accuracy> accuracies, List<Fall> falls) {
    /** Copies the lists. */
    public JudgeReport {
        accuracies = List.copyOf(accuracies);
        falls = List.copyOf(falls);
    }

    /** Whether any goal was set. */
    public boolean hasGoals() {
        return accuracies.stream().anyMatch(a -> a.goal().isPresent());
    }

    /** How many goals are met, that every score falls at every step among them. */
    public long goalsMet() {
        return accuracies.stream().filter(a -> a.goal().isPresent() && a.meetsGoal()).count()
                + falls.stream().filter(Fall::isMonotone).count();
    }

    /** How many goals there are. */
    public long goals() {
        return accuracies.stream().filter(a -> a.goal().isPresent()).count() + falls.size();
    }

    /** Whether every fall is one at every step. */
    public boolean allMonotone() {
        return falls.stream().allMatch(Fall::isMonotone);
    }
}
