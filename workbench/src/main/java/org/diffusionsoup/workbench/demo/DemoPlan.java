package org.diffusionsoup.workbench.demo;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/**
 * What a demo run does.
 *
 * @param base the shared base
 * @param clip the CLIP that judges
 * @param reward the reward model that judges
 * @param dataset data set that shards and prompts are of
 * @param provider whose pictures of each domain are a shard; the base has seen none of them
 * @param styles in which the base is asked for subjects: no shard holds such a picture
 * @param domains names of the shards, one ingredient each
 * @param withdrawn which of them leaves in the end
 * @param steps optimizer steps per ingredient
 * @param batch pictures per step
 * @param rate learning rate
 * @param prompts prompts in all, spread evenly over the domains
 * @param seeds pictures per prompt
 * @param samplingSteps scheduler steps per picture
 * @param guidance guidance scale
 * @param seed of everything random
 * @param out folder of models, pictures and report
 */
public record DemoPlan(
        Path base,
        Path clip,
        Path reward,
        Path dataset,
        String provider,
        List<String> styles,
        List<String> domains,
        String withdrawn,
        long steps,
        int batch,
        double rate,
        int prompts,
        int seeds,
        int samplingSteps,
        double guidance,
        long seed,
        Path out) {

    public DemoPlan {
        styles = List.copyOf(styles);
        domains = List.copyOf(domains);
        if (domains.size() < 2) {
            throw new SoupException("a demo needs at least two shards to make a soup of.");
        }
        if (!domains.contains(withdrawn)) {
            throw new SoupException(
                    "the withdrawn shard " + withdrawn + " is not among " + domains + ".");
        }
    }

    /** The run of about eight minutes on two cores. */
    public static DemoPlan full(Path project, Path out) {
        return of(project, out, 200, 64, 1, 12);
    }

    /** The run of about two minutes on two cores. */
    public static DemoPlan quick(Path project, Path out) {
        return of(project, out, 40, 16, 1, 8);
    }

    /** The shard of a domain, as a view of the data set. */
    String shard(String domain) {
        return dataset + "#provider=" + provider + "&domain=" + domain;
    }

    /** The other domains, as one view. */
    String shardsBut(String domain) {
        return dataset + "#provider=" + provider + "&domain!=" + domain;
    }

    private static DemoPlan of(
            Path project, Path out, long steps, int prompts, int seeds, int sampling) {
        return new DemoPlan(
                project.resolve("models/web-base"),
                project.resolve("models/judge-clip"),
                project.resolve("models/emoji-reward"),
                project.resolve("shards/emoji"),
                "fluent",
                List.of("noto", "twemoji", "openmoji"),
                List.of("animals", "food", "vehicles", "electronics"),
                "vehicles",
                steps,
                4,
                5e-4,
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
        reward model that judges: %s
        data set: %s
        shards: %s of %s
        withdrawn: %s
        steps per ingredient: %d of %d pictures, learning rate %s
        prompts: %d in the styles of %s, %d of each
        sampling: %d steps, guidance %s
        seed: %d
        folder: %s
        """
                .formatted(
                        base,
                        clip,
                        reward,
                        dataset,
                        String.join(", ", domains),
                        provider,
                        withdrawn,
                        steps,
                        batch,
                        rate,
                        prompts,
                        String.join(", ", styles),
                        seeds,
                        samplingSteps,
                        guidance,
                        seed,
                        out);
    }
}
