package org.diffusionsoup.cli.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.inspect.ModelInspector;
import org.diffusionsoup.workbench.inspect.ModelSummary;
import org.diffusionsoup.workbench.inspect.ModelSummary.Component;
import org.diffusionsoup.workbench.inspect.ModelSummary.TensorLine;
import org.diffusionsoup.workbench.inspect.ModelSummary.WeightFile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup inspect}: what is in a model. */
@Command(
        name = "inspect",
        description =
                "Show what is in a model: components, tensors, dtypes, parameters, hashes, and how it"
                        + " was made.",
        footer = {
            "  soup inspect models/emoji-base",
            "  soup inspect v1-5.ckpt",
            "  soup inspect my-soup/unet/diffusion_pytorch_model.safetensors --tensors",
            "  soup inspect big-model/ --no-hash --json"
        })
public final class InspectCommand extends SoupCommand {
    private static final int SHOWN = 80;

    @Parameters(
            paramLabel = "MODEL",
            description =
                    "A .safetensors or PyTorch file, the index of a sharded set, or a folder.")
    private Path model = Path.of("");

    @Option(names = "--tensors", description = "List every tensor with dtype and shape.")
    private boolean tensors;

    @Option(
            names = "--full",
            description = "Show metadata whole, such as a tokenizer that a header carries.")
    private boolean full;

    @Option(
            names = "--no-hash",
            description = "Read the headers only; hashing reads every byte of the files.")
    private boolean noHash;

    @Override
    protected void run(Console console) throws IOException {
        ModelSummary summary;
        try (Progress progress = console.progress()) {
            summary = new ModelInspector(!noHash, progress).inspect(model);
        }
        console.result(json(summary), out -> text(summary, out));
    }

    private void text(ModelSummary summary, PrintWriter out) {
        out.println(
                summary.path()
                        + summary.pipeline().map(p -> "  " + p).orElse("")
                        + summary.architecture().map(a -> "  " + a).orElse("")
                        + "  ("
                        + summary.layout()
                        + ")");
        out.println();
        TextTable table =
                new TextTable("component", "weights", "tensors", "parameters", "dtypes", "size");
        for (Component component : summary.components()) {
            if (component.files().isEmpty()) {
                table.row(component.name(), component.type().orElse(""), "", "", "", "");
            }
            for (WeightFile file : component.files()) {
                table.row(
                        component.name(),
                        Path.of(file.name()).getFileName(),
                        file.tensorCount(),
                        Quantity.count(file.parameters()),
                        dtypes(file),
                        Quantity.bytes(file.bytes()));
            }
        }
        if (summary.files().size() > 1) {
            table.row(
                    "all",
                    "",
                    summary.tensors(),
                    Quantity.count(summary.parameters()),
                    "",
                    Quantity.bytes(summary.bytes()));
        }
        table.print(out);
        if (summary.pipeline().isEmpty() && summary.groups().size() > 1) {
            out.println();
            TextTable groups = new TextTable("holds", "tensors", "parameters", "size");
            summary.groups()
                    .forEach((name, g) ->
                            groups.row(
                                    name,
                                    g.tensors(),
                                    Quantity.count(g.parameters()),
                                    Quantity.bytes(g.bytes())));
            groups.print(out);
        }
        for (WeightFile file : summary.files()) {
            details(file, out);
        }
    }

    private void details(WeightFile file, PrintWriter out) {
        out.println();
        out.println(file.name());
        file.fileSha256().ifPresent(hash -> out.println("  sha256 of the file     " + hash));
        file.weightsSha256().ifPresent(hash -> out.println("  sha256 of the weights  " + hash));
        file.provenance().ifPresent(p -> provenance(p, out));
        file.metadata().forEach((key, value) -> out.println("  " + key + ": " + shown(value)));
        if (tensors) {
            TextTable table = new TextTable("  tensor", "dtype", "shape");
            for (TensorLine tensor : file.tensors()) {
                table.row("  " + tensor.name(), tensor.dtype(), tensor.shape());
            }
            table.print(out);
        }
    }

    /** All of it with --full; otherwise what fits a line, or what a long JSON object has. */
    private String shown(String value) {
        if (full || value.length() <= Visible.MOST_ECHOED) {
            return value;
        }
        String size = String.format(Locale.ROOT, "%,d characters, all with --full", value.length());
        Optional<List<String>> keys =
                parsed(value).filter(JsonNode::isObject).map(o -> List.copyOf(keys(o)));
        return keys.map(k -> Visible.cut(String.join(", ", k)) + " (" + size + ")")
                .orElse(
                        value.substring(0, value.offsetByCodePoints(0, SHOWN))
                                + "… ("
                                + size
                                + ")");
    }

    private static List<String> keys(JsonNode object) {
        List<String> keys = new ArrayList<>();
        object.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    private static void provenance(Provenance provenance, PrintWriter out) {
        out.println("  made by Diffusion Soup " + provenance.version() + " with the recipe");
        String recipe =
                parsed(provenance.recipe().text())
                        .map(JsonNode::toPrettyString)
                        .orElse(provenance.recipe().text());
        recipe.lines().forEach(line -> out.println("    " + line));
        provenance.more().forEach((key, value) -> out.println("  " + key + ": " + value));
    }

    private static String dtypes(WeightFile file) {
        if (file.dtypes().size() == 1) {
            return file.dtypes().firstKey();
        }
        return file.dtypes().entrySet().stream()
                .map(e -> e.getValue() + " " + e.getKey())
                .collect(Collectors.joining(", "));
    }

    private Map<String, Object> json(ModelSummary summary) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("path", summary.path());
        summary.pipeline().ifPresent(p -> json.put("pipeline", p));
        json.put("layout", summary.layout());
        summary.architecture().ifPresent(a -> json.put("architecture", a));
        json.put("holds", summary.groups());
        json.put("tensors", summary.tensors());
        json.put("parameters", summary.parameters());
        json.put("bytes", summary.bytes());
        List<Object> components = new ArrayList<>();
        for (Component component : summary.components()) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("name", component.name());
            component.type().ifPresent(type -> entry.put("class", type));
            entry.put("files", component.files().stream().map(this::json).toList());
            components.add(entry);
        }
        json.put("components", components);
        return json;
    }

    private Map<String, Object> json(WeightFile file) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", file.name());
        json.put("bytes", file.bytes());
        json.put("tensor_count", file.tensorCount());
        json.put("parameters", file.parameters());
        json.put("dtypes", file.dtypes());
        file.fileSha256().ifPresent(hash -> json.put("sha256", hash));
        file.weightsSha256().ifPresent(hash -> json.put("weights_sha256", hash));
        file.provenance()
                .ifPresent(p -> {
                    Map<String, Object> made = new LinkedHashMap<>();
                    made.put("version", p.version());
                    String recipe = p.recipe().text();
                    made.put("recipe", parsed(recipe).<Object>map(n -> n).orElse(recipe));
                    made.putAll(p.more());
                    json.put("provenance", made);
                });
        json.put("metadata", file.metadata());
        if (tensors) {
            json.put("tensors", file.tensors());
        }
        return json;
    }

    private static Optional<JsonNode> parsed(String recipe) {
        try {
            return Optional.of(JsonMappers.PLAIN.readTree(recipe));
        } catch (IOException e) {
            return Optional.empty(); // a recipe by other hands: shown as it stands
        }
    }
}
