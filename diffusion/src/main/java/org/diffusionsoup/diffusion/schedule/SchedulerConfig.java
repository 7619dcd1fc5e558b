package org.diffusionsoup.diffusion.schedule;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/**
 * What a diffusers {@code scheduler_config.json} says: the noise a model was trained with, and a
 * way to sample from it. Fields that the file leaves out have the reference's defaults, which
 * depend on the scheduler's class.
 *
 * @param className the reference's class name, such as {@code DDIMScheduler}
 * @param table the forward process
 * @param predictionType what the model predicts
 * @param json all fields, among them those only one scheduler reads
 */
public record SchedulerConfig(
        String className, NoiseTable table, PredictionType predictionType, JsonConfig json) {

    /** Name of the file in a {@code scheduler} folder. */
    public static final String FILE = "scheduler_config.json";

    /** The schedule of Stable Diffusion 1.x and 2.x, sampled with DDIM. */
    public static SchedulerConfig stableDiffusion(PredictionType type) {
        ObjectNode o = JsonConfig.object();
        o.put("_class_name", "DDIMScheduler");
        o.put("_diffusers_version", "0.31.0");
        o.put("beta_end", 0.012);
        o.put("beta_schedule", BetaSchedule.SCALED_LINEAR.configName());
        o.put("beta_start", 0.00085);
        o.put("clip_sample", false);
        o.put("num_train_timesteps", 1000);
        o.put("prediction_type", type.configName());
        o.put("set_alpha_to_one", false);
        o.put("steps_offset", 1);
        return of(new JsonConfig("Stable Diffusion's schedule", o));
    }

    /** Reads the config file of a {@code scheduler} folder. */
    public static SchedulerConfig read(Path folder) {
        return of(JsonConfig.read(folder.resolve(FILE)));
    }

    /**
     * Reads a config.
     *
     * @throws UnsupportedConfigException for a scheduler or an option that is not built here
     */
    public static SchedulerConfig of(JsonConfig c) {
        String name = c.text("_class_name", "");
        refuseUnknown(c, name);
        c.only("thresholding", false);
        c.only("use_exponential_sigmas", false);
        c.only("use_beta_sigmas", false);
        c.only("use_lu_lambdas", false);
        c.only("use_flow_sigmas", false);
        c.only("timestep_type", "discrete");
        refuseForeign(c, name);
        boolean zeroSnr = c.flag("rescale_betas_zero_snr", false);
        NoiseTable table;
        if (c.has("trained_betas")) {
            JsonNode stated = c.node().get("trained_betas");
            double[] betas = new double[stated.size()];
            for (int t = 0; t < betas.length; t++) {
                betas[t] = stated.get(t).asDouble();
            }
            table = NoiseTable.of(betas, zeroSnr);
        } else {
            boolean heun = name.equals("HeunDiscreteScheduler");
            table =
                    NoiseTable.of(
                            BetaSchedule.of(c.text("beta_schedule", "linear")),
                            c.number("beta_start", heun ? 0.00085 : 0.0001),
                            c.number("beta_end", heun ? 0.012 : 0.02),
                            c.integer("num_train_timesteps", 1000),
                            zeroSnr);
        }
        PredictionType type = PredictionType.of(c.text("prediction_type", "epsilon"));
        return new SchedulerConfig(name, table, type, c);
    }

    private static void refuseUnknown(JsonConfig c, String name) {
        switch (name) {
            case "DDIMScheduler",
                    "DDPMScheduler",
                    "PNDMScheduler",
                    "EulerDiscreteScheduler",
                    "EulerAncestralDiscreteScheduler",
                    "DPMSolverMultistepScheduler",
                    "LMSDiscreteScheduler",
                    "UniPCMultistepScheduler",
                    "HeunDiscreteScheduler" -> {}
            default ->
                    throw new UnsupportedConfigException(
                            c.source()
                                    + ": the scheduler "
                                    + (name.isEmpty() ? "without _class_name" : name)
                                    + " is not supported; use DDIMScheduler, DDPMScheduler,"
                                    + " PNDMScheduler, EulerDiscreteScheduler,"
                                    + " EulerAncestralDiscreteScheduler,"
                                    + " DPMSolverMultistepScheduler, LMSDiscreteScheduler,"
                                    + " UniPCMultistepScheduler or HeunDiscreteScheduler");
        }
    }

    /** Options of other schedulers that the reference would pass over in silence. */
    private static void refuseForeign(JsonConfig c, String name) {
        switch (name) {
            case "PNDMScheduler" -> c.only("rescale_betas_zero_snr", false);
            case "LMSDiscreteScheduler", "HeunDiscreteScheduler" -> {
                c.only("rescale_betas_zero_snr", false);
                c.only("interpolation_type", "linear");
                c.only("final_sigmas_type", "zero");
            }
            case "EulerAncestralDiscreteScheduler" -> {
                c.only("use_karras_sigmas", false);
                c.only("interpolation_type", "linear");
                c.only("final_sigmas_type", "zero");
            }
            default -> {}
        }
    }

    /** The same model sampled with another scheduler; fields that both know stay in force. */
    public SchedulerConfig withClassName(String name) {
        ObjectNode o = json.node().deepCopy();
        o.put("_class_name", name);
        return of(new JsonConfig(json.source(), o));
    }

    /** The config in diffusers' format. */
    public ObjectNode toJson() {
        return json.node().deepCopy();
    }

    /**
     * A scheduler for one run, deterministic where the method allows it.
     *
     * @param steps number of steps, 1 to the number of training timesteps
     */
    public Scheduler scheduler(int steps) {
        return scheduler(steps, 0);
    }

    /**
     * As above.
     *
     * @param eta how much of DDPM's noise DDIM adds, 0 to 1; the other schedulers ignore it
     */
    public Scheduler scheduler(int steps, double eta) {
        if (steps < 1 || steps > table.size()) {
            throw new ScheduleException("a run has 1 to " + table.size() + " steps, not " + steps);
        }
        if (!(eta >= 0 && eta <= 1)) {
            throw new ScheduleException("eta lies between 0 and 1, not at " + eta);
        }
        return switch (className) {
            case "DDIMScheduler" -> new DdimScheduler(this, steps, eta);
            case "DDPMScheduler" -> new DdpmScheduler(this, steps);
            case "PNDMScheduler" -> new PndmScheduler(this, steps);
            case "EulerDiscreteScheduler" -> new EulerDiscreteScheduler(this, steps);
            case "EulerAncestralDiscreteScheduler" ->
                    new EulerAncestralDiscreteScheduler(this, steps);
            case "LMSDiscreteScheduler" -> new LmsDiscreteScheduler(this, steps);
            case "HeunDiscreteScheduler" -> new HeunDiscreteScheduler(this, steps);
            case "DPMSolverMultistepScheduler" -> new DpmSolverMultistepScheduler(this, steps);
            case "UniPCMultistepScheduler" -> new UniPcMultistepScheduler(this, steps);
            default -> throw new ScheduleException(className + " is not supported");
        };
    }

    int stepsOffset() {
        return json.integer("steps_offset", 0);
    }

    TimestepSpacing spacing(String fallback) {
        return TimestepSpacing.of(json.text("timestep_spacing", fallback));
    }
}
