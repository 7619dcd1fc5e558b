package org.diffusionsoup.workbench.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.ImageRewardJudge;
import org.diffusionsoup.report.LossCurve;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.job.LossLog;
import org.diffusionsoup.workbench.train.FineTuner;

/**
 * The paper in small, end to end: one ingredient per domain shard, their uniform soup, a paragon
 * with one ingredient's steps and one with all of theirs, the ensemble, a withdrawn shard; the same
 * prompts and seeds through all of them; a report. What an interrupted run finished is kept and not
 * made again; nothing is where a run was finished.
 */
public final class Demo {
    /** Name of the report in the output folder. */
    public static final String REPORT = "report.html";

    private final DemoPlan plan;
    private final Progress progress;
    private final BooleanSupplier stop;
    private final Consumer<String> notes;

    /**
     * @param stop polled between steps; when true, the state is saved and the run ends
     * @param notes told a sentence that names what an earlier run made, is damaged and made anew
     */
    public Demo(DemoPlan plan, Progress progress, BooleanSupplier stop, Consumer<String> notes) {
        this.notes = notes;
        this.plan = plan;
        this.progress = progress;
        this.stop = stop;
    }

    /** What the run made and measured. */
    record Made(
            DemoPlan plan,
            DemoPrompts prompts,
            Map<String, Path> ingredients,
            Map<String, Integer> rows,
            List<DemoModel> models,
            Map<String, LossCurve> curves,
            String judge,
            double souperSeconds,
            double withdrawSeconds,
            double trainSeconds,
            String soupSha256,
            String withoutSha256,
            boolean replayEqual,
            DemoStyles.Made styles,
            DemoMemory.Made memory,
            double seconds,
            int runs,
            int threads) {}

    /**
     * Whether a run of this plan is finished: the report is written last, and the models and
     * pictures it shows are still there.
     */
    public boolean isFinished() {
        List<Path> made = new ArrayList<>(List.of(report()));
        List<String> models = new ArrayList<>(plan.domains());
        models.addAll(List.of("paragon", "paragon-long", "soup", "soup-without"));
        models.addAll(DemoStyles.models());
        models.addAll(DemoMemory.models());
        models.forEach(name -> made.add(model(name)));
        List<String> labels = new ArrayList<>(plan.domains());
        labels.addAll(
                List.of("base", "soup", "paragon", paragonLong(), withoutWithdrawn(), "ensemble"));
        labels.forEach(label -> made.add(DemoSampler.picture(plan, label)));
        return made.stream().allMatch(Files::exists);
    }

    private Path report() {
        return plan.out().resolve(REPORT);
    }

    private String paragonLong() {
        return "paragon ×" + plan.domains().size();
    }

    private String withoutWithdrawn() {
        return "soup − " + plan.withdrawn();
    }

    /** The report's path, or empty when asked to stop; that of a finished run as it is. */
    public Optional<Path> run() {
        if (isFinished()) {
            return Optional.of(report());
        }
        try {
            return Optional.of(make());
        } catch (StoppableProgress.Stopped e) {
            return Optional.empty();
        }
    }

    /** What an earlier run had trained, of which nothing else is heard. */
    private void tellKept() {
        List<String> trained = new ArrayList<>(plan.domains());
        trained.addAll(List.of("paragon", "paragon-long"));
        trained.removeIf(name -> !Files.exists(model(name)));
        if (!trained.isEmpty()) {
            progress.tell(
                    "%s trained by an earlier run: %s."
                            .formatted(
                                    Plural.of(trained.size(), "model is", "models are"),
                                    String.join(", ", trained)));
        }
    }

