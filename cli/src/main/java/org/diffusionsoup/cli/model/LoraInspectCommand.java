package org.diffusionsoup.cli.model;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.convert.Converter;
import org.diffusionsoup.core.lora.Lora;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.core.lora.LoraLayer;
import org.diffusionsoup.core.tensor.TensorSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup lora inspect}: what a LoRA updates, and how strongly. */
@Command(
        name = "inspect",
        description = {
            "Show what a LoRA updates: naming, components, kinds, ranks, alphas, and how large its"
                    + " updates are.",
            "Every tensor of the file is understood, or the file is refused naming the one that is"
                    + " not."
        },
        footer = {
            "  soup lora inspect style.safetensors",
            "  soup lora inspect style.safetensors --layers --model sd15/"
        })
final class LoraInspectCommand extends SoupCommand {
    @Parameters(paramLabel = "FILE", description = "A LoRA, as .safetensors or PyTorch file.")
    private Path file = Path.of("");

    @Option(
            names = "--model",
            paramLabel = "MODEL",
            description =
                    "Model that it should fit: every tensor is looked for in it. LoRAs of cloneofsimo"
                            + " cannot be read without.")
    private Optional<Path> model = Optional.empty();

    @Option(names = "--layers", description = "List every update.")
    private boolean layers;

    @Override
    protected void run(Console console) {
        if (model.isEmpty()) {
            show(console, Map.of());
            return;
        }
        try (Checkpoint opened = Checkpoint.open(model.get())) {
            show(console, Converter.view(opened));
        }
    }

    private void show(Console console, Map<String, TensorSource> parts) {
        try (Lora lora = Lora.open(file, parts)) {
            if (!parts.isEmpty()) {
                LoraFusion.check(parts, List.of(new LoraFusion.Term(lora, 1)));
            }
            Map<LoraLayer, Double> norms = new LinkedHashMap<>();
            lora.layers().forEach(l -> norms.put(l, norm(l.delta())));
            console.result(json(lora, norms), out -> text(lora, norms, out));
        }
    }

    static double norm(double[] values) {
        double square = 0;
        for (double v : values) {
            square += v * v;
        }
        return Math.sqrt(square);
    }

    private void text(Lora lora, Map<LoraLayer, Double> norms, PrintWriter out) {
        out.println(lora.path() + "  " + lora.title());
        out.println();
        TextTable table = new TextTable("component", "updates", "kinds", "ranks", "alphas", "norm");
        Map<String, List<LoraLayer>> components = new TreeMap<>();
        for (LoraLayer l : lora.layers()) {
            components.computeIfAbsent(l.target().component(), c -> new ArrayList<>()).add(l);
        }
        components.forEach((name, of) ->
                table.row(
                        name,
                        of.size(),
                        some(of, LoraInspectCommand::kind),
                        some(of, LoraInspectCommand::rank),
                        some(of, LoraInspectCommand::alpha),
                        number(
                                norm(
                                        of.stream()
                                                .mapToDouble(l -> norms.getOrDefault(l, 0.0))
                                                .toArray()))));
        table.print(out);
        if (layers) {
            out.println();
            TextTable each = new TextTable("tensor", "kind", "rank", "alpha", "factor", "norm");
            norms.forEach((l, norm) ->
                    each.row(
                            l.target(),
                            kind(l),
                            rank(l),
                            alpha(l),
                            number(l.factor()),
                            number(norm)));
            each.print(out);
        }
        long damaged = damaged(norms);
        if (damaged > 0) {
            out.println();
            out.println(
                    String.format(
                            Locale.ROOT,
                            "%,d of %s holds NaN, infinities or values too large: training diverged, or the file is damaged (first: %s).",
                            damaged,
                            Plural.of(norms.size(), "update"),
                            norms.entrySet().stream()
                                    .filter(e -> !Double.isFinite(e.getValue()))
                                    .map(e -> e.getKey().target().toString())
                                    .findFirst()
                                    .orElse("")));
        }
    }

    private static long damaged(Map<LoraLayer, Double> norms) {
        return norms.values().stream().filter(n -> !Double.isFinite(n)).count();
    }

    private static String some(List<LoraLayer> of, Function<LoraLayer, String> what) {
        TreeSet<String> values =
                new TreeSet<>(Comparator.comparing(String::length).thenComparing(s -> s));
        of.forEach(l -> values.add(what.apply(l)));
        return String.join(", ", values);
    }

    private static String kind(LoraLayer l) {
        return l.algorithm().title() + (l.isDora() ? " (DoRA)" : "");
    }

    private static String rank(LoraLayer l) {
        return l.rank().isEmpty() ? "-" : String.valueOf(l.rank().getAsInt());
    }

    private static String alpha(LoraLayer l) {
        return l.alpha().isEmpty() ? "-" : number(l.alpha().getAsDouble());
    }

    /** With four digits, without zeros at the end. */
    static String number(double value) {
        return String.format(Locale.ROOT, "%.4g", value)
                .replaceFirst("(\\.\\d*?)0+$", "$1")
                .replaceFirst("\\.$", "");
    }

    private static Map<String, Object> json(Lora lora, Map<LoraLayer, Double> norms) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("file", lora.path().toString());
        json.put("kind", lora.title());
        json.put("non_finite", damaged(norms));
        List<Map<String, Object>> all = new ArrayList<>();
        norms.forEach((l, norm) -> {
            Map<String, Object> layer = new LinkedHashMap<>();
            layer.put("component", l.target().component());
            layer.put("tensor", l.target().tensor());
            layer.put("module", l.key());
            layer.put("kind", kind(l));
            l.rank().ifPresent(r -> layer.put("rank", r));
            l.alpha().ifPresent(a -> layer.put("alpha", a));
            layer.put("factor", l.factor());
            layer.put("shape", l.shape());
            layer.put("norm", norm);
            all.add(layer);
        });
        json.put("updates", all);
        return json;
    }
}
