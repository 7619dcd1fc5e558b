package org.diffusionsoup.workbench.verify;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.UnfinishedTraining;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.model.ComponentFit;
import org.diffusionsoup.diffusion.model.WeightsFit;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.workbench.verify.VerifyReport.FileHash;
import org.diffusionsoup.workbench.verify.VerifyReport.Finding;
import org.diffusionsoup.workbench.verify.VerifyReport.Kind;

/**
 * Checks a model: its structure, every value, the hashes, what its header says of its making. Reads
 * in pieces; memory does not grow with the model.
 *
 * @param threads workers, at least 1
 * @param progress told the bytes read
 */
public record ModelVerifier(int threads, SoupProgress progress) {

    /**
     * Checks a model of any layout.
     *
     * @param against a SHA-256 that one weight file, or the weights, must have; or another model
     *     whose weights must be the same
     * @throws SoupException if there is no such model, or {@code against} is neither
     */
    public VerifyReport verify(Path model, Optional<String> against) {
        return verify(model, "", against);
    }

    /**
     * The same of a variant of a folder's weights.
     *
     * @param variant such as {@code fp16}; empty for those without such a word in their names
     * @throws SoupException also if the folder has no weights of that variant
     */
    public VerifyReport verify(Path model, String variant, Optional<String> against) {
        if (!Files.exists(model)) {
            UnfinishedTraining.refuse(model);
            throw new SoupException("There is no " + model + "; name a file or a folder.");
        }
        against.filter(a -> !isHash(a))
                .map(Path::of)
                .filter(other -> !Files.exists(other))
                .ifPresent(other -> {
                    throw new SoupException(
                            "'"
                                    + other
                                    + "' is neither a SHA-256 (64 hexadecimal digits) nor a file or folder.");
                });
        List<Finding> findings = new ArrayList<>();
        Checkpoint opened;
        try {
            opened = Checkpoint.openIncomplete(model, variant);
        } catch (SoupIoException e) {
            throw e; // a disk that fails says nothing of the model
        } catch (SoupException e) {
            findings.add(new Finding(Kind.STRUCTURE, model.toString(), text(e)));
            return new VerifyReport(
                    model.toString(),
                    "unreadable",
                    List.of(),
                    List.of(),
                    Optional.empty(),
                    0,
                    0,
                    findings);
        }
        try (Checkpoint checkpoint = opened) {
            return verify(checkpoint, against, findings);
        }
    }

    /** Whether a text is a SHA-256 and no name of a model. */
    public static boolean isHash(String text) {
        return text.matches("[0-9a-fA-F]{64}");
    }

    private static String text(SoupException e) {
        return Optional.ofNullable(e.getMessage()).orElse("unreadable");
    }

    private VerifyReport verify(
            Checkpoint checkpoint, Optional<String> against, List<Finding> findings) {
        ExecutorService workers =
                Executors.newFixedThreadPool(
                        threads, Thread.ofPlatform().daemon().name("verify-", 0).factory());
        try {
            checkpoint.folder().ifPresent(f -> folder(f, findings));
            if (findings.isEmpty()) { // what cannot be read cannot be compared either
                fit(checkpoint, findings);
            }
            checkpoint
                    .parts()
                    .forEach((part, source) ->
                            ProvenanceCheck.of(source.metadata())
                                    .forEach(w ->
                                            findings.add(new Finding(Kind.PROVENANCE, part, w))));
            return read(checkpoint, against, findings, workers);
        } finally {
            workers.shutdownNow();
        }
    }

    private static void folder(DiffusersFolder folder, List<Finding> findings) {
        for (DiffusersFolder.Component c : folder.components().values()) {
            boolean scheduler = c.className().endsWith("Scheduler");
            boolean text = c.className().contains("Tokenizer");
            boolean image =
                    c.className().contains("ImageProcessor")
                            || c.className().contains("FeatureExtractor");
            if (text || image) {
                if (c.otherFiles().isEmpty()) {
                    findings.add(new Finding(Kind.STRUCTURE, c.name(), "the folder is empty"));
                }
                continue;
            }
            try {
                c.config();
            } catch (SoupException e) {
                findings.add(new Finding(Kind.STRUCTURE, c.name(), text(e)));
            }
            if (!scheduler && c.weightFiles().isEmpty()) {
                findings.add(new Finding(Kind.STRUCTURE, c.name(), "no weights"));
            }
        }
    }

    /** Whether components belong together, and weights to their configurations. */
    private static void fit(Checkpoint checkpoint, List<Finding> findings) {
        String where = checkpoint.path().toString();
        try {
            checkpoint
                    .folder()
                    .map(f -> ComponentFit.misfits(f.path()))
                    .orElse(List.of())
                    .forEach(m -> findings.add(new Finding(Kind.STRUCTURE, where, m)));
            WeightsFit.misfits(checkpoint)
                    .forEach(m -> findings.add(new Finding(Kind.STRUCTURE, where, m)));
        } catch (UnsupportedConfigException e) {
            findings.add(new Finding(Kind.STRUCTURE, where, text(e)));
        }
    }

