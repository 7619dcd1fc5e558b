package org.diffusionsoup.cli.draw;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.cli.command.RunnableFolders;
import org.diffusionsoup.cli.command.SamplingFlags;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.Drawn;
import org.diffusionsoup.workbench.generate.GenerateRequest;
import org.diffusionsoup.workbench.generate.GenerateRun;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.LoraUse;
import org.diffusionsoup.workbench.generate.Prompts;
import org.diffusionsoup.workbench.generate.Source;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup generate}: pictures of prompts. */
@Command(
        name = "generate",
        description = {
            "Draw pictures of prompts with a model, or with several on the same noise.",
            "Writes PNG files that carry prompt, seed, settings and the hash of the model's UNet."
        },
        footer = {
            "  soup generate --model models/emoji-base --prompt \"noto red apple\" -o apple.png",
            "  soup generate --model base --model my-soup --prompt \"noto cat\" --prompt \"fluent cat\""
                    + " --seeds 0-3 -o cats.png",
            "  soup generate --model my-soup --prompts prompts.txt --each pictures -o all.png",
            "  soup generate --model models/emoji-base --lora noto-lora.safetensors:0.7 --prompt"
                    + " \"noto cat\" -o cat.png",
            "  soup generate --model noto --model fluent --ensemble --prompt \"noto dog\" -o dog.png",
            "  soup generate --model noto --model fluent --ensemble --weights 3,1 --sequential --prompt"
                    + " \"noto dog\" -o dog.png",
            "  soup generate --model my-soup --prompt \"noto red apple\" --image sketch.png --strength 0.6"
                    + " -o apple.png"
        })
