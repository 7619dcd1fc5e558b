package org.diffusionsoup.data;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Pipes;

/**
 * Captioned pictures under one name: a whole tar, or a view over the tars of a data set. Captions
 * and other facts are held in memory; pictures stay on disk until asked for.
 */
public final class Shard {
    private record Row(SampleInfo info, Path file, TarFile.Entry image) {}

    private final String name;
    private final List<Row> rows;

    private Shard(String name, List<Row> rows) {
        this.name = name;
        this.rows = List.copyOf(rows);
    }

    /**
     * Opens a tar in WebDataset form: per row one image ({@code .png}, {@code .jpg}, {@code .jpeg},
     * ...) and its {@code .json} (field {@code caption}), {@code .txt} or {@code .caption}. A row
     * is the files that share everything up to the first dot, folder included.
     *
     * @param path the tar
     * @return rows sorted by key; in shards written here every image's sha256 has been checked
     * @throws SoupException if the file is missing, cut off or damaged, has zero rows, or a row
     *     lacks its image or its caption
     */
    public static Shard open(Path path) {
        Pipes.refuse(path);
        Map<String, Map<String, TarFile.Entry>> byKey = new TreeMap<>();
        for (TarFile.Entry entry : TarFile.list(path)) {
            RowFiles.Part part = RowFiles.part(entry.name());
            if (part.key().isEmpty()) {
                continue;
            }
            if (byKey.computeIfAbsent(part.key(), k -> new TreeMap<>()).put(part.kind(), entry)
                    != null) {
                throw new SoupException(
                        "shard %s has two files of the kind %s for row %s"
                                .formatted(path, RowFiles.kindName(part.kind()), part.key()));
            }
        }
        List<Row> rows = new ArrayList<>();
        List<String> silent = new ArrayList<>();
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            for (Map.Entry<String, Map<String, TarFile.Entry>> row : byKey.entrySet()) {
                try {
                    RowFiles.Found found = RowFiles.read(path, file, row.getKey(), row.getValue());
                    rows.add(new Row(found.sample().info(), path, found.image()));
                } catch (SampleJson.NoCaption e) {
                    silent.add(row.getKey());
                }
            }
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
        if (!silent.isEmpty()) {
            throw new SoupException(
                    "%s of shard %s %s an image but no caption; write captions or leave them out"
                            .formatted(
                                    Names.of("row", silent),
                                    path,
                                    silent.size() == 1 ? "has" : "have"));
        }
        if (rows.isEmpty()) {
            throw new SoupException("shard " + path + " has zero rows");
        }
        rows.sort(Comparator.comparing(r -> r.info().key()));
        for (int i = 1; i < rows.size(); i++) {
            if (rows.get(i).info().key().equals(rows.get(i - 1).info().key())) {
                throw new SoupException(
                        "two rows of shard %s are called %s once their names are written in plain"
                                        .formatted(path, rows.get(i).info().key())
                                + " letters; rename one");
            }
        }
        String name = path.getFileName().toString();
        return new Shard(name.endsWith(".tar") ? name.substring(0, name.length() - 4) : name, rows);
    }

    /**
     * Rows of several shards as one, for a model that learns from all of them (the paper's
     * paragon).
     *
     * @param name of the result
     * @param parts keys must be unique over all of them
     * @throws SoupException naming a key that comes twice
     */
    public static Shard union(String name, List<Shard> parts) {
        List<Row> rows = new ArrayList<>();
        parts.forEach(p -> rows.addAll(p.rows));
        rows.sort(Comparator.comparing(r -> r.info().key()));
        for (int i = 1; i < rows.size(); i++) {
            if (rows.get(i).info().key().equals(rows.get(i - 1).info().key())) {
                throw new SoupException(
                        "row key %s comes twice in %s: in %s and %s"
                                .formatted(
                                        rows.get(i).info().key(),
                                        name,
                                        rows.get(i - 1).file(),
                                        rows.get(i).file()));
            }
        }
        return new Shard(name, rows);
    }

    /** What to call this shard: the file's name without {@code .tar}, or the view. */
    public String name() {
        return name;
    }

    /** The same rows under another name. */
    public Shard named(String newName) {
        return new Shard(newName, rows);
    }

    /** How many rows. */
    public int size() {
        return rows.size();
    }

    /** Facts of all rows, sorted by key. */
    public List<SampleInfo> infos() {
        return rows.stream().map(Row::info).toList();
    }

    /**
     * The rows that pass, under the same name; may be empty.
     *
     * @param keep true for rows to keep
     */
    public Shard filter(Predicate<SampleInfo> keep) {
        return new Shard(name, rows.stream().filter(r -> keep.test(r.info())).toList());
    }

    /** The rows a model may learn from. */
    public Shard train() {
        return filter(SampleInfo::isTrain);
    }

    /** The rows kept from training. */
    public Shard heldOut() {
        return filter(info -> !info.isTrain());
    }

    /**
     * One row with its picture, read from disk now.
     *
     * @param index 0 to {@code size() - 1}, in key order
     */
    public Sample get(int index) {
        Row row = rows.get(index);
        try (RandomAccessFile file = new RandomAccessFile(row.file().toFile(), "r")) {
            return new Sample(
                    row.info(), TarFile.read(file, row.file(), row.image()), "shard " + row.file());
        } catch (IOException e) {
            throw new SoupIoException("read", row.file(), e);
        }
    }

    /** All rows in key order, each read from disk when the stream reaches it. */
    public Stream<Sample> stream() {
        return IntStream.range(0, rows.size()).mapToObj(this::get);
    }

    /** All rows in key order, with their pictures in memory. */
    public List<Sample> samples() {
        return stream().toList();
    }

    /**
     * The identity of the content, whatever files hold it: sha256 over every row's key, caption,
     * provider, licence, split and image hash, in key order.
     *
     * @return 64 lower-case hex digits
     */
    public String sha256() {
        RowDigest digest = new RowDigest();
        for (Row row : rows) {
            SampleInfo i = row.info();
            digest.add(
                    List.of(
                            i.key(),
                            i.caption(),
                            i.provider(),
                            i.licence(),
                            i.split(),
                            i.sha256()));
        }
        return digest.sha256();
    }

    /**
     * The identity of what a model learns from the rows, and of what is drawn to see what it has
     * learnt: sha256 over every row's image hash, caption and {@linkplain SampleInfo#prompt prompt}
     * (name and style, which {@link #sha256} leaves out), sorted by these, whatever keys,
     * providers, licences and splits are stated.
     *
     * @return 64 lower-case hex digits
     */
    public String textsSha256() {
        RowDigest digest = new RowDigest();
        rows.stream()
                .map(Row::info)
                .sorted(
                        Comparator.comparing(SampleInfo::sha256)
                                .thenComparing(SampleInfo::caption)
                                .thenComparing(SampleInfo::prompt))
                .forEach(i -> digest.add(List.of(i.sha256(), i.caption(), i.prompt())));
        return digest.sha256();
    }

    @Override
    public String toString() {
        return "Shard[" + name + ", " + rows.size() + " rows]";
    }
}
