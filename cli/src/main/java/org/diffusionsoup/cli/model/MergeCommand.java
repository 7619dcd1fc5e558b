package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.DeclaredCommand;
import org.diffusionsoup.cli.command.MergeFlags;
import org.diffusionsoup.cli.command.Options;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.soup.Soup;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code soup merge}: the weighted mean of checkpoints of any layout. */
public final class MergeCommand extends DeclaredCommand {
    private final PositionalParamSpec inputs =
            PositionalParamSpec.builder()
                    .arity("1..*")
                    .required(true)
                    .type(List.class)
                    .auxiliaryTypes(Path.class)
                    .paramLabel("CHECKPOINT")
                    .description("Files or folders of one architecture.")
                    .build();

    private final OptionSpec out = Options.out("The file or folder to make.");

    private final OptionSpec weights =
            Options.list(String.class, "K", "--weights")
                    .description(
                            "Weights in the checkpoints' order, such as 2,1,1 or 1/3,2/3; scaled to sum to 1"
                                    + " (default: all the same).")
                    .build();

    private final OptionSpec components =
            Options.list(String.class, "NAME", "--component")
                    .splitRegex(",")
                    .description(
                            "Average only these components of diffusers folders, such as unet; the others"
                                    + " are copied from one of them.")
                    .build();

    private final OptionSpec variant =
            Options.value(String.class, "WORD", "--variant")
                    .initialValue("")
                    .description(
                            "Read this variant of the weights of diffusers folders, such as fp16"
                                    + " (default: the files without such a word in their names).")
                    .build();

    private final OptionSpec dtype =
            Options.value(DType.class, "DTYPE", "--dtype")
                    .description(
                            "Write floating-point tensors as F64, F32, F16, BF16, F8_E4M3 or F8_E5M2"
                                    + " (default: as they are).")
                    .build();

    private final OptionSpec shardSize =
            Options.value(String.class, "SIZE", "--shard-size")
                    .initialValue("0")
                    .description(
                            "Write weights beyond this size as several files with an index; such as 5GB.")
                    .build();

    private final OptionSpec allowNan =
            Options.flag(
                            "Average NaN and infinities as IEEE 754 adds them instead of refusing them.",
                            "--allow-nan")
                    .build();

    private final OptionSpec keepSum =
            Options.flag(
                            "Keep the exact sum in OUT.sum, so that soup adjust takes ingredients in and out"
                                    + " without the others; two to four times an F16 soup's size.",
                            "--keep-sum")
                    .build();

    private final MismatchFlags mismatches = new MismatchFlags();
    private final MergeFlags flags = new MergeFlags();

    @Override
    public void declare(CommandSpec spec) {
        spec.name("merge")
                .addPositional(inputs)
                .addOption(out)
                .addOption(weights)
                .addOption(components)
                .addOption(variant)
                .addOption(dtype)
                .addOption(shardSize)
                .addOption(allowNan)
                .addOption(keepSum);
        mismatches.addTo(spec);
        flags.addTo(spec);
        spec.usageMessage()
                .description(
                        "Average checkpoints: every weight the exact weighted mean, rounded once.",
                        "Reads .safetensors files, sharded sets, .ckpt and .bin files of PyTorch and diffusers"
                                + " folders. The same ingredients and weights give the same bytes in any order,"
                                + " with any number of threads. The output appears whole or not at all.")
                .footer(
                        "  soup merge a.safetensors b.safetensors c.safetensors -o out.safetensors"
                                + " --weights 2,1,1",
                        "  soup merge first/ second/ -o my-soup/ --component unet --dtype F16",
                        "  soup merge a/ b/ c/ -o my-soup/ --keep-sum",
                        "  soup merge big-1/ big-2/ -o my-soup/ --shard-size 5GB --force");
    }

    @Override
    protected void run(Console console) throws IOException {
        List<SoupIngredient> ingredients = ingredients();
        Path output = out.getValue();
        long most = Quantity.parse(shardSize.getValue());
        if (most == 0) { // else it may be a folder of several files
            refuseFolderForFile(ingredients.getFirst().path());
        }
        flags.checkFree(output);
        long start = System.nanoTime();
        Soup soup;
        try (Progress progress = console.progress()) {
            SoupOptions options =
                    SoupOptions.DEFAULT
                            .withThreads(flags.threads())
                            .withWriter(new CheckpointWriter(flags.force(), most))
                            .withOutputDType(Optional.ofNullable(dtype.getValue()))
                            .withAllowNonFinite(allowNan.getValue())
                            .withComponents(components.getValue())
                            .withVariant(variant.getValue())
                            .withPolicy(mismatches.policy())
                            .withKeepSum(keepSum.getValue())
                            .withHashes(flags.hashes())
                            .withProgress(new MegabyteSteps(progress));
            soup = Souper.with(options).make(ingredients, output);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        console.result(
                json(soup, seconds),
                text -> {
                    text.println(
                            summary(
                                    soup.output(),
                                    soup.parameters(),
                                    soup.tensors(),
                                    soup.bytes(),
                                    seconds));
                    soup.ingredients()
                            .forEach(i -> text.println("  " + i.coefficient() + "  " + i.name()));
                    if (!soup.copied().isEmpty()) {
                        text.println("  " + soup.copied());
                    }
                });
        if (!soup.note().isEmpty()) {
            console.note(soup.note());
        }
        SameWeights.note(
                console,
                flags.hashes(),
                ingredients.stream()
                        .map(i -> new SameWeights.Term(i.path().toString(), i.path()))
                        .toList());
    }

    /** One line of what was made. */
    static String summary(Path out, long parameters, long tensors, long bytes, double seconds) {
        return out
                + ": "
                + Quantity.count(parameters)
                + " weights in "
                + Quantity.of(tensors, "tensor")
                + ", "
                + Quantity.bytes(bytes)
                + ", in "
                + Quantity.seconds(seconds);
    }

    private List<SoupIngredient> ingredients() {
        List<Path> paths = inputs.getValue();
        List<String> given = weights.getValue();
        List<String> k = given == null ? List.of() : MergeFlags.weights(given);
        if (!k.isEmpty() && k.size() != paths.size()) {
            throw misuse(
                    Plural.of(k.size(), "weight")
                            + " for "
                            + Plural.of(paths.size(), "checkpoint")
                            + "; give one for each.");
        }
        List<SoupIngredient> ingredients = new ArrayList<>();
        for (int i = 0; i < paths.size(); i++) {
            Coefficient weight = k.isEmpty() ? Coefficient.ONE : Coefficient.parse(k.get(i));
            ingredients.add(SoupIngredient.of(paths.get(i), weight));
        }
        return ingredients;
    }

    static Map<String, Object> json(Soup soup, double seconds) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("out", soup.output().toString());
        json.put("files", soup.files());
        json.put("tensors", soup.tensors());
        json.put("parameters", soup.parameters());
        json.put("bytes", soup.bytes());
        List<Map<String, String>> ingredients = new ArrayList<>();
        for (SoupIngredient i : soup.ingredients()) {
            Map<String, String> ingredient = new LinkedHashMap<>();
            ingredient.put("name", i.name());
            ingredient.put("path", i.path().toString());
            ingredient.put("coefficient", i.coefficient().toString());
            ingredients.add(ingredient);
        }
        json.put("ingredients", ingredients);
        json.put("seconds", seconds);
        if (!soup.copied().isEmpty()) {
            json.put("copied", soup.copied());
        }
        if (!soup.note().isEmpty()) {
            json.put("note", soup.note());
        }
        return json;
    }
}