public final class GenerateCommand extends SoupCommand {
    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "Model, a folder or a single file; several are drawn beside each other.")
    private List<Path> models = List.of();

    @Option(
            names = "--lora",
            paramLabel = "FILE[:S]",
            description =
                    "LoRA that is put into every model before it draws, at a strength of S (default:"
                            + " 1); repeatable. Files are as they were before.")
    private List<Path> loras = List.of();

    @Option(names = "--prompt", paramLabel = "TEXT", description = "What to draw; repeatable.")
    private List<String> prompts = List.of();

    @Option(
            names = "--prompts",
            paramLabel = "FILE",
            description =
                    "File with one prompt a line; lines that start with # are left out. Of a table"
                            + " (.csv, .tsv) or JSON (.json, .jsonl; MS-COCO's captions too) what is"
                            + " called prompt, caption or text.")
    private Optional<Path> promptsFile = Optional.empty();

    @Mixin private SamplingFlags sampling = new SamplingFlags();

    @Option(
            names = "--dtype",
            defaultValue = "F32",
            paramLabel = "DTYPE",
            description =
                    "How weights are held in memory: F32, or F16 or BF16 in half of it, to which they"
                            + " are rounded; layers still compute in float32 (default:"
                            + " ${DEFAULT-VALUE}).")
    private WeightFormat dtype = WeightFormat.F32;

    @Option(
            names = "--ensemble",
            description =
                    "Average the models' predictions at every step instead of drawing with each.")
    private boolean ensemble;

    @Option(
            names = "--weights",
            split = ",",
            paramLabel = "W",
            description =
                    "With --ensemble: what the models' predictions count, one number above 0 per"
                            + " --model, such as 2,1 or 1/3,2/3, divided by their sum; default: all"
                            + " the same.")
    private List<String> weights = List.of();

    @Option(
            names = "--sequential",
            description =
                    "With --ensemble: hold one model's UNet instead of all, which takes the weights of"
                            + " each model in turn at every step. The same pictures with less memory,"
                            + " and slower.")
    private boolean sequential;

    @Option(
            names = "--classifier",
            paramLabel = "DIR",
            description =
                    "With --ensemble: weigh the models by this classifier of their shards (soup judge"
                            + " classifier) for every picture at every step, instead of equally.")
    private Optional<Path> classifier = Optional.empty();

    @Option(
            names = "--resoup",
            description =
                    "With --classifier: average the models' weights instead of their predictions, for"
                            + " every picture at every step anew. Slow: an average of all weights and a"
                            + " pass of one picture each time.")
    private boolean resoup;

    @Option(
            names = "--image",
            paramLabel = "FILE",
            description =
                    "Picture to begin with instead of noise (PNG, JPEG, GIF, BMP or TIFF); without"
                            + " --size the pictures have its size, rounded down to what suits the"
                            + " model.")
    private Optional<Path> image = Optional.empty();

    @Option(
            names = "--mask",
            paramLabel = "FILE",
            description =
                    "With --image: picture of the same size, white where is painted and black where"
                            + " the image stays.")
    private Optional<Path> mask = Optional.empty();

    @Option(
            names = "--strength",
            paramLabel = "S",
            description =
                    "With --image: share of the steps that are done, over 0 to 1; less keeps more of"
                            + " the image (default: 0.8; 1 with --mask).")
    private Optional<Double> strength = Optional.empty();

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            description =
                    "PNG of all pictures: a labelled grid, or the picture itself if there is one."
                            + " A picture that Diffusion Soup made is replaced, nothing else.")
    private Optional<Path> out = Optional.empty();

    @Option(
            names = "--each",
            paramLabel = "DIR",
            description = "New folder for the single pictures.")
    private Optional<Path> each = Optional.empty();

    private GenerateRequest.Ensemble ensemble() {
        if (classifier.isPresent() && !ensemble) {
            throw misuse("--classifier weighs the models of an ensemble; add --ensemble.");
        }
        if (!ensemble && (sequential || !weights.isEmpty())) {
            throw misuse("--weights and --sequential are of an ensemble; add --ensemble.");
        }
        if (resoup && classifier.isEmpty()) {
            throw misuse(
                    "--resoup averages by the coefficients of a classifier; add --classifier.");
        }
        List<Double> numbers = weights.stream().map(this::number).toList();
        return new GenerateRequest.Ensemble(ensemble, numbers, classifier, resoup, sequential);
    }

    @Override
    protected void run(Console console) throws IOException {
        List<String> all = new ArrayList<>(prompts);
        promptsFile.ifPresent(file -> all.addAll(Prompts.read(file)));
        if (all.isEmpty()) {
            throw misuse("no prompt; give one with --prompt or some with --prompts.");
        }
        if (all.stream().anyMatch(String::isBlank)) {
            console.note("A --prompt is empty: its pictures are what the model draws without one.");
        }
        refuseInputAsOutput();
        if (out.isEmpty() && each.isEmpty()) {
            throw misuse("the pictures have nowhere to go; give --out FILE, --each DIR or both.");
        }
        GenerateRequest request =
                new GenerateRequest(
                        RunnableFolders.runnable(models, console),
                        ensemble(),
                        all,
                        sampling.seeds(),
                        settings(),
                        loras.stream().map(l -> LoraUse.parse(l.toString())).toList(),
                        out,
                        each);
        try (Progress progress = console.progress()) {
            GenerateRun.Result result = new GenerateRun(request, progress).run();
            progress.close();
            console.result(
                    json(request, result),
                    text -> {
                        text.printf(
                                Locale.ROOT,
                                "%s in %.1f s%n",
                                Quantity.of(result.pictures(), "picture"),
                                result.seconds());
                        for (Drawn m : result.models()) {
                            text.printf("%s: %s, UNet %s%n", m.name(), m.scheduler(), m.unetHash());
                        }
                        loras.forEach(l -> text.println("with the LoRA " + l));
                        out.ifPresent(text::println);
                        each.ifPresent(text::println);
                    });
            result.notes().forEach(console::note);
        }
    }

    /** A picture by Diffusion Soup is replaced, but not the one that is drawn from. */
    private void refuseInputAsOutput() throws IOException {
        for (Path input : Stream.concat(image.stream(), mask.stream()).toList()) {
            if (out.isPresent()
                    && Files.exists(out.get())
                    && Files.exists(input)
                    && Files.isSameFile(out.get(), input)) {
                throw misuse(
                        "--out %s is the picture that is drawn from, which would be lost; name another --out."
                                .formatted(out.get()));
            }
        }
    }

    /** The folder is written first and has to be new, so that it tells what there was time for. */
    @Override
    protected String stopped() {
        return each.filter(Files::exists)
                .map(folder ->
                        "Stopped; the single pictures were written to "
                                + folder
                                + (out.isPresent() ? ", but not " + out.get() + "." : "."))
                .orElse(
                        "Stopped. Nothing was written: pictures are saved only once all of them are"
                                + " drawn. The same command draws them all again.");
    }

    private GenerateSettings settings() {
        if (image.isEmpty() && (mask.isPresent() || strength.isPresent())) {
            throw misuse(
                    "--mask and --strength are of a picture to begin with; name it with --image.");
        }
        GenerateSettings settings = sampling.settings().withWeights(dtype);
        return image.map(begin ->
                        settings.withSource(
                                Source.read(
                                        begin,
                                        mask,
                                        strength.orElse(mask.isPresent() ? 1.0 : Source.STRENGTH))))
                .orElse(settings);
    }

    private static Map<String, Object> json(GenerateRequest request, GenerateRun.Result result) {
        Map<String, Object> json = new LinkedHashMap<>();
        request.sheet().ifPresent(file -> json.put("out", file.toString()));
        request.folder().ifPresent(folder -> json.put("each", folder.toString()));
        List<Map<String, String>> models = new ArrayList<>();
        for (Drawn m : result.models()) {
            Map<String, String> model = new LinkedHashMap<>();
            model.put("name", m.name());
            model.put("unet_sha256", m.unetHash());
            model.put("scheduler", m.scheduler());
            models.add(model);
        }
        json.put("models", models);
        json.put("ensemble", request.ensemble().wanted());
        if (request.ensemble().sequential()) {
            json.put("sequential", true);
        }
        if (!request.ensemble().weights().isEmpty()) {
            json.put("weights", request.ensemble().weights());
        }
        request.ensemble()
                .classifier()
                .ifPresent(c -> {
                    json.put("classifier", c.toString());
                    json.put("resouped", request.ensemble().resouped());
                });
        if (!request.loras().isEmpty()) {
            json.put("loras", request.loras().stream().map(LoraUse::text).toList());
        }
        json.put("prompts", request.prompts());
        json.put("seeds", request.seeds());
        json.put("steps", request.settings().steps());
        json.put("guidance", request.settings().guidance());
        json.put("negative_prompt", request.settings().negativePrompt());
        json.put("dtype", request.settings().weights());
        json.put("pictures", result.pictures());
        json.put("seconds", result.seconds());
        json.put("notes", Flags.in(result.notes()));
        return json;
    }

    /**
     * A decimal or a fraction, as pictures carry them: of a fraction the nearest double, which is
     * what its numbers would become as weights.
     */
    private double number(String weight) {
        Coefficient k = coefficient("--weights", weight);
        return weight.contains("/")
                ? k.numerator().doubleValue() / k.denominator().doubleValue()
                : Double.parseDouble(weight);
    }
}
