package org.diffusionsoup.data;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.SoupException;

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
                    end(out);
                });
    }

    static void row(OutputStream out, Sample sample) throws IOException {
        entry(out, sample.key() + ".json", SampleJson.write(sample.info()));
        entry(out, sample.key() + ".png", sample.png());
    }

    static void end(OutputStream out) throws IOException {
        out.write(new byte[2 * TarFile.BLOCK]);
        out.flush();
    }

    private static void entry(OutputStream out, String name, byte[] data) throws IOException {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        if (nameBytes.length > 100) {
            throw new SoupException("row name " + name + " is over 100 bytes; shorten it");
        }
        ByteBuffer header = ByteBuffer.allocate(TarFile.BLOCK);
        header.put(0, nameBytes);
        put(header, 100, "0000644");
        put(header, 108, "0000000");
        put(header, 116, "0000000");
        put(header, 124, "%011o".formatted(data.length));
        put(header, 136, "00000000000");
        put(header, 148, "        ");
        put(header, 156, "0");
        put(header, 257, "ustar\00000");
        int sum = 0;
        for (byte b : header.array()) {
            sum += b & 0xff;
        }
        put(header, 148, "%06o\0 ".formatted(sum));
        out.write(header.array());
        out.write(data);
        out.write(new byte[(TarFile.BLOCK - data.length % TarFile.BLOCK) % TarFile.BLOCK]);
    }

    private static void put(ByteBuffer header, int at, String text) {
        header.put(at, text.getBytes(StandardCharsets.US_ASCII));
    }
}
