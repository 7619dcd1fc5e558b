package org.diffusionsoup.workbench.classify;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.diffusion.classify.ShardClassifier;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.classify.ShardClassifierTrainer.Accuracy;
import org.diffusionsoup.workbench.judges.Drawings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The classifier's training on the embedded base, stopped at its two kinds of places. */
class ShardClassifierTrainerTest {
    private static final Path BASE = Path.of("../models/emoji-base");

    @TempDir private Path temp;

    /** Counts the units of all tasks. */
    private record Counting(AtomicLong done) implements Progress {
        @Override
        public void start(String task, long total, String unit) {}

        @Override
        public void skip(long units) {}

        @Override
        public void advance(long units) {
            done.addAndGet(units);
        }

        @Override
        public void message(String note) {}

        @Override
        public void close() {}
    }

    private Optional<List<Accuracy>> train(String name, Progress progress, BooleanSupplier stop) {
        Drawings.shard(temp); // drawings.tar
        String tar = temp.resolve("drawings.tar").toString();
        List<String> shards = List.of(tar + "#provider=plain", tar + "#provider=barred");
        return new ShardClassifierTrainer(
                        BASE, shards, shards, temp.resolve(name + "-work"), progress, stop)
                .run(6, 3, temp.resolve(name));
    }

    /** The loss log's lines but for their last column, the speed. */
    private List<String> logged(String name) throws Exception {
        return Files.readAllLines(temp.resolve(name + "-work/classifier-loss.csv")).stream()
                .map(line -> line.substring(0, line.lastIndexOf(',')))
                .toList();
    }

    @Test
    void stoppedWhileItEncodesOrTrainsItGoesOnToTheSameClassifier() throws Exception {
        assertThat(train("whole", Progress.silent(), () -> false)).isPresent();
        assertThat(logged("whole")).hasSize(1 + 6);

        Counting encoding = new Counting(new AtomicLong());
        assertThat(train("stopped", encoding, () -> encoding.done.get() > 0)).isEmpty();
        long oneShard = encoding.done.get();
        assertThat(oneShard).isBetween(5L, 12L); // and not both
        assertThat(temp.resolve("stopped")).doesNotExist();
        assertThat(temp.resolve("stopped-work")).doesNotExist();

        Counting training = new Counting(new AtomicLong());
        long fourSteps = 2 * oneShard + 4 * 32;
        assertThat(train("stopped", training, () -> training.done.get() >= fourSteps)).isEmpty();
        assertThat(logged("stopped")).isEqualTo(logged("whole").subList(0, 1 + 4));
        assertThat(temp.resolve("stopped")).doesNotExist();

        assertThat(train("stopped", Progress.silent(), () -> false)).isPresent();
        assertThat(logged("stopped")).isEqualTo(logged("whole"));
        for (String file : List.of(ShardClassifier.WEIGHTS, "config.json")) {
            assertThat(temp.resolve("stopped").resolve(file))
                    .hasSameBinaryContentAs(temp.resolve("whole").resolve(file));
        }
    }
}
