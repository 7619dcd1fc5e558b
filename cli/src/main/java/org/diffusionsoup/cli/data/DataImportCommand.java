package org.diffusionsoup.cli.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.FolderImporter;
import org.diffusionsoup.data.HoldOut;
import org.diffusionsoup.data.ImportOptions;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data import}: a folder of captioned pictures as a shard. */
@Command(
        name = "import",
        description = {
            "Make a shard of a folder of pictures with captions: NAME.png beside NAME.txt or"
                    + " NAME.caption, or a metadata.jsonl or metadata.csv with file_name and text. Or"
                    + " of a tar in WebDataset form, such as img2dataset writes.",
            "Nothing is written unless every picture has its caption and the other way round."
        },
        footer = {
            "  soup data import photos --out photos.tar --provider me --licence CC0-1.0",
            "  soup data import photos -o photos.tar --provider me --licence MIT --size 64 --fit pad",
            "  soup data import photos -o photos.tar --provider me --licence MIT --split 10%%"
        })
final class DataImportCommand extends SoupCommand {
    @Parameters(paramLabel = "DIR|TAR", description = "The folder or tar.")
    private Path folder = Path.of(".");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "TAR",
            description = "The shard to write.")
    private Path out = Path.of(".");

    @Option(
            names = "--provider",
            required = true,
            paramLabel = "NAME",
            description = "Who gave the pictures.")
    private String provider = "";

    @Option(
            names = "--licence",
            required = true,
            paramLabel = "SPDX",
            description = "Their licence.")
    private String licence = "";

    @Option(
            names = "--domain",
            defaultValue = "other",
            paramLabel = "NAME",
            description =
                    "Their domain: animals, body-parts, electronics, accessories, clothes, food,"
                            + " hardlines, products, vehicles or other (default: ${DEFAULT-VALUE}).")
    private String domain = "";

    @Option(
            names = "--split",
            defaultValue = "train",
            paramLabel = "SPLIT",
            description =
                    "train, heldout, or how many percent of the captions to hold out, for rows whose"
                            + " metadata has no split (default: ${DEFAULT-VALUE}).")
    private String split = "";

    @Option(
            names = "--size",
            paramLabel = "N",
            description = "Make them N×N pixels (default: as they are).")
    private Optional<Integer> size = Optional.empty();

    @Option(
            names = "--fit",
            defaultValue = "crop",
            paramLabel = "HOW",
            description = "With --size: crop or pad to a square (default: ${DEFAULT-VALUE}).")
    private ImportOptions.Fit fit = ImportOptions.Fit.CROP;

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        OutputKind.TAR.check(out, force);
        if (Files.isRegularFile(folder)) {
            Inputs.keep(out, List.of(folder), "what it is made of");
        }
        ImportOptions options =
                new ImportOptions(
                        provider,
                        licence,
                        domain,
                        HoldOut.parse(split),
                        size.map(OptionalInt::of).orElseGet(OptionalInt::empty),
                        fit);
        Shard shard;
        try (Progress progress = console.progress()) {
            shard = FolderImporter.importFolder(folder, out, options, new DataProgress(progress));
        }
        List<Path> tars = FolderImporter.tarsIn(folder, out);
        if (!tars.isEmpty()) {
            console.note(
                    "%s in %s %s passed over (%s); a tar is imported by itself: 'soup data import %s -o NEW.tar --provider NAME --licence SPDX'"
                            .formatted(
                                    Quantity.of(tars.size(), "tar"),
                                    folder,
                                    tars.size() == 1 ? "was" : "were",
                                    tars.stream()
                                                    .limit(3)
                                                    .map(t -> folder.relativize(t).toString())
                                                    .collect(Collectors.joining(", "))
                                            + (tars.size() > 3 ? ", …" : ""),
                                    tars.getFirst()));
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("shard", out.toString());
        result.put("rows", shard.size());
        result.put("train", shard.train().size());
        result.put("heldOut", shard.heldOut().size());
        result.put("sha256", shard.sha256());
        console.result(
                result,
                text -> {
                    text.printf(
                            "%s: %s, %,d to train on, %,d held out%n",
                            out,
                            Quantity.of(shard.size(), "row"),
                            shard.train().size(),
                            shard.heldOut().size());
                    text.println("sha256 " + shard.sha256());
                });
    }
}
