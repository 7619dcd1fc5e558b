package org.diffusionsoup.cli.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.CountedSteps;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.convert.Converter;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.core.lora.LoraMaker;
import org.diffusionsoup.core.lora.LoraOutput;
import org.diffusionsoup.core.lora.MadeLora;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.LoraUse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup lora merge}: the mean of LoRAs. */
@Command(
        name = "merge",
        description = {
            "Average LoRAs: the mean of their products, so that a model with the mean in it is the"
                    + " mean of the models with one each. Factors are never averaged: the product"
                    + " of means is another update.",
            "Ranks, namings and kinds may differ. Without --rank the mean is exact, each value"
                    + " rounded once, and as large as the weights it updates; with --rank it is the"
                    + " closest LoRA of that rank, and its error is stated."
        },
        footer = {
            "  soup lora merge a.safetensors b.safetensors -o mean.safetensors",
            "  soup lora merge a.safetensors b.safetensors c.safetensors -o mean.safetensors"
                    + " --weights 2,1,1 --rank 16 --dtype F16"
        })
final class LoraMergeCommand extends SoupCommand {
    @Parameters(arity = "1..*", paramLabel = "FILE", description = "LoRAs of one model.")
    private List<Path> files = List.of();

    @Option(
            names = "--weights",
            paramLabel = "K",
            split = ",",
            description =
                    "Weights in the files' order, such as 2,1,1 or 1/3,2/3; scaled to sum to 1"
                            + " (default: all the same).")
    private List<String> weights = List.of();

    @Option(
            names = "--rank",
            paramLabel = "R",
            description = "Write a LoRA of this rank (default: whole updates).")
    private Optional<Integer> rank = Optional.empty();

    @Option(
            names = "--model",
            paramLabel = "MODEL",
            description = "Model that they are for; LoRAs of cloneofsimo need it.")
    private Optional<Path> model = Optional.empty();

    @Mixin private LoraOutputFlags flags = new LoraOutputFlags();

    @Override
    protected void run(Console console) {
        if (files.size() < 2) {
            throw misuse(
                    "a mean is of two LoRAs or more, and only " + files.getFirst() + " is given.");
        }
        if (!weights.isEmpty() && weights.size() != files.size()) {
            throw misuse(
                    weights.size() + " weights for " + files.size() + " LoRAs; give one for each.");
        }
        OptionalInt r = rank.map(n -> OptionalInt.of(flags.rank(n))).orElse(OptionalInt.empty());
        List<Coefficient> given =
                weights.isEmpty()
                        ? Collections.nCopies(files.size(), Coefficient.ONE)
                        : weights.stream().map(w -> coefficient("--weights", w)).toList();
        List<LoraUse> uses = new ArrayList<>();
        for (int i = 0; i < files.size(); i++) {
            Coefficient k = given.get(i);
            double w = k.numerator().doubleValue() / k.denominator().doubleValue();
            uses.add(new LoraUse(files.get(i), w));
        }
        LoraOutput output = flags.output(files);
        if (model.isEmpty()) {
            make(console, uses, parts(given), Map.of(), output, r);
            return;
        }
        try (Checkpoint opened = Checkpoint.open(model.get())) {
            make(console, uses, parts(given), Converter.view(opened), output, r);
        }
    }

    /** With coefficients that sum to 1. */
    private List<LoraOutputFlags.Part> parts(List<Coefficient> given) {
        Coefficient sum = given.stream().reduce(Coefficient::plus).orElse(Coefficient.ONE);
        List<LoraOutputFlags.Part> parts = new ArrayList<>();
        for (int i = 0; i < files.size(); i++) {
            parts.add(new LoraOutputFlags.Part(files.get(i), given.get(i).dividedBy(sum)));
        }
        return parts;
    }

    private void make(
            Console console,
            List<LoraUse> uses,
            List<LoraOutputFlags.Part> of,
            Map<String, TensorSource> parts,
            LoraOutput output,
            OptionalInt r) {
        long start = System.nanoTime();
        MadeLora made;
        try (LoraUse.Open open = LoraUse.open(uses, parts);
                Progress progress = console.progress()) {
            List<LoraFusion.Term> terms = open.terms();
            made = new LoraMaker(output, new CountedSteps(progress, "updates")).mean(terms, r);
        }
        flags.say(console, made, of, (System.nanoTime() - start) / 1e9);
    }
}
