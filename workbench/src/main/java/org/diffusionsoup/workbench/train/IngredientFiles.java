package org.diffusionsoup.workbench.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.LinkedFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.core.lora.Lora;
import org.diffusionsoup.core.lora.LoraFactors;
import org.diffusionsoup.core.lora.LoraFuser;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.core.lora.LoraNaming;
import org.diffusionsoup.core.lora.LoraOutput;
import org.diffusionsoup.core.lora.LoraTarget;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.LowRankFactors;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.LossPoint;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.report.LossCurve;
import org.diffusionsoup.workbench.job.LossLog;
import org.diffusionsoup.workbench.job.TrainedWeights;

/**
 * The files of what a run trains: the base's folder with another UNet, which is the trained one or
 * the base's with the products of trained factors in it, or one file of these factors.
 */
final class IngredientFiles {
    private static final String UNET = "unet";

    private final FineTuneRequest request;

    IngredientFiles(FineTuneRequest request) {
        this.request = request;
    }

    /** What is written at {@code out}, and beside it for models on the way. */
    OutputKind kind() {
        return request.writesFactors() ? ModelOutput.LORA_FILE : ModelOutput.MODEL_FOLDER;
    }

    /**
     * Looks at the places of a model and of what lies beside it, before hours are spent.
     *
     * @param replace whether a model that is there may be replaced
     * @throws org.diffusionsoup.core.SoupException if something else is there
     */
    void check(Path model, boolean replace) {
        kind().check(model, replace);
        checkBeside(model);
    }

    /** The same of a model of this very run, which may be there. */
    void checkReplaceable(Path model) {
        kind().checkReplaceable(model);
        checkBeside(model);
    }

    private void checkBeside(Path model) {
        if (request.writesFactors()) {
            LossLog.KIND.checkOwn(lossFile(model));
        }
    }

    /** The file whose header tells how a model of this run was made. */
    Path trained(Path model) {
        return request.writesFactors() ? model : unet(model);
    }

