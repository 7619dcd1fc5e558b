package org.diffusionsoup.cli.command;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.evaluate.SubjectChoice;
import picocli.CommandLine.Option;

/** The options that say which rows of a shard are judged. */
public final class ShardFlags {
    private enum Rows {
        TRAIN,
        HELDOUT,
        ALL
    }

    @Option(
            names = "--shard",
            paramLabel = "SHARD",
            description = "Captioned pictures: a tar, a data set folder, or a view of one.")
    private Optional<String> shard = Optional.empty();

    @Option(
            names = "--split",
            paramLabel = "SPLIT",
            description =
                    "Rows of the shard: train, heldout or all (default: heldout; all where SHARD"
                            + " names a split).")
    private Optional<Rows> split = Optional.empty();

    @Option(
            names = "--provider",
            paramLabel = "NAME",
            description = "Only the rows of one provider.")
    private Optional<String> provider = Optional.empty();

    @Option(
            names = "--subjects",
            paramLabel = "N",
            description =
                    "Only N rows about different subjects, chosen at random (default: all rows).")
    private Optional<Integer> subjects = Optional.empty();

    @Option(
            names = "--subject-seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of that choice (default: ${DEFAULT-VALUE}).")
    private long subjectSeed;

    public boolean isGiven() {
        return shard.isPresent();
    }

    /** As given, for results. */
    public String text() {
        return shard.orElse("");
    }

    /** The rows asked for, at least one. */
    public Shard open(boolean trainByDefault, OptionalInt subjectsByDefault) {
        ShardRef ref = ShardRef.parse(shard.orElseThrow());
        boolean named = ref.terms().stream().anyMatch(t -> t.field().equals("split"));
        Rows part = split.orElse(named ? Rows.ALL : trainByDefault ? Rows.TRAIN : Rows.HELDOUT);
        Shard all = ref.open();
        Shard ofSplit =
                switch (part) {
                    case TRAIN -> all.train();
                    case HELDOUT -> all.heldOut();
                    case ALL -> all;
                };
        if (ofSplit.size() == 0) {
            throw new SoupException(
                    "shard %s has no %s rows; choose others with --split."
                            .formatted(ref, part.name().toLowerCase(Locale.ROOT)));
        }
        Shard rows =
                provider.map(p -> ofSplit.filter(info -> info.provider().equals(p)))
                        .orElse(ofSplit);
        if (rows.size() == 0) {
            throw new SoupException(
                    "shard %s has no rows of provider '%s'; it has %s."
                            .formatted(
                                    ref,
                                    provider.orElse(""),
                                    ofSplit.infos().stream()
                                            .map(i -> i.provider())
                                            .distinct()
                                            .sorted()
                                            .toList()));
        }
        OptionalInt wanted =
                subjects.isPresent() ? OptionalInt.of(subjects.get()) : subjectsByDefault;
        return wanted.isPresent()
                ? SubjectChoice.choose(rows, wanted.getAsInt(), subjectSeed)
                : rows;
    }
}
