package org.diffusionsoup.workbench.merge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.workbench.Progress;

/** Looks for checkpoints by the SHA-256 of their weights. */
final class InputSearch {
    private static final List<String> WEIGHTS =
            List.of(".safetensors", ".ckpt", ".pt", ".pth", ".bin");

    private final HashCache hashes;
    private final Progress progress;
    private final String variant;
    private final Map<Path, String> known = new HashMap<>();

    /**
     * @param variant of the weights of folders, empty for those without one
     */
    InputSearch(HashCache hashes, Progress progress, String variant) {
        this.variant = variant;
        this.hashes = hashes;
        this.progress = progress;
    }

    /**
     * Finds inputs in files and, at any depth, in folders.
     *
     * @param not a checkpoint that is no candidate: the one to be made again
     * @return a path for each input, in their order
     * @throws SoupException if some are not found; names them with their hashes
     */
    List<Path> find(List<StoredRecipe.Input> wanted, List<Path> places, Path not) {
        Map<Integer, Path> found = new HashMap<>();
        Set<Path> candidates = candidates(places, not);
        progress.start("look for inputs", candidates.size(), "checkpoints");
        for (Path candidate : candidates) {
            if (found.size() < wanted.size()) {
                progress.message(String.valueOf(candidate.getFileName()));
                match(wanted, candidate, found);
            }
            progress.advance(1);
        }
        List<String> missing = new ArrayList<>();
        List<Path> paths = new ArrayList<>();
        for (int i = 0; i < wanted.size(); i++) {
            Path p = found.get(i);
            if (p == null) {
                StoredRecipe.Input in = wanted.get(i);
                List<String> parts = new ArrayList<>();
                in.sha256()
                        .forEach((part, sha) ->
                                parts.add(
                                        sha.isEmpty()
                                                ? "no " + part
                                                : (part.isEmpty() ? "" : part + " ")
                                                        + "sha256 "
                                                        + sha));
                missing.add(in.name() + " (" + String.join(", ", parts) + ")");
            } else {
                paths.add(p);
            }
        }
        if (!missing.isEmpty()) {
            throw new SoupException(
                    missing.size()
                            + " of "
                            + wanted.size()
                            + " inputs not found in "
                            + places
                            + ": "
                            + String.join("; ", missing)
                            + "; name the folders that hold them with `inputs`.");
        }
        return paths;
    }

    private void match(List<StoredRecipe.Input> wanted, Path candidate, Map<Integer, Path> found) {
        try (Checkpoint c = Checkpoint.open(candidate, variant)) {
            for (int i = 0; i < wanted.size(); i++) {
                if (!found.containsKey(i) && matches(wanted.get(i).sha256(), c)) {
                    found.put(i, candidate);
                }
            }
        } catch (SoupException e) {
            // What cannot be read as a checkpoint was no input.
        }
    }

    private boolean matches(Map<String, String> wanted, Checkpoint c) {
        for (var e : wanted.entrySet()) {
            if (e.getValue().isEmpty() == c.parts().containsKey(e.getKey())) {
                return false;
            }
        }
        for (var e : wanted.entrySet()) {
            if (!e.getValue().isEmpty() && !hash(c.part(e.getKey())).equals(e.getValue())) {
                return false;
            }
        }
        return true;
    }

    private String hash(TensorSource part) {
        return Hashes.ofFiles(
                part.files(),
                f -> known.computeIfAbsent(f.toAbsolutePath().normalize(), hashes::sha256));
    }

    /** Folders before the files in them, so that a whole pipeline wins over one of its parts. */
    private static Set<Path> candidates(List<Path> places, Path not) {
        Path self = not.toAbsolutePath().normalize();
        Set<Path> all = new LinkedHashSet<>();
        for (Path place : places) {
            if (!Files.exists(place)) {
                throw new SoupException("There is no " + place + " to look for inputs in.");
            }
            try (Stream<Path> walk = Files.walk(place)) {
                walk.filter(InputSearch::isCandidate)
                        .sorted()
                        .map(p -> p.toAbsolutePath().normalize())
                        .filter(p -> !p.startsWith(self))
                        .forEach(all::add);
            } catch (IOException e) {
                throw new SoupIoException("read", place, e);
            }
        }
        return all;
    }

    private static boolean isCandidate(Path p) {
        String name = Optional.ofNullable(p.getFileName()).map(Path::toString).orElse("");
        String lower = name.toLowerCase(Locale.ROOT);
        return Files.isDirectory(p)
                ? DiffusersFolder.isOne(p)
                : WEIGHTS.stream().anyMatch(lower::endsWith) || Checkpoint.isIndex(p);
    }
}