    private VerifyReport read(
            Checkpoint checkpoint,
            Optional<String> against,
            List<Finding> findings,
            ExecutorService workers) {
        Scan scan = new Scan(progress);
        Map<String, Path> files = files(checkpoint);
        long bytes = 0;
        for (Path f : files.values()) {
            bytes += size(f);
        }
        List<TensorSource> sources = List.copyOf(checkpoint.parts().values());
        List<TensorInfo> tensors =
                sources.stream().flatMap(s -> s.tensors().values().stream()).toList();
        if (tensors.isEmpty()) {
            findings.add(new Finding(Kind.STRUCTURE, checkpoint.path().toString(), "no tensors"));
        }
        long data = tensors.stream().mapToLong(TensorInfo::byteSize).sum();
        boolean other = against.isPresent() && !isHash(against.get());
        scan.start(bytes + 2 * data, bytes);

        Map<String, Future<String>> fileHashes = new TreeMap<>();
        files.forEach((name, f) -> fileHashes.put(name, workers.submit(() -> scan.sha256(f))));
        Map<String, Future<String>> weights = scan.weights(checkpoint, workers);
        List<Future<Optional<Finding>>> values = scan.values(checkpoint, workers);

        List<FileHash> hashes = new ArrayList<>();
        fileHashes.forEach((name, h) ->
                hashes.add(
                        new FileHash(name, size(files.getOrDefault(name, Path.of(name))), get(h))));
        values.forEach(v -> get(v).ifPresent(findings::add));
        String weightsHash = combined(checkpoint, weights);
        if (other) {
            sameWeights(checkpoint, weightsHash, Path.of(against.get()), findings, workers);
        } else {
            against.ifPresent(hash -> expected(hash, weightsHash, hashes, findings));
        }
        return new VerifyReport(
                checkpoint.path().toString(),
                checkpoint.layout().name().toLowerCase(Locale.ROOT),
                hashes,
                checkpoint.folder().map(DiffusersFolder::unreadWeights).orElse(List.of()),
                Optional.of(weightsHash),
                tensors.size(),
                tensors.stream().mapToLong(TensorInfo::elements).sum(),
                findings);
    }

    /** As {@code WeightsHash} has it: of a folder, the hash of a list of its files' hashes. */
    private static String combined(Checkpoint checkpoint, Map<String, Future<String>> weights) {
        if (checkpoint.layout() != Checkpoint.Layout.DIFFUSERS) {
            return get(weights.values().iterator().next());
        }
        StringBuilder lines = new StringBuilder();
        weights.forEach((name, h) -> lines.append(get(h)).append("  ").append(name).append('\n'));
        return Hashes.sha256Hex(lines.toString().getBytes(StandardCharsets.UTF_8));
    }

    private void sameWeights(
            Checkpoint checkpoint,
            String hash,
            Path other,
            List<Finding> findings,
            ExecutorService workers) {
        try (Checkpoint c = Checkpoint.open(other)) {
            Scan scan = new Scan(SoupProgress.NONE);
            String its = combined(c, scan.weights(c, workers));
            // The hash of a folder names its files, which may be others for the same weights.
            if (!its.equals(hash) && !byComponent(c).equals(byComponent(checkpoint))) {
                findings.add(
                        new Finding(
                                Kind.HASH,
                                "weights",
                                "sha256 "
                                        + hash
                                        + ", those of "
                                        + other
                                        + " have "
                                        + its
                                        + layouts(checkpoint, c)));
            }
        }
    }

    /** Says so where two models are kept so differently that the same weights have two hashes. */
    private static String layouts(Checkpoint one, Checkpoint other) {
        if (one.folder().isPresent() == other.folder().isPresent()) {
            return "";
        }
        return "; one is a folder and the other a file, so compare in one layout, which '%s' makes"
                .formatted((one.folder().isPresent() ? one : other).convertCommand());
    }

    private static Map<String, String> byComponent(Checkpoint checkpoint) {
        Map<String, String> hashes = new TreeMap<>();
        checkpoint.parts().forEach((part, source) -> hashes.put(part, WeightsHash.of(source)));
        return hashes;
    }

    private static void expected(
            String hash, String weights, List<FileHash> files, List<Finding> findings) {
        String wanted = hash.toLowerCase(Locale.ROOT);
        boolean found =
                weights.equals(wanted)
                        || (files.size() == 1 && files.getFirst().sha256().equals(wanted));
        if (!found) {
            findings.add(
                    new Finding(
                            Kind.HASH,
                            files.size() == 1 ? files.getFirst().name() : "weights",
                            "neither the file nor its weights have the sha256 " + wanted));
        }
    }

    static Map<String, Path> files(Checkpoint checkpoint) {
        Map<String, Path> files = new TreeMap<>();
        for (TensorSource s : checkpoint.parts().values()) {
            for (Path f : s.files()) {
                files.put(name(checkpoint, f), f);
            }
        }
        return files;
    }

    static String name(Checkpoint checkpoint, Path file) {
        return checkpoint.layout() == Checkpoint.Layout.DIFFUSERS
                ? checkpoint.path().relativize(file).toString().replace('\\', '/')
                : String.valueOf(file.getFileName());
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static <T> T get(Future<T> job) {
        try {
            return job.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while verifying.", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof SoupException s) {
                throw s;
            }
            throw new SoupException("Verifying failed: " + e.getCause(), e);
        }
    }
}
