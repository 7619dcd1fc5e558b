package org.diffusionsoup.data;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/**
 * Reads the rows of a shard one after the other in the order of the file, none of them kept: the
 * way through shards that do not fit into memory. The files of a row must stand next to each other
 * in the tar, as WebDataset asks and {@link ShardWriter} writes them.
 *
 * <p>Two scans of unchanged files see the same rows under the same indices.
 */
public final class ShardScan {
    /** Told of every row. */
    @FunctionalInterface
    public interface Visitor {
        /**
         * One row.
         *
         * @param index 0 for the first row that passes the shard's conditions, counting up
         */
        void visit(int index, Sample row);
    }

    private record Part(Path file, Predicate<SampleInfo> keep) {}

    private final ShardRef ref;
    private final List<Part> parts;

    private ShardScan(ShardRef ref, List<Part> parts) {
        this.ref = ref;
        this.parts = List.copyOf(parts);
    }

    /**
     * Finds the tars that a reference names; rows are read by {@link #forEach} only.
     *
     * @throws SoupException if the path is no shard or data set, or a name of a view is unknown
     */
    public static ShardScan of(ShardRef ref) {
        if (!Files.exists(ref.path())) {
            throw new SoupException(
                    "shard " + ref.path() + " does not exist; give a .tar or a data set folder");
        }
        List<Part> parts = new ArrayList<>();
        if (Files.isDirectory(ref.path())) {
            DatasetIndex index = DatasetIndex.read(ref.path());
            index.files()
                    .forEach((shard, file) -> {
                        Predicate<SampleInfo> keep = info -> true;
                        for (ShardRef.Term term : ref.terms()) {
                            keep =
                                    keep.and(
                                            term.field().isEmpty()
                                                    ? named(index, shard, term)
                                                    : by(term));
                        }
                        parts.add(new Part(file, keep));
                    });
        } else {
            Predicate<SampleInfo> keep = info -> true;
            for (ShardRef.Term term : ref.terms()) {
                if (term.field().isEmpty()) {
                    throw new SoupException(
                            "shard %s is one tar, it has no view %s; write field=value"
                                    .formatted(ref.path(), String.join(",", term.values())));
                }
                keep = keep.and(by(term));
            }
            parts.add(new Part(ref.path(), keep));
        }
        return new ShardScan(ref, parts);
    }

    private static Predicate<SampleInfo> by(ShardRef.Term term) {
        return info -> term.values().contains(info.field(term.field()));
    }

    /** Rows of any of the shards or views that a term names. */
    private static Predicate<SampleInfo> named(
            DatasetIndex index, String shard, ShardRef.Term term) {
        Predicate<SampleInfo> any = info -> false;
        for (String wanted : term.values()) {
            if (index.files().containsKey(wanted)) {
                boolean here = wanted.equals(shard);
                any = any.or(info -> here);
                continue;
            }
            String filter = index.views().get(wanted);
            if (filter == null) {
                throw new SoupException(
                        "data set %s has no shard or view \"%s\"; it has %s and %s"
                                .formatted(
                                        index.name(),
                                        wanted,
                                        List.copyOf(index.files().keySet()),
                                        index.views().keySet().stream().sorted().toList()));
            }
            Predicate<SampleInfo> all = info -> true;
            for (ShardRef.Term inner : ShardRef.parse("view#" + filter).terms()) {
                all = all.and(by(inner));
            }
            any = any.or(all);
        }
        return any;
    }

    /** The same shard, only the rows that pass one more condition. */
    public ShardScan where(Predicate<SampleInfo> condition) {
        return new ShardScan(
                ref, parts.stream().map(p -> new Part(p.file(), p.keep().and(condition))).toList());
    }

    /** What this reads. */
    public ShardRef ref() {
        return ref;
    }

    /** A short name for files and tables, see {@link ShardRef#name}. */
    public String name() {
        return ref.name();
    }

    /**
     * Visits every row.
     *
     * @return how many rows there were
     * @throws SoupException if a tar is damaged, a row's files do not stand together, a row lacks
     *     its image or caption, or there are more than 2³¹ - 1 rows
     */
    public int forEach(Visitor visitor) {
        Reader reader = new Reader(visitor);
        for (Part part : parts) {
            reader.read(part);
        }
        return reader.rows;
    }

    /** How many rows there are; reads all of them, and decodes no picture. */
    public int count() {
        return forEach((index, row) -> {});
    }

    /** Collects the files of the row that is being read. */
    private static final class Reader {
        private final Visitor visitor;
        private final Map<String, TarFile.Entry> files = new HashMap<>();
        private String key = "";
        private int rows;

        Reader(Visitor visitor) {
            this.visitor = visitor;
        }

        void read(Part part) {
            TarFile.forEach(
                    part.file(),
                    (tar, entry) -> {
                        RowFiles.Part named = RowFiles.part(entry.name());
                        if (named.key().isEmpty()) {
                            return;
                        }
                        if (!named.key().equals(key)) {
                            finish(part, tar);
                            key = named.key();
                        }
                        if (files.put(named.kind(), entry) != null) {
                            throw new SoupException(
                                    "shard %s has two files of the kind %s for row %s"
                                            .formatted(
                                                    part.file(),
                                                    RowFiles.kindName(named.kind()),
                                                    key));
                        }
                    });
            try (RandomAccessFile tar = new RandomAccessFile(part.file().toFile(), "r")) {
                finish(part, tar);
            } catch (IOException e) {
                throw new SoupIoException("read", part.file(), e);
            }
        }

        private void finish(Part part, RandomAccessFile tar) throws IOException {
            if (key.isEmpty()) {
                return;
            }
            if (!files.containsKey("png")) {
                throw new SoupException(
                        "row %s of shard %s has no image (.png or .jpg) beside its other files"
                                        .formatted(key, part.file())
                                + "; the files of a row must stand together in the tar");
            }
            Sample sample = RowFiles.read(part.file(), tar, key, files).sample();
            files.clear();
            key = "";
            if (part.keep().test(sample.info())) {
                if (rows == Integer.MAX_VALUE) {
                    throw new SoupException(part.file() + " has too many rows for one shard");
                }
                visitor.visit(rows++, sample);
            }
        }
    }

    /** Facts of a data set's index: shard name to tar, view name to filter. */
    record DatasetIndex(String name, Map<String, Path> files, Map<String, String> views) {
        static DatasetIndex read(Path folder) {
            Map<String, Path> files = new LinkedHashMap<>();
            Map<String, String> views = new LinkedHashMap<>();
            String name = Dataset.readIndex(folder, files, views);
            return new DatasetIndex(name, files, views);
        }
    }
}
