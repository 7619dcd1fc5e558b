package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.MergeFlags;
import org.diffusionsoup.cli.command.SoupCommand;
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
import org.diffusionsoup.diffusion.model.WeightsFit;
import org.diffusionsoup.workbench.Progress;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup merge}: the weighted mean of checkpoints of any layout. */
@Command(
        name = "merge",
        description = {
            "Average checkpoints: every weight the exact weighted mean, rounded once.",
            "Reads .safetensors files, sharded sets, .ckpt and .bin files of PyTorch and diffusers"
                    + " folders. The same ingredients and weights give the same bytes in any order,"
                    + " with any number of threads. The output appears whole or not at all."
        },
        footer = {
            "  soup merge a.safetensors b.safetensors c.safetensors -o out.safetensors"
                    + " --weights 2,1,1",
            "  soup merge first/ second/ -o my-soup/ --component unet --dtype F16",
            "  soup merge a/ b/ c/ -o my-soup/ --keep-sum",
            "  soup merge big-1/ big-2/ -o my-soup/ --shard-size 5GB --force"
        })
public final class MergeCommand extends SoupCommand {
    @Parameters(
            arity = "1..*",
            paramLabel = "CHECKPOINT",
            description = "Files or folders of one architecture.")
    private List<Path> inputs = List.of();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The file or folder to make.")
    private Path out = Path.of(".");

    @Option(
            names = "--weights",
            paramLabel = "K",
            description =
                    "Weights in the checkpoints' order, such as 2,1,1 or 1/3,2/3; scaled to sum to 1"
                            + " (default: all the same).")
    private List<String> weights = List.of();

    @Option(
            names = "--component",
            split = ",",
            paramLabel = "NAME",
            description =
                    "Average only these components of diffusers folders, such as unet; the others"
                            + " are copied from one of them.")
    private List<String> components = List.of();

    @Option(
            names = "--variant",
            paramLabel = "WORD",
            description =
                    "Read this variant of the weights of diffusers folders, such as fp16"
                            + " (default: the files without such a word in their names).")
    private String variant = "";

    @Option(
            names = "--dtype",
            paramLabel = "DTYPE",
            description =
                    "Write floating-point tensors as F64, F32, F16, BF16, F8_E4M3 or F8_E5M2"
                            + " (default: as they are).")
    private @Nullable DType dtype;

    @Option(
            names = "--shard-size",
            paramLabel = "SIZE",
            description =
                    "Write weights beyond this size as several files with an index; such as 5GB.")
    private Optional<String> shardSize = Optional.empty();

    @Option(
            names = "--allow-nan",
            description =
                    "Average NaN and infinities as IEEE 754 adds them instead of refusing them.")
    private boolean allowNan;

    @Option(
            names = "--keep-sum",
            description =
                    "Keep the exact sum in OUT.sum, so that soup adjust takes ingredients in and out"
                            + " without the others; two to four times an F16 soup's size.")
    private boolean keepSum;

    @Mixin private MismatchFlags.OfMeans mismatches = new MismatchFlags.OfMeans();
    @Mixin private MergeFlags flags = new MergeFlags();

    @Override
    protected void run(Console console) throws IOException {
        List<SoupIngredient> ingredients = ingredients();
        // 0 bytes, the writer's word for one file, is not what anybody means by a size.
        Optional<Long> size =
                Count.of("--shard-size", shardSize.map(Quantity::parse), this::misuse);
        long most = size.orElse(0L);
        if (size.isEmpty()) { // else it may be a folder of several files
            refuseFolderForFile(ingredients.getFirst().path());
        }
        refuseVariantOfFiles();
        flags.checkFree(out);
        long start = System.nanoTime();
        Soup soup;
        try (Progress progress = console.progress()) {
            SoupOptions options =
                    SoupOptions.DEFAULT
                            .withThreads(flags.threads())
                            .withWriter(
                                    new CheckpointWriter(flags.force(), most, WeightsFit::misfits))
                            .withOutputDType(Optional.ofNullable(dtype))
                            .withAllowNonFinite(allowNan)
                            .withComponents(components)
                            .withVariant(variant)
                            .withPolicy(mismatches.policy())
                            .withKeepSum(keepSum)
                            .withHashes(flags.hashes())
                            .withProgress(new MegabyteSteps(progress));
            soup = Souper.with(options).make(ingredients, out);
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
        SameWeights.note(console, soup);
    }

    private void refuseVariantOfFiles() {
        for (Path p : inputs) {
            if (!variant.isEmpty() && Files.isRegularFile(p)) {
                throw misuse(
                        "--variant says which weights of a folder are read, and %s is a file, which has one only; leave --variant out, or name the file of that variant."
                                .formatted(p));
            }
        }
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
        List<String> k = MergeFlags.weights(weights);
        if (!k.isEmpty() && k.size() != inputs.size()) {
            throw misuse(
                    Plural.of(k.size(), "weight")
                            + " for "
                            + Plural.of(inputs.size(), "checkpoint")
                            + "; give one for each.");
        }
        List<SoupIngredient> ingredients = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            Coefficient weight = k.isEmpty() ? Coefficient.ONE : coefficient("--weights", k.get(i));
            ingredients.add(SoupIngredient.of(inputs.get(i), weight));
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
