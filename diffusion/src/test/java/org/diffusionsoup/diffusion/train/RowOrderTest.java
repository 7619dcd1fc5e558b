package org.diffusionsoup.diffusion.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class RowOrderTest {
    @RepeatedTest(20)
    void anEpochHasEveryRowOnceInBatchesOfOneBucket(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        int rows = 1 + random.nextInt(60);
        int batch = 1 + random.nextInt(9);
        int[] buckets = random.ints(rows, 0, 1 + random.nextInt(6)).toArray();
        long seed = random.nextLong();
        RowOrder order = new RowOrder(rows, batch, Optional.of(buckets), seed);
        int[] sizes = new int[6];
        Arrays.stream(buckets).forEach(b -> sizes[b]++);
        int perEpoch = Arrays.stream(sizes).map(n -> Math.ceilDiv(n, batch)).sum();
        List<List<Integer>> epochs = new ArrayList<>();
        for (int epoch = 0; epoch < 3; epoch++) {
            List<Integer> seen = new ArrayList<>();
            int[] incomplete = new int[sizes.length];
            for (int i = 0; i < perEpoch; i++) {
                int[] some = order.batch((long) epoch * perEpoch + i);
                assertThat(some.length).isBetween(1, batch);
                assertThat(Arrays.stream(some).map(r -> buckets[r]).distinct()).hasSize(1);
                incomplete[buckets[some[0]]] += some.length < batch ? 1 : 0;
                Arrays.stream(some).forEach(seen::add);
            }
            for (int b = 0; b < sizes.length; b++) {
                assertThat(incomplete[b]).isEqualTo(sizes[b] % batch == 0 ? 0 : 1);
            }
            assertThat(seen)
                    .containsExactlyInAnyOrderElementsOf(IntStream.range(0, rows).boxed().toList());
            epochs.add(seen);
        }
        if (rows > 20) {
            assertThat(epochs).doesNotHaveDuplicates();
        }

        // A batch depends on its number alone, whatever was asked for before.
        long at = random.nextInt(3 * perEpoch);
        assertThat(new RowOrder(rows, batch, Optional.of(buckets), seed).batch(at))
                .isEqualTo(order.batch(at));
        assertThat(order.count(0, 2L * perEpoch)).isEqualTo(2L * rows);
    }

    @Test
    void bucketsComeInAMixedOrder() {
        int[] buckets = IntStream.range(0, 200).map(i -> i / 100).toArray();
        RowOrder order = new RowOrder(200, 4, Optional.of(buckets), 5);
        Set<Integer> changes = new HashSet<>();
        for (int i = 1; i < 50; i++) {
            if (buckets[order.batch(i)[0]] != buckets[order.batch(i - 1)[0]]) {
                changes.add(i);
            }
        }
        assertThat(changes).hasSizeGreaterThan(12);
    }

    @Test
    void withoutBucketsBatchesAreFullAndGoOnIntoTheNextEpoch() {
        RowOrder order = new RowOrder(7, 3, Optional.empty(), 5);
        List<Integer> seen = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            int[] some = order.batch(i);
            assertThat(some).hasSize(3);
            Arrays.stream(some).forEach(seen::add);
        }
        for (int epoch = 0; epoch < 3; epoch++) {
            assertThat(seen.subList(7 * epoch, 7 * epoch + 7))
                    .containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6);
        }
        assertThat(order.count(2, 5)).isEqualTo(9);
    }
}