    private Path make() {
        tellKept();
        DemoTimes times = new DemoTimes(plan.out());
        times.begin();
        DemoKitchen kitchen = new DemoKitchen(plan, progress, stop, notes, times);
        Shard all = ShardRef.parse(plan.dataset().toString()).open();
        Map<String, Path> ingredients = new LinkedHashMap<>();
        Map<String, Integer> rows = new LinkedHashMap<>();
        List<String> union = new ArrayList<>();
        for (String domain : plan.domains()) {
            String ref = plan.shard(domain);
            rows.put(domain, ShardRef.parse(ref).open().train().size());
            union.add(ref);
            ingredients.put(
                    domain, kitchen.train(domain, List.of(ref), plan.steps(), plan.batch()));
        }
        int n = plan.domains().size();
        kitchen.train("paragon", union, plan.steps(), plan.batch());
        kitchen.train("paragon-long", union, n * plan.steps(), plan.batch());

        double souping = kitchen.soup(List.copyOf(ingredients.values()), "soup");
        List<Path> survivors = new ArrayList<>();
        ingredients.forEach((domain, path) -> {
            if (!domain.equals(plan.withdrawn())) {
                survivors.add(path);
            }
        });
        double withdrawing = kitchen.soup(survivors, "soup-without");
        // The proof of absence is a replay: the survivors averaged afresh, in another order.
        kitchen.soup(survivors.reversed(), "replay");
        String without = hash(model("soup-without"));
        boolean equal = without.equals(hash(model("replay")));

        DemoPrompts prompts = DemoPrompts.choose(all, plan);
        try (ClipJudge clip = ClipJudge.load(plan.clip(), ClipConvention.RAW_COSINE);
                ImageRewardJudge reward = ImageRewardJudge.load(plan.reward())) {
            DemoSampler sampler = new DemoSampler(plan, prompts, clip, reward, kitchen, times);
            List<DemoModel> models = compared(sampler, ingredients);
            DemoStyles.Made styles = DemoStyles.run(plan, kitchen, all, clip);
            DemoMemory.Made memory =
                    DemoMemory.run(plan, kitchen, clip, new StoppableProgress(progress, stop));
            Made made =
                    new Made(
                            plan,
                            prompts,
                            ingredients,
                            rows,
                            models,
                            curves(ingredients),
                            clip.judge() + "; " + reward.judge(),
                            souping,
                            withdrawing,
                            times.sum(DemoKitchen.TRAINED),
                            hash(model("soup")),
                            without,
                            equal,
                            styles,
                            memory,
                            times.all(),
                            times.runs(),
                            Torch.threads());
            DemoReport.write(made, report());
            return report();
        }
    }

    /** Every model on the same prompts and seeds. */
    private List<DemoModel> compared(DemoSampler sampler, Map<String, Path> ingredients) {
        int n = plan.domains().size();
        List<DemoModel> models = new ArrayList<>();
        models.add(sampler.one("base", "learnt from dirty pictures", plan.base()));
        ingredients.forEach((domain, path) -> models.add(sampler.one(domain, "ingredient", path)));
        models.add(sampler.one("soup", "uniform average of the " + n, model("soup")));
        models.add(sampler.one("paragon", "union, one ingredient's steps", model("paragon")));
        models.add(
                sampler.one(paragonLong(), "union, all ingredients' steps", model("paragon-long")));
        models.add(
                sampler.one(
                        withoutWithdrawn(),
                        plan.withdrawn() + " withdrawn",
                        model("soup-without")));
        models.add(
                sampler.ensemble(
                        "ensemble",
                        "mean of " + n + " predictions",
                        List.copyOf(ingredients.values())));
        return models;
    }

    private Path model(String name) {
        return DemoKitchen.model(plan, name);
    }

    private static String hash(Path model) {
        return WeightsHash.of(model.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS));
    }

    private Map<String, LossCurve> curves(Map<String, Path> ingredients) {
        Map<String, LossCurve> curves = new LinkedHashMap<>();
        ingredients.forEach((name, path) ->
                curves.put(name, LossLog.readCsv(path.resolve(FineTuner.LOSS_FILE))));
        curves.put("paragon", LossLog.readCsv(model("paragon").resolve(FineTuner.LOSS_FILE)));
        curves.put(
                paragonLong(), LossLog.readCsv(model("paragon-long").resolve(FineTuner.LOSS_FILE)));
        return curves;
    }

    /** Refuses an output folder that a run with another plan has filled. */
    public void claimFolder() {
        OwnOutputs.DEMO.checkOwn(plan.out());
        Path marker = plan.out().resolve("plan.txt");
        String text = plan.text();
        String before = plan + "\n"; // as earlier versions wrote it
        try {
            if (Files.exists(marker)) {
                if (!List.of(text, before).contains(Files.readString(marker))) {
                    throw new SoupException(
                            plan.out()
                                    + " holds a demo with other settings; choose another `out` or"
                                    + " remove it.");
                }
                return;
            }
            Files.createDirectories(plan.out().resolve("models"));
            Files.createDirectories(plan.out().resolve("pictures"));
            Files.createDirectories(plan.out().resolve("shards"));
        } catch (IOException e) {
            throw new SoupException(plan.out() + " cannot be used: " + e.getMessage(), e);
        }
        AtomicFiles.write(marker, text.getBytes(StandardCharsets.UTF_8));
    }
}
