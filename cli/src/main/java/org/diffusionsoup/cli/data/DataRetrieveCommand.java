package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.cli.command.ClipFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.curate.Retrieval;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data retrieve}: the pictures closest to a text. */
@Command(
        name = "retrieve",
        description = {
            "Make a shard of the K pictures closest to a category's text by CLIP.",
            "Two passes over the data; memory for K rows and a bit per row."
        },
        footer = {
            "  soup data retrieve shards/emoji --prompt \"an animal\" --k 500 --judge"
                    + " models/emoji-clip -o animals.tar",
        })
final class DataRetrieveCommand extends SoupCommand {
    private static final int SHOWN = 10;

    @Parameters(paramLabel = "SHARD", description = "A tar, a data set's folder, or a view.")
    private String ref = "";

    @Option(
            names = "--prompt",
            required = true,
            paramLabel = "TEXT",
            description =
                    "The category in words; repeatable, a picture then counts by the closest one.")
    private List<String> prompts = List.of();

    @Option(names = "--k", required = true, paramLabel = "K", description = "How many pictures.")
    private int k;

    @Mixin private ClipFlag clip = new ClipFlag();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "TAR",
            description = "The shard to write.")
    private Path out = Path.of(".");

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        OutputKind.TAR.check(out, force);
        Inputs.keep(out, List.of(ShardRef.parse(ref).path()), "its shard");
        if (k < 1) {
            throw misuse("--k must be at least 1, not " + k + ".");
        }
        Retrieval result;
        ClipJudge judge = clip.open().orElseThrow(() -> misuse("missing --judge DIR: which CLIP?"));
        try (judge;
                Progress progress = console.progress()) {
            result =
                    Retrieval.run(
                            judge, ShardScan.of(ShardRef.parse(ref)), prompts, k, out, progress);
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("shard", out.toString());
            json.put("rows_read", result.rows());
            json.put("rows", result.best().size());
            json.put("heldout", result.heldOut());
            json.put("judge", judge.judge().toString());
            json.put("best", result.best());
            progress.close();
            console.result(
                    json,
                    text -> {
                        text.printf(
                                "%s: %,d of %s%s%n",
                                out,
                                result.best().size(),
                                Plural.of(result.rows(), "row"),
                                result.heldOut() == 0
                                        ? ""
                                        : String.format(
                                                Locale.ROOT,
                                                ", %,d to train on, %,d held out",
                                                result.best().size() - result.heldOut(),
                                                result.heldOut()));
                        result.best().stream()
                                .limit(SHOWN)
                                .forEach(r ->
                                        text.printf(Locale.ROOT, "%.4f  %s%n", r.score(), r.key()));
                        if (result.best().size() > SHOWN) {
                            text.printf(
                                    Locale.ROOT,
                                    "…%n%.4f  %s%n",
                                    result.best().getLast().score(),
                                    result.best().getLast().key());
                        }
                    });
            if (result.best().size() < k) {
                console.note(
                        String.format(
                                Locale.ROOT, "Fewer than --k %,d: %s has no more rows.", k, ref));
            }
        }
    }
}
