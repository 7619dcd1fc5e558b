package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.ClipFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.curate.ScoreFilter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data filter}: the rows that score high enough. */
@Command(
        name = "filter",
        description = {
            "Make a shard of the rows whose scores reach a threshold.",
            "Two passes over the data; memory of a bit per row."
        },
        footer = {
            "  soup data filter animals.tar --clip-score 0.85 --judge models/emoji-clip -o fit.tar",
            "  soup data filter animals.tar --aesthetic 6 --judge clip-vit-large-patch14 --head"
                    + " sac+logos+ava1-l14-linearMSE.pth -o fine.tar",
        })
final class DataFilterCommand extends SoupCommand {
    @Parameters(paramLabel = "SHARD", description = "A tar, a data set's folder, or a view.")
    private String ref = "";

    @Option(
            names = "--clip-score",
            paramLabel = "MIN",
            description = "Least cosine between a picture and its own caption.")
    private Optional<Double> clipScore = Optional.empty();

    @Option(
            names = "--aesthetic",
            paramLabel = "MIN",
            description = "Least aesthetic score, about 1 to 10; the paper takes 6.")
    private Optional<Double> aesthetic = Optional.empty();

    @Option(
            names = "--head",
            paramLabel = "FILE",
            description = "The aesthetic predictor's head, made for the CLIP of --judge.")
    private Optional<Path> head = Optional.empty();

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
        List<PictureScorer> open = new ArrayList<>();
        try (Progress progress = console.progress()) {
            List<ScoreFilter.Criterion> criteria = criteria(open);
            if (criteria.isEmpty()) {
                throw misuse("nothing to filter by; give --aesthetic MIN or --clip-score MIN.");
            }
            ScoreFilter result =
                    ScoreFilter.run(ShardScan.of(ShardRef.parse(ref)), criteria, out, progress);
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("shard", out.toString());
            json.put("rows_read", result.rows());
            json.put("rows", result.kept());
            json.put("judges", result.judges().stream().map(Object::toString).toList());
            json.put("means", result.means());
            progress.close();
            console.result(
                    json,
                    text -> {
                        text.printf(
                                "%s: %,d of %s%n",
                                out, result.kept(), Plural.of(result.rows(), "row"));
                        for (int i = 0; i < criteria.size(); i++) {
                            text.printf(
                                    Locale.ROOT,
                                    "kept from %.4f on; mean of the %s read %.4f: %s%n",
                                    criteria.get(i).least(),
                                    Plural.of(result.rows(), "row"),
                                    result.means().get(i),
                                    result.judges().get(i));
                        }
                    });
        } finally {
            open.forEach(PictureScorer::close);
        }
    }

    private List<ScoreFilter.Criterion> criteria(List<PictureScorer> open) {
        List<ScoreFilter.Criterion> criteria = new ArrayList<>();
        clipScore.ifPresent(least -> {
            open.add(clip.open().orElseThrow(() -> misuse("missing --judge DIR: which CLIP?")));
            criteria.add(new ScoreFilter.Criterion(open.getLast(), least));
        });
        aesthetic.ifPresent(least -> {
            open.add(aesthetic());
            criteria.add(new ScoreFilter.Criterion(open.getLast(), least));
        });
        return criteria;
    }

    private PictureScorer aesthetic() {
        if (!clip.isGiven()) {
            throw misuse("missing --judge DIR: which CLIP?");
        }
        return clip.openAesthetic(
                head.orElseThrow(() -> misuse("missing --head FILE: which aesthetic head?")));
    }
}
