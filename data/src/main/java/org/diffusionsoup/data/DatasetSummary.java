package org.diffusionsoup.data;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * How many rows there are of what.
 *
 * @param name of the shard
 * @param sha256 of its content, see {@link Shard#sha256}
 * @param rows in all
 * @param train rows to train on
 * @param heldOut rows kept from training
 * @param subjects different subjects; rows without one are not counted
 * @param byProvider provider to counts
 * @param byDomain domain to counts
 * @param byLicence licence to counts
 */
public record DatasetSummary(
        String name,
        String sha256,
        int rows,
        int train,
        int heldOut,
        int subjects,
        Map<String, Counts> byProvider,
        Map<String, Counts> byDomain,
        Map<String, Counts> byLicence) {

    /**
     * Rows of one kind.
     *
     * @param rows in all
     * @param train rows to train on
     * @param heldOut rows kept from training
     */
    public record Counts(int rows, int train, int heldOut) {
        private static Counts of(SampleInfo info) {
            return new Counts(1, info.isTrain() ? 1 : 0, info.isTrain() ? 0 : 1);
        }

        private Counts plus(Counts other) {
            return new Counts(rows + other.rows, train + other.train, heldOut + other.heldOut);
        }
    }

    /** Counts the rows of a shard. */
    public static DatasetSummary of(Shard shard) {
        int train = shard.train().size();
        long subjects =
                shard.infos().stream()
                        .map(SampleInfo::subject)
                        .filter(s -> !s.isEmpty())
                        .distinct()
                        .count();
        return new DatasetSummary(
                shard.name(),
                shard.sha256(),
                shard.size(),
                train,
                shard.size() - train,
                Math.toIntExact(subjects),
                count(shard, SampleInfo::provider),
                count(shard, SampleInfo::domain),
                count(shard, SampleInfo::licence));
    }

    private static Map<String, Counts> count(Shard shard, Function<SampleInfo, String> field) {
        return shard.infos().stream()
                .collect(Collectors.toMap(field, Counts::of, Counts::plus, TreeMap::new));
    }
}
