package org.diffusionsoup.registry.arrival;

import java.util.List;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/**
 * A shard that was recorded.
 *
 * @param copies pictures of other live shards that it holds byte for byte
 */
public record AddedShard(ShardRow shard, List<SampleRow> copies) {}
