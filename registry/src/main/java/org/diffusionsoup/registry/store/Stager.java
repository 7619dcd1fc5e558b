package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.FileStamp;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;

/** Reads checkpoints that are to be stored, and writes their pieces to the store's disk. */
record Stager(Manifests manifests, Objects objects) {
    /**
     * Reads a checkpoint, whose objects have no names until it is kept.
     *
     * @param checkpoint a safetensors file, a sharded set or a diffusers folder
     * @param leftOut files of a folder that are not read
     * @throws SoupException if it is malformed, or holds weights that are no safetensors
     */
    Staged stage(Path checkpoint, Collection<String> leftOut) {
        List<StoredFile> files = new ArrayList<>();
        Objects.Batch batch = objects.batch();
        boolean done = false;
        try (Checkpoint open = Checkpoint.open(checkpoint)) {
            for (TensorSource part : open.parts().values()) {
                for (Path f : part.files()) {
                    if (!f.toString().endsWith(".safetensors")) {
                        throw new StoreException(
                                f
                                        + " is no .safetensors file, and the registry keeps no"
                                        + " others; convert it with 'soup merge "
                                        + checkpoint
                                        + " `out` NEW'.");
                    }
                }
            }
            boolean isFolder = open.layout() != Checkpoint.Layout.SAFETENSORS;
            if (isFolder) {
                Path root = Files.isDirectory(checkpoint) ? checkpoint : parent(checkpoint);
                for (String path : content(open, root, leftOut)) {
                    files.add(add(batch, root.resolve(path), path));
                }
            } else {
                files.add(add(batch, checkpoint, Manifest.SINGLE));
            }
            Staged s = new Staged(manifests, batch, new Manifest(isFolder, files));
            done = true;
            return s;
        } finally {
            if (!done) {
                batch.close();
            }
        }
    }

    private static Path parent(Path file) {
        Path parent = file.toAbsolutePath().getParent();
        if (parent == null) {
            throw new StoreException(file + " names no file.");
        }
        return parent;
    }

    /** The files that make up a checkpoint, by their paths in it. */
    private static Iterable<String> content(
            Checkpoint open, Path root, Collection<String> leftOut) {
        TreeSet<String> paths = new TreeSet<>();
        if (open.folder().isPresent()) {
            DiffusersFolder d = open.folder().get();
            paths.addAll(d.weightFiles());
            paths.addAll(d.otherFiles());
            leftOut.forEach(paths::remove);
            return paths;
        }
        open.parts()
                .values()
                .forEach(p ->
                        p.files()
                                .forEach(f ->
                                        paths.add(
                                                root.toAbsolutePath()
                                                        .relativize(f.toAbsolutePath())
                                                        .toString()
                                                        .replace('\\', '/'))));
        try (Stream<Path> all = Files.list(root)) {
            all.map(f -> f.getFileName().toString())
                    .filter(n -> n.endsWith(".safetensors.index.json"))
                    .forEach(paths::add);
        } catch (IOException e) {
            throw new SoupIoException("read", root, e);
        }
        return paths;
    }

    private StoredFile add(Objects.Batch batch, Path file, String path) {
        try {
            FileStamp before = FileStamp.of(file);
            long size = before.size();
            List<Piece> pieces = new ArrayList<>();
            String whole;
            if (file.toString().endsWith(".safetensors")) {
                // Two passes over the file at once: one for its hash, one for the pieces'.
                CompletableFuture<String> hash =
                        CompletableFuture.supplyAsync(() -> Hashes.sha256(file));
                try (SafetensorsFile open = SafetensorsFile.open(file)) {
                    List<TensorInfo> tensors = List.copyOf(open.tensors().values());
                    long header = tensors.isEmpty() ? size : tensors.getFirst().offset();
                    List<Objects.Range> ranges = new ArrayList<>();
                    ranges.add(new Objects.Range(0, header, Piece.BYTES));
                    for (TensorInfo t : tensors) {
                        ranges.add(
                                new Objects.Range(
                                        t.offset(), t.byteSize(), t.dtype().safetensorsName()));
                    }
                    pieces.addAll(batch.put(file, ranges));
                }
                whole = join(hash);
            } else {
                pieces.addAll(batch.put(file, List.of(new Objects.Range(0, size, Piece.BYTES))));
                whole = pieces.getFirst().sha256();
            }
            if (!FileStamp.of(file).equals(before)) {
                throw new StoreException(file + " changed while it was being stored; try again.");
            }
            return new StoredFile(path, size, whole, pieces);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static String join(CompletableFuture<String> hash) {
        try {
            return hash.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof SoupException s) {
                throw s;
            }
            throw e;
        }
    }
}
