package org.diffusionsoup.workbench.judges.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.Drawings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A judge's training that is asked to stop while it still reads pictures. */
final class StoppedReadingTest {
    @TempDir private Path dir;

    /** Counts the units of all tasks. */
    private record Counting(AtomicLong done) implements Progress {
        @Override
        public void start(String task, long total, String unit) {}

        @Override
        public void advance(long units) {
            done.addAndGet(units);
        }

        @Override
        public void message(String note) {}

        @Override
        public void close() {}
    }

    @Test
    void endsAtTheNextPicture() {
        Shard shard = Drawings.shard(dir);
        AtomicLong done = new AtomicLong();
        Path out = dir.resolve("clip");
        boolean finished =
                new ClipJudgeTrainer(
                                new ShardMaterial(shard, false, dir),
                                Optional.empty(),
                                dir.resolve("work"),
                                new Counting(done),
                                () -> done.get() >= 3)
                        .run(1, 41, out);
        assertThat(finished).isFalse();
        assertThat(done).hasValue(3);
        assertThat(shard.train().size()).isGreaterThan(3);
        assertThat(out).doesNotExist();
    }
}
