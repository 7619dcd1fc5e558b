package org.diffusionsoup.workbench.demo;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/**
 * What a demo run does.
 *
 * @param base the shared base
 * @param clip the CLIP that judges
 * @param dataset data set whose domains are the shards
 * @param domains names of the shards, one ingredient each
 * @param withdrawn which of them leaves in the end
 * @param steps optimizer steps per ingredient
 * @param batch pictures per step
 * @param prompts held-out prompts in all, spread evenly over the domains
 * @param seeds pictures per prompt
 * @param samplingSteps scheduler steps per picture
 * @param guidance guidance scale
 * @param seed of everything random
 * @param out folder of models, pictures and report
 */
public record DemoPlan(
        Path base,
        Path clip,
        Path dataset,
        List<String> domains,
        String withdrawn,
        long steps,
        int batch,
        int prompts,
        int seeds,
        int samplingSteps,
        double guidance,
        long seed,
        Path out) {

    public DemoPlan {
        domains = List.copyOf(domains);
        if (domains.size() < 2) {
            throw new SoupException("a demo needs at least two shards to make a soup of.");
        }
        if (!domains.contains(withdrawn)) {
            throw new SoupException(
                    "the withdrawn shard " + withdrawn + " is not among " + domains + ".");
        }
    }

    /** The run of about ten minutes on two cores. */
    public static DemoPlan full(Path project, Path out) {
        return of(project, out, 90, 64, 1, 15);
    }

    /** The run of about two minutes on two cores. */
    public static DemoPlan quick(Path project, Path out) {
        return of(project, out, 14, 16, 1, 8);
    }

    private static DemoPlan of(
            Path project, Path out, long steps, int prompts, int seeds, int sampling) {
        return new DemoPlan(
                project.resolve("models/emoji-base"),
                project.resolve("models/emoji-clip"),
                project.resolve("shards/emoji"),
                List.of("animals", "food", "vehicles", "electronics"),
                "vehicles",
                steps,
                16,
                prompts,
                seeds,
                sampling,
                3.0,
                7,
                out);
    }

    /** What the demo is of, a line for each setting; the same for the same plan only. */
    String text() {
        return """
        A demo by soup demo. What it was asked for; another plan needs another folder.
        base: %s
        CLIP that judges: %s
        data set: %s
        shards: %s
        withdrawn: %s
        steps per ingredient: %d of %d pictures
        held-out prompts: %d, %d of each
        sampling: %d steps, guidance %s
        seed: %d
        folder: %s
        """
                .formatted(
                        base,
                        clip,
                        dataset,
                        String.join(", ", domains),
                        withdrawn,
                        steps,
                        batch,
                        prompts,
                        seeds,
                        samplingSteps,
                        guidance,
                        seed,
                        out);
    }
}
