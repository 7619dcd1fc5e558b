package org.diffusionsoup.cli.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.lora.LoraNaming;
import org.diffusionsoup.core.lora.LoraOutput;
import org.diffusionsoup.core.lora.MadeLora;
import org.diffusionsoup.core.tensor.DType;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How commands that write a LoRA write it, and what they say of it. */
final class LoraOutputFlags {
    private static final int SHOWN = 5;

    /** Errors below this are those of rounding to a dtype. */
    private static final double ROUNDING = 1e-2;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The .safetensors file to make.")
    private Path out = Path.of("");

    @Option(
            names = "--naming",
            paramLabel = "NAMING",
            description =
                    "kohya, which most programs read, or peft with ranks and alphas in the header"
                            + " (default: ${DEFAULT-VALUE}).")
    private String naming = "kohya";

    @Option(
            names = "--dtype",
            paramLabel = "DTYPE",
            description = "Write F32, F16 or BF16 (default: ${DEFAULT-VALUE}).")
    private DType dtype = DType.F32;

    @Option(
            names = "--layers",
            description =
                    "Show the error of every update, not only of the " + SHOWN + " that miss most.")
    private boolean layers;

    @Option(names = "--force", description = "Replace an existing output.")
    private boolean force;

    /**
     * Checks that the output can be written, and is none of what it is made of.
     *
     * @param inputs LoRAs or models
     */
    LoraOutput output(Collection<Path> inputs) {
        Inputs.keep(out, inputs, "its input");
        LoraNaming named =
                switch (naming) {
                    case "kohya" -> LoraNaming.KOHYA;
                    case "peft" -> LoraNaming.PEFT;
                    default ->
                            throw new ParameterException(
                                    spec.commandLine(),
                                    "--naming must be kohya or peft, not " + naming + ".");
                };
        return new LoraOutput(out, force, named, dtype);
    }

    /** Refuses ranks that are none. */
    int rank(int rank) {
        if (rank < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--rank must be at least 1, not " + rank + ".");
        }
        return rank;
    }

    /** One of the LoRAs that a mean is of, and its share in it. */
    record Part(Path file, Coefficient coefficient) {}

    /** Says what was made and how far it is from the exact updates. */
    void say(Console console, MadeLora made, double seconds) {
        say(console, made, List.of(), seconds);
    }

    /** The same of a mean. */
    void say(Console console, MadeLora made, List<Part> parts, double seconds) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("out", made.file().toString());
        if (!parts.isEmpty()) {
            json.put(
                    "loras",
                    parts.stream()
                            .map(p ->
                                    Map.of(
                                            "file",
                                            p.file().toString(),
                                            "coefficient",
                                            p.coefficient().toString()))
                            .toList());
        }
        json.put("bytes", made.bytes());
        json.put("relative_error", made.relativeError());
        json.put("left_out", made.leftOut());
        List<Map<String, Object>> all = new ArrayList<>();
        for (MadeLora.Layer l : made.layers()) {
            Map<String, Object> layer = new LinkedHashMap<>();
            layer.put("component", l.target().component());
            layer.put("tensor", l.target().tensor());
            l.rank().ifPresent(r -> layer.put("rank", r));
            layer.put("norm", l.norm());
            layer.put("relative_error", l.relativeError());
            all.add(layer);
        }
        json.put("updates", all);
        json.put("notes", Flags.in(made.notes()));
        json.put("seconds", seconds);
        console.result(
                json,
                text -> {
                    text.println(
                            made.file()
                                    + ": "
                                    + Quantity.of(made.layers().size(), "update")
                                    + ", "
                                    + Quantity.bytes(made.bytes())
                                    + ", relative error "
                                    + percent(made.relativeError())
                                    + ", in "
                                    + Quantity.seconds(seconds));
                    parts.forEach(p -> text.println("  " + p.coefficient() + "  " + p.file()));
                    if (made.relativeError() > 0) {
                        text.println(
                                "The error is the norm of what is left over, in % of the exact"
                                        + " update's: "
                                        + causes(made));
                    }
                    List<MadeLora.Layer> shown = new ArrayList<>(made.layers());
                    shown.removeIf(l -> !layers && l.relativeError() == 0);
                    if (!layers) {
                        shown.sort(Comparator.comparingDouble(l -> -l.relativeError()));
                    }
                    if (!shown.isEmpty()) {
                        TextTable table =
                                new TextTable(
                                        layers ? "tensor" : "misses most",
                                        "rank",
                                        "norm",
                                        "relative error");
                        shown.stream()
                                .limit(layers ? Long.MAX_VALUE : SHOWN)
                                .forEach(l ->
                                        table.row(
                                                l.target(),
                                                l.rank().isEmpty() ? "whole" : l.rank().getAsInt(),
                                                LoraInspectCommand.number(l.norm()),
                                                percent(l.relativeError())));
                        text.println();
                        table.print(text);
                    }
                });
        made.notes().forEach(console::note);
    }

    /** What an error comes from; shares of norms add up in squares. */
    private static String causes(MadeLora made) {
        String rank = "the rank misses " + percent(made.missedByRank());
        String helps = ", and a higher rank misses less";
        if (made.leftOut() == 0) {
            return rank + helps + ".";
        }
        boolean all = made.missedByRank() < ROUNDING;
        return rank
                + (all ? ", next to nothing" : helps)
                + "; what is left out has "
                + percent(made.leftOut())
                + ", whatever the rank.";
    }

    private static String percent(double share) {
        return share == 0 ? "0 %" : String.format(Locale.ROOT, "%.3g %%", 100 * share);
    }
}
