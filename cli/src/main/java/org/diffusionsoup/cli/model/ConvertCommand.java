package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.convert.Conversion;
import org.diffusionsoup.core.convert.Converter;
import org.diffusionsoup.core.convert.PredictionType;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.diffusion.model.ComponentFit;
import org.diffusionsoup.diffusion.model.WeightsFit;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup convert}: single files to diffusers folders and back. */
@Command(
        name = "convert",
        description = {
            "Convert Stable Diffusion 1.x, 2.x or XL between a single file (LDM names, as A1111 and"
                    + " ComfyUI read it) and a diffusers folder.",
            "Weights keep their dtypes and bytes. The output appears whole or not at all."
        },
        footer = {
            "  soup convert sd15.safetensors -o sd15/",
            "  soup convert v2-1_768.ckpt -o sd21/ --prediction-type v_prediction",
            "  soup convert v1-5-full.ckpt -o sd15-ema/ --ema",
            "  soup convert sdxl-folder/ -o sdxl.safetensors --to single --force"
        })
public final class ConvertCommand extends SoupCommand {
    /** The layout to make. */
    enum Target {
        DIFFUSERS,
        SINGLE
    }

    @Parameters(
            paramLabel = "IN",
            description = "A .safetensors file, a sharded set, a .ckpt file or a diffusers folder.")
    private Path in = Path.of(".");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The folder or .safetensors file to make.")
    private Path out = Path.of(".");

    @Option(
            names = "--to",
            paramLabel = "LAYOUT",
            description = "diffusers or single (default: the one that IN does not have).")
    private Optional<String> to = Optional.empty();

    @Option(
            names = "--prediction-type",
            paramLabel = "TYPE",
            description =
                    "epsilon, v_prediction or sample, for the scheduler of a diffusers folder"
                            + " (default: what the file says, else a guess that is printed).")
    private Optional<String> predictionType = Optional.empty();

    @Option(
            names = "--variant",
            paramLabel = "WORD",
            description =
                    "Read this variant of the weights of diffusers folders, such as fp16 (default:"
                            + " the files without such a word in their names).")
    private String variant = "";

    @Option(
            names = "--ema",
            description =
                    "Take a single file's denoiser from the moving averages that training kept in"
                            + " it (model_ema.*) instead of its weights.")
    private boolean ema;

    @Option(names = "--force", description = "Replace an existing output.")
    private boolean force;

    @Override
    protected void run(Console console) throws IOException {
        Optional<PredictionType> prediction = predictionType.map(this::prediction);
        long start = System.nanoTime();
        Conversion made;
        Target target;
        try (Checkpoint checkpoint = Checkpoint.open(in, variant);
                Progress progress = console.progress()) {
            boolean folder = checkpoint.layout() == Checkpoint.Layout.DIFFUSERS;
            target = to.map(this::target).orElse(folder ? Target.SINGLE : Target.DIFFUSERS);
            if (target == Target.SINGLE && prediction.isPresent()) {
                throw misuse(
                        "--prediction-type is for --to diffusers; a single file has no scheduler.");
            }
            if (target == Target.SINGLE) {
                refuseFolderForFile();
            }
            Converter converter =
                    new Converter(force, prediction, ema, new MegabyteSteps(progress));
            made =
                    target == Target.SINGLE
                            ? converter.toSingleFile(checkpoint, out)
                            : converter.toDiffusers(checkpoint, out);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        List<String> notes = new ArrayList<>(made.notes());
        if (target == Target.SINGLE && OutputKind.ending(out).isEmpty()) {
            notes.add(
                    out + " is one file; other programs look for names that end in .safetensors.");
        }
        notes.addAll(target == Target.SINGLE ? misfits(in, variant) : misfits(out, ""));
        console.result(
                json(made, notes, target, seconds),
                text -> {
                    text.printf(
                            Locale.ROOT,
                            "%s: %s, %s, %s, in %.1f s%n",
                            made.output(),
                            made.architecture().title(),
                            Plural.of(made.tensors(), "tensor"),
                            Quantity.bytes(made.bytes()),
                            seconds);
                    if (!made.leftOut().isEmpty()) {
                        text.printf(
                                Locale.ROOT,
                                made.leftOut().size() == 1
                                        ? "  %d tensor that is no weight of the pipeline left out:%n"
                                        : "  %d tensors that are no weights of the pipeline left"
                                                + " out:%n",
                                made.leftOut().size());
                        grouped(made.leftOut())
                                .forEach((names, n) -> text.println("    " + names + count(n)));
                    }
                    Flags.in(notes).forEach(n -> text.println("  " + n));
                    if (made.recipe()) {
                        text.println(
                                "  Its recipe is carried along: soup.recipe says that it was"
                                        + " converted, and of what.");
                    }
                });
    }

    /**
     * What of a model's components and weights does not belong together: a conversion loses nothing
     * of such a model, so it is made, and what is wrong is said.
     */
    private static List<String> misfits(Path folder, String variant) {
        try (Checkpoint model = Checkpoint.open(folder, variant)) {
            List<String> misfits = new ArrayList<>(ComponentFit.misfits(folder));
            misfits.addAll(WeightsFit.misfits(model));
            return misfits;
        } catch (UnsupportedConfigException e) {
            return List.of(String.valueOf(e.getMessage()));
        }
    }

    /** Names by what they begin with, and how many begin so; a single one in full. */
    private static Map<String, Integer> grouped(List<String> names) {
        Map<String, Integer> groups = new TreeMap<>();
        Map<String, String> only = new TreeMap<>();
        for (String name : names) {
            int dot = name.indexOf('.');
            boolean inModel = name.matches("(first_stage_model|cond_stage_model|conditioner)\\..+");
            int end = inModel ? name.indexOf('.', dot + 1) : dot;
            String group = end < 0 ? name : name.substring(0, end) + ".*";
            groups.merge(group, 1, Integer::sum);
            only.put(group, name);
        }
        Map<String, Integer> told = new TreeMap<>();
        groups.forEach((group, n) -> told.put(n == 1 ? only.getOrDefault(group, group) : group, n));
        return told;
    }

    private static String count(int n) {
        return n == 1 ? "" : " (" + n + ")";
    }

    private Target target(String name) {
        return switch (name) {
            case "diffusers" -> Target.DIFFUSERS;
            case "single" -> Target.SINGLE;
            default -> throw misuse("--to must be diffusers or single, not " + name + ".");
        };
    }

    private PredictionType prediction(String name) {
        return PredictionType.of(name)
                .orElseThrow(() ->
                        misuse(
                                "--prediction-type must be epsilon, v_prediction or sample, not "
                                        + name
                                        + "."));
    }

    private static Map<String, Object> json(
            Conversion made, List<String> notes, Target target, double seconds) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("out", made.output().toString());
        json.put("to", target.name().toLowerCase(Locale.ROOT));
        json.put("architecture", made.architecture().title());
        json.put("tensors", made.tensors());
        json.put("bytes", made.bytes());
        json.put("left_out", made.leftOut());
        json.put("notes", Flags.in(notes));
        json.put("recipe", made.recipe());
        json.put("seconds", seconds);
        return json;
    }
}
