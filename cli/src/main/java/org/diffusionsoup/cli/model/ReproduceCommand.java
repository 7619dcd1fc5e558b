package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.merge.Reproducer;
import org.diffusionsoup.workbench.merge.Reproduction;
import org.diffusionsoup.workbench.merge.Reproduction.Compared;
import org.diffusionsoup.workbench.merge.Reproduction.Found;
import org.diffusionsoup.workbench.merge.Reproduction.Verdict;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup reproduce}: a soup made again from its own header. */
@Command(
        name = "reproduce",
        description = {
            "Make a soup or merge again from the recipe in its header, and compare the bytes.",
            "Inputs are found by the SHA-256 that the recipe states, under any name. Exit status 0:"
                    + " identical; 1: it differs, or an input is missing."
        },
        footer = {
            "  soup reproduce soup.safetensors --inputs ingredients/",
            "  soup reproduce soup/ --inputs first/ second/ -o again/",
            "  soup reproduce soup/ --json"
        })
public final class ReproduceCommand extends SoupCommand {
    @Parameters(
            paramLabel = "FILE",
            description = "A soup: a .safetensors file or a diffusers folder.")
    private Path file = Path.of("");

    @Option(
            names = "--inputs",
            arity = "1..*",
            paramLabel = "DIR",
            description =
                    "Files or folders to look for inputs in, at any depth (default: the folder that"
                            + " FILE lies in).")
    private List<Path> inputs = List.of();

    @Option(
            names = {"-o", "--out"},
            paramLabel = "OUT",
            description = "Keep what is made under this name.")
    private @Nullable Path out;

    private boolean identical;

    @Override
    protected void run(Console console) throws IOException {
        refuseFolderForFile(file);
        Reproduction again;
        try (Progress progress = console.progress()) {
            again =
                    new Reproducer(HashCache.none(), progress, new MegabyteSteps(progress))
                            .reproduce(file, inputs, Optional.ofNullable(out));
        }
        identical = again.isIdentical();
        console.result(json(again), text -> text(again, text));
    }

    @Override
    protected int status() {
        return identical ? 0 : 1;
    }

    private static void text(Reproduction again, PrintWriter text) {
        for (Found f : again.inputs()) {
            text.println("  " + f.name() + "  " + f.path());
        }
        if (again.files().size() > 1) {
            for (Compared c : again.files()) {
                text.println("  " + c.name() + ": " + words(c.verdict()));
            }
        }
        text.println(again.file() + ": " + summary(again));
    }

    private static String summary(Reproduction again) {
        List<Verdict> verdicts = again.files().stream().map(Compared::verdict).toList();
        if (again.isIdentical()) {
            return verdicts.contains(Verdict.IDENTICAL_CONTENT)
                    ? words(Verdict.IDENTICAL_CONTENT)
                    : words(Verdict.IDENTICAL);
        }
        String current = SoupVersion.current();
        String version =
                again.madeBy().equals(current)
                        ? ""
                        : "; it was made by version " + again.madeBy() + ", this is " + current;
        return (verdicts.contains(Verdict.DIFFERENT)
                        ? words(Verdict.DIFFERENT)
                        : words(Verdict.OTHER_HEADER))
                + version;
    }

    private static String words(Verdict verdict) {
        return switch (verdict) {
            case IDENTICAL -> "identical";
            case IDENTICAL_CONTENT -> "identical in every tensor, in other files";
            case OTHER_HEADER -> "differs in the header only, the weights are identical";
            case DIFFERENT -> "differs";
        };
    }

    private static Map<String, Object> json(Reproduction again) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("file", again.file().toString());
        json.put("identical", again.isIdentical());
        json.put("made_by", again.madeBy());
        List<Map<String, String>> inputs = new ArrayList<>();
        for (Found f : again.inputs()) {
            Map<String, String> input = new LinkedHashMap<>();
            input.put("name", f.name());
            input.put("path", f.path().toString());
            inputs.add(input);
        }
        json.put("inputs", inputs);
        Map<String, String> files = new LinkedHashMap<>();
        again.files()
                .forEach(f -> files.put(f.name(), f.verdict().name().toLowerCase(Locale.ROOT)));
        json.put("files", files);
        again.out().ifPresent(o -> json.put("out", o.toString()));
        return json;
    }
}
