package org.diffusionsoup.diffusion.schedule;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.SchedulerClass;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Ranges;
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

    private static final String CLASS = "_class_name";

    private static final int MOST_TIMESTEPS = 100_000;
    private static final double LEAST_BETA = 1e-12;
    private static final double MOST_BETA = 0.9999;

    /** With less of the signal, divisions by it overflow. */
    private static final double LEAST_SIGNAL = 1e-30;

    /** The schedule of Stable Diffusion 1.x and 2.x, sampled with DDIM. */
    public static SchedulerConfig stableDiffusion(PredictionType type) {
        ObjectNode o = JsonConfig.object();
        o.put(CLASS, "DDIMScheduler");
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

    /**
     * The scheduler of a pipeline: the class that its {@code model_index.json} names, as diffusers
     * has it, with the settings of its {@code scheduler_config.json}, whose {@code _class_name}
     * does not count.
     *
     * @param folder in diffusers layout
     * @throws UnsupportedConfigException if the index names no scheduler, or one that is not built
     *     here, or as {@link #of(JsonConfig)} does
     */
    public static SchedulerConfig ofModel(Path folder) {
        Path index = folder.resolve(DiffusersFolder.INDEX);
        String name =
                SchedulerClass.of(folder)
                        .orElseThrow(() ->
                                new UnsupportedConfigException(
                                        index
                                                + " names no scheduler, without which a model is"
                                                + " not run; name it there, such as \"scheduler\":"
                                                + " [\"diffusers\", \"DDIMScheduler\"]"));
        refuseUnknown(index.toString(), name);
        Path file = folder.resolve("scheduler").resolve(FILE);
        JsonConfig settings = JsonConfig.read(file);
        ObjectNode named = settings.node().deepCopy();
        return of(new JsonConfig(file.toString(), named.put(CLASS, name)));
    }

    /**
     * Reads a config.
     *
     * @throws UnsupportedConfigException for a scheduler or an option that is not built here, and
     *     for values outside of their range: betas 1e-12 to 0.9999, beta_end not below beta_start,
     *     1 to 100,000 timesteps, steps_offset below them, solver_order 1 to 3, sigmas 1e-9 to 1e9
     */
    public static SchedulerConfig of(JsonConfig c) {
        return c.checked(() -> read(c));
    }

    private static SchedulerConfig read(JsonConfig c) {
        String name = c.text(CLASS, "");
        refuseUnknown(c.source(), name);
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
            double[] betas = c.numbers("trained_betas");
            Ranges.check("trained_betas' length", betas.length, 1, MOST_TIMESTEPS);
            for (double beta : betas) {
                Ranges.check("trained_betas", beta, LEAST_BETA, MOST_BETA);
            }
            table = NoiseTable.of(betas, zeroSnr);
        } else {
            boolean heun = name.equals("HeunDiscreteScheduler");
            double start = c.number("beta_start", heun ? 0.00085 : 0.0001);
            double end = c.number("beta_end", heun ? 0.012 : 0.02);
            int timesteps = c.integer("num_train_timesteps", 1000);
            Ranges.check("beta_start", start, LEAST_BETA, MOST_BETA);
            Ranges.check("beta_end", end, LEAST_BETA, MOST_BETA);
            if (end < start) {
                throw new UnsupportedConfigException(
                        "beta_end is %s, it must not be below beta_start %s".formatted(end, start));
            }
            Ranges.check("num_train_timesteps", timesteps, 1, MOST_TIMESTEPS);
            table =
                    NoiseTable.of(
                            BetaSchedule.of(c.text("beta_schedule", "linear")),
                            start,
                            end,
                            timesteps,
                            zeroSnr);
        }
        checkOptions(c, table, zeroSnr);
        PredictionType type = PredictionType.of(c.text("prediction_type", "epsilon"));
        return new SchedulerConfig(name, table, type, c);
    }

    /** Numbers and words that one scheduler or the other reads when a run begins. */
    private static void checkOptions(JsonConfig c, NoiseTable table, boolean zeroSnr) {
        int last = table.size() - 1;
        if (zeroSnr && last < 1) {
            throw new UnsupportedConfigException(
                    "rescale_betas_zero_snr needs a num_train_timesteps of 2 or more");
        }
        if (!zeroSnr && !(table.alphaCumprod(last) >= LEAST_SIGNAL)) {
            throw new UnsupportedConfigException(
                    "beta_start, beta_end and num_train_timesteps leave a share of %s of the signal at the last timestep, it must be %s or more"
                            .formatted(table.alphaCumprod(last), LEAST_SIGNAL));
        }
        Ranges.check("steps_offset", c.integer("steps_offset", 0), 0, Math.max(1, last));
        Ranges.check("clip_sample_range", c.number("clip_sample_range", 1), 1e-3, 1e6);
        Ranges.check("solver_order", c.integer("solver_order", 2), 1, 3);
        Ranges.check("sigma_min", c.number("sigma_min", 1), 1e-9, 1e9);
        Ranges.check("sigma_max", c.number("sigma_max", 1), 1e-9, 1e9);
        DpmSolverMultistepScheduler.lowestLambda(c);
        for (String flag :
                List.of(
                        "clip_sample",
                        "set_alpha_to_one",
                        "skip_prk_steps",
                        "use_karras_sigmas",
                        "euler_at_final",
                        "lower_order_final",
                        "predict_x0")) {
            c.flag(flag, false);
        }
        TimestepSpacing.of(c.text("timestep_spacing", "leading"));
        for (String word :
                List.of(
                        "variance_type",
                        "interpolation_type",
                        "final_sigmas_type",
                        "solver_type")) {
            c.text(word, "");
        }
    }

    /**
     * @param source the file that names the class
     */
    private static void refuseUnknown(String source, String name) {
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
                            source
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
        o.put(CLASS, name);
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
