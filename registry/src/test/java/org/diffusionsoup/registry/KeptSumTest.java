package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.diffusionsoup.registry.store.WeightStore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several processes make the same soup and bring its sum to the store. */
class KeptSumTest {
    private static final String ID = "ab".repeat(32);
    private static final int AT_ONCE = 4;

    @TempDir private Path folder;

    @Test
    void oneOfSeveralEqualSumsBroughtAtOnceStays() throws Exception {
        CyclicBarrier together = new CyclicBarrier(AT_ONCE);
        try (ExecutorService all = Executors.newFixedThreadPool(AT_ONCE)) {
            for (int round = 0; round < 100; round++) {
                WeightStore store = new WeightStore(folder.resolve("store" + round));
                List<Future<SortedMap<String, String>>> kept = new ArrayList<>();
                for (int i = 0; i < AT_ONCE; i++) {
                    Path made = sum(round + "-" + i, "the same");
                    kept.add(
                            all.submit(() -> {
                                together.await();
                                return store.keepSum(made, ID);
                            }));
                }
                for (Future<SortedMap<String, String>> k : kept) {
                    assertThat(k.get()).isEqualTo(WeightStore.sumHashes(store.sum(ID)));
                }
                assertThat(store.sum(ID).resolve("weights.safetensors")).hasContent("the same");
            }
        }
    }

    @Test
    void aSumThatIsNotTheOneKeptIsNotRecorded() throws Exception {
        WeightStore store = new WeightStore(folder.resolve("store"));
        assertThat(store.keepSum(sum("first", "one scale"), ID)).hasSize(1);
        assertThat(store.keepSum(sum("second", "another scale"), ID)).isEmpty();
        assertThat(store.sum(ID).resolve("weights.safetensors")).hasContent("one scale");
    }

    private Path sum(String name, String content) throws IOException {
        Path made = Files.createDirectories(folder.resolve("made").resolve(name));
        Files.writeString(made.resolve("weights.safetensors"), content);
        return made;
    }
}
