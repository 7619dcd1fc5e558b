package org.diffusionsoup.data;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;

/**
 * Writes shards as WebDataset tars: {@code KEY.json} and {@code KEY.png} per row, rows sorted by
 * key, all times zero. The same rows give the same bytes, in whatever order they come.
 */
public final class ShardWriter {
    private ShardWriter() {}

    /**
     * Writes a shard. The file appears whole or not at all.
     *
     * @param path the tar to write; a file there is replaced
     * @param samples at least one; keys unique
     * @throws SoupException if there is no row, a key comes twice, or the file cannot be written
     */
    public static void write(Path path, List<Sample> samples) {
        List<Sample> sorted = new ArrayList<>(samples);
        sorted.sort(Comparator.comparing(Sample::key));
        write(path, sorted.stream().map(Sample::key).toList(), sorted::get);
    }

    /**
     * Writes rows one after the other, each asked for when its turn comes, so that a large shard
     * need not fit into memory.
     *
     * @param keys sorted and unique
     * @param row gives the row of that index; what it throws leaves no file behind
     */
    static void write(Path path, List<String> keys, IntFunction<Sample> row) {
        if (keys.isEmpty()) {
            throw new SoupException("shard " + path + " would have zero rows; nothing was written");
        }
        for (int i = 1; i < keys.size(); i++) {
            if (keys.get(i).compareTo(keys.get(i - 1)) <= 0) {
                throw new SoupException(
                        "shard " + path + " would have two rows with the key " + keys.get(i));
            }
        }
        AtomicFiles.write(
                path,
                channel -> {
                    OutputStream out =
                            new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
                    for (int i = 0; i < keys.size(); i++) {
                        row(out, row.apply(i));
                    }
                    TarWriter.end(out);
                });
    }

    static void row(OutputStream out, Sample sample) throws IOException {
        TarWriter.entry(out, sample.key() + ".json", SampleJson.write(sample.info()));
        TarWriter.entry(out, sample.key() + ".png", sample.png());
    }
}