    /**
     * Refuses low-rank factors that could not be written when they are trained: of a rank that a
     * weight of the base's UNet cannot have, of weights that no LoRA can name or be put into, or of
     * none, by the header of its weights.
     *
     * @throws SoupException naming the weight
     */
    void requireFactors() {
        Path weights = unet(request.base());
        if (request.lora().isEmpty() || !Files.exists(weights)) {
            return; // loading says what is missing
        }
        LowRankOptions lora = request.lora().get();
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            TensorSource today = TensorNames.today(f);
            boolean any = false;
            for (TensorInfo t : today.tensors().values()) {
                lora.requireRank(t.name(), t.shape());
                if (lora.isTarget(t.name(), t.shape())) {
                    LoraFusion.requireTarget(UNET, today, t.name());
                    any = true;
                }
            }
            if (!any) {
                throw new SoupException(
                        "%s has no %s weights that low-rank factors could be trained for."
                                .formatted(weights, lora.target().word()));
            }
        }
    }

    /**
     * What a model's folder says of its weights otherwise than the base that it was made from by
     * the recipe in its header: it was made when the base said that, too. Empty where they say the
     * same, and of a file of factors, which says nothing.
     */
    static Optional<String> difference(Path base, Path model) {
        return DiffusersFolder.isOne(model)
                ? BaseConfiguration.ofModel(base).difference(BaseConfiguration.ofModel(model))
                : Optional.empty();
    }

    static Path unet(Path folder) {
        return component(folder, UNET);
    }

    static Path component(Path folder, String component) {
        return folder.resolve(component).resolve(StableDiffusion.DIFFUSERS_WEIGHTS);
    }

    /** The loss log of a file of factors, beside it: {@code mine.loss.csv}. */
    private static Path lossFile(Path factors) {
        String name = factors.getFileName().toString();
        return factors.resolveSibling(
                name.substring(0, name.lastIndexOf('.')) + "." + FineTuner.LOSS_FILE);
    }

    /**
     * Writes a model as it stands, whole or not at all.
     *
     * @param factors in training, if it is they
     * @param recipe for the header
     * @param curve so far
     */
    void write(
            StableDiffusion base,
            Optional<LowRankFactors> factors,
            Path out,
            SoupRecipe recipe,
            List<LossPoint> curve,
            boolean replace) {
        if (request.writesFactors()) {
            checkBeside(out); // somebody may have put something there since
            LossLog.writeCsv(lossFile(out), lossCurve(curve));
            writeFactors(factors.orElseThrow(), out, recipe, replace);
            return;
        }
        AtomicFiles.writeFolder(
                out,
                ModelOutput.MODEL_FOLDER,
                replace,
                folder -> {
                    copyAllBut(base.folder(), folder, Path.of(UNET));
                    Files.createDirectories(folder.resolve(UNET));
                    Files.copy(
                            base.folder().resolve("unet/config.json"),
                            folder.resolve("unet/config.json"));
                    if (factors.isPresent()) {
                        writeFused(base, factors.get(), folder, recipe);
                    } else {
                        writeTrained(base, folder, recipe);
                    }
                    LossLog.writeCsv(folder.resolve(FineTuner.LOSS_FILE), lossCurve(curve));
                });
    }

    private static void writeTrained(StableDiffusion base, Path folder, SoupRecipe recipe) {
        TrainedWeights.write(
                unet(folder),
                base.unet().parameters(),
                dtypeOf(unet(base.folder())),
                Provenance.of(recipe));
    }

    private void writeFactors(
            LowRankFactors factors, Path file, SoupRecipe recipe, boolean replace) {
        double alpha = request.lora().orElseThrow().alpha();
        int rank = request.lora().orElseThrow().rank();
        List<LoraFactors> all =
                factors.layers().stream()
                        .map(l ->
                                new LoraFactors(
                                        new LoraTarget(UNET, l.weight().name()),
                                        l.weight().shape(),
                                        rank,
                                        alpha,
                                        l.up().value().toFloatArray(),
                                        l.down().value().toFloatArray()))
                        .toList();
        LoraFactors.write(new LoraOutput(file, replace, LoraNaming.KOHYA, DType.F32), all, recipe);
    }

    /** The same bits as 'soup lora fuse' puts into the base's UNet. */
    private void writeFused(
            StableDiffusion base, LowRankFactors factors, Path folder, SoupRecipe recipe)
            throws IOException {
        Path file = folder.resolve("unet/factors.safetensors");
        writeFactors(factors, file, recipe, false);
        try (SafetensorsFile unet = SafetensorsFile.open(unet(base.folder()));
                Lora lora = Lora.open(file, Map.of(UNET, unet))) {
            TensorSource fused =
                    LoraFusion.component(UNET, unet, List.of(new LoraFusion.Term(lora, 1)));
            Map<String, String> header = new TreeMap<>(Map.of("format", "pt"));
            LoraFuser.writeComponent(fused, unet(folder), Provenance.of(recipe).writeTo(header));
        }
        Files.delete(file);
    }

    private static DType dtypeOf(Path weights) {
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            boolean half = f.tensors().values().stream().anyMatch(t -> t.dtype() == DType.F16);
            return half ? DType.F16 : DType.F32;
        }
    }

    /** The curve without wall-clock figures, so that an ingredient's bytes repeat. */
    static LossCurve lossCurve(List<LossPoint> curve) {
        return new LossCurve(
                curve.stream()
                        .map(p -> new LossCurve.Point(p.step(), p.loss(), p.learningRate(), 0))
                        .toList());
    }

    private static void copyAllBut(Path from, Path to, Path left) throws IOException {
        for (Path f : LinkedFiles.below(from)) {
            Path relative = from.relativize(f);
            if (relative.startsWith(left) || relative.toString().equals(FineTuner.LOSS_FILE)) {
                continue;
            }
            Path target = to.resolve(relative);
            Files.createDirectories(target.getParent());
            Files.copy(f, target);
        }
    }
}
