package org.diffusionsoup.diffusion.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.schedule.Scheduler;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.junit.jupiter.api.DynamicTest;

/** What the goldens of sampling runs have in common. */
final class GoldenRun {
    private GoldenRun() {}

    /** The check of one run. */
    interface Check {
        void of(Golden golden, String name, JsonNode run) throws Exception;
    }

    /** A test for every run of every golden of a kind. */
    static Stream<DynamicTest> each(String kind, Check check) {
        return Reference.each(
                kind,
                g -> {
                    List<DynamicTest> tests = new ArrayList<>();
                    for (Map.Entry<String, JsonNode> run : g.manifest().path("runs").properties()) {
                        tests.add(
                                DynamicTest.dynamicTest(
                                        g.name() + " " + run.getKey(),
                                        () -> check.of(g, run.getKey(), run.getValue())));
                    }
                    return tests;
                });
    }

    static SchedulerConfig scheduler(String name, JsonNode run) {
        ObjectNode scheduler = run.path("scheduler_config").deepCopy();
        scheduler.put("_class_name", run.path("scheduler").asText());
        return SchedulerConfig.of(new JsonConfig(name, scheduler));
    }

    /** The manifest allows one level of difference. */
    static void checkBytes(Golden g, String tensor, Tensor pictures) {
        byte[][] rows = TextToImagePipeline.toBytes(pictures);
        float[] all = new float[Math.toIntExact(pictures.elements())];
        int at = 0;
        for (byte[] row : rows) {
            for (byte b : row) {
                all[at++] = b & 0xFF;
            }
        }
        g.assertClose(tensor, all, 1, g.shape(tensor));
    }

    /** The timesteps that a course visits, and the latents that it starts from. */
    static void checkStart(
            Golden g, String name, SchedulerConfig config, int steps, Course course) {
        try (Scheduler s = config.scheduler(steps)) {
            int first = s.skip(course.skipped());
            double[] all = s.timesteps();
            float[] visited = new float[all.length - first];
            for (int i = 0; i < visited.length; i++) {
                visited[i] = (float) all[first + i];
            }
            g.assertClose(name + ".timesteps", visited, visited.length);
            g.assertClose(name + ".latents_before", course.start(s, first));
        }
    }

    /** The outputs at the end of a run that its golden has. */
    static void checkEnd(Golden g, String name, Tensor latents, Tensor pictures) {
        for (String output : List.of("final_latents", "image", "image_u8")) {
            String tensor = name + "." + output;
            if (g.has(tensor)) {
                switch (output) {
                    case "final_latents" -> g.assertClose(tensor, latents);
                    case "image" -> g.assertClose(tensor, pictures.permute(0, 2, 3, 1));
                    default -> checkBytes(g, tensor, pictures);
                }
            }
        }
    }
}
