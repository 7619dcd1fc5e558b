package org.diffusionsoup.diffusion.train;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.jspecify.annotations.Nullable;

/** The checkpoint of a run: one safetensors file, replaced as a whole. */
final class TrainingState {
    private static final int CURVE_COLUMNS = 4;

    /** Key of the configurations; absent where none count, and in what earlier versions wrote. */
    private static final String CONFIGURATION = "soup.training.configuration";

    private final Path dir;
    private final Path file;
    private final String fingerprint;
    private final BaseConfiguration configuration;
    private final String setting;

    /**
     * @param configuration of what the run starts from; a checkpoint with another one is refused,
     *     one without any, of an earlier version, is not
     * @param setting whose value decides the folder, as the caller names it
     */
    TrainingState(Path dir, String fingerprint, BaseConfiguration configuration, String setting) {
        this.dir = dir;
        this.file = dir.resolve("training-state.safetensors");
        this.fingerprint = fingerprint;
        this.configuration = configuration;
        this.setting = setting;
    }

    void save(Parameters p, AdamW optimizer, @Nullable Tensor ema, List<LossPoint> curve) {
        try (Scope s = Scope.open()) {
            write(entries(p, optimizer, ema, curve), optimizer.steps());
        }
    }

    private static List<TensorEntry> entries(
            Parameters p, AdamW optimizer, @Nullable Tensor ema, List<LossPoint> curve) {
        List<TensorEntry> entries = new ArrayList<>();
        entries.add(flat("weights", p.flat()));
        entries.add(flat("adam.m", optimizer.m()));
        entries.add(flat("adam.v", optimizer.v()));
        if (ema != null) {
            entries.add(flat("ema", ema));
        }
        // In full precision: a curve that was rounded by a resume would differ from one that was
        // not.
        double[] points = new double[curve.size() * CURVE_COLUMNS];
        for (int i = 0; i < curve.size(); i++) {
            LossPoint l = curve.get(i);
            points[i * CURVE_COLUMNS] = l.loss();
            points[i * CURVE_COLUMNS + 1] = l.gradientNorm();
            points[i * CURVE_COLUMNS + 2] = l.learningRate();
            points[i * CURVE_COLUMNS + 3] = l.imagesPerSecond();
        }
        entries.add(
                new TensorEntry(
                        "curve",
                        DType.F64,
                        new long[] {curve.size(), CURVE_COLUMNS},
                        TensorBytes.of(MemorySegment.ofArray(points))));
        return entries;
    }

    private void write(List<TensorEntry> entries, long steps) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", "pt");
        metadata.put("soup.training.fingerprint", fingerprint);
        if (!configuration.text().isEmpty()) {
            metadata.put(CONFIGURATION, configuration.text());
        }
        metadata.put("soup.training.step", Long.toString(steps));
        try {
            Files.createDirectories(dir);
        } catch (IOException e) {
            throw new TrainingException("the folder " + dir + " cannot be made: " + e.getMessage());
        }
        SafetensorsWriter.write(file, metadata, entries);
    }

    private static TensorEntry flat(String name, Tensor t) {
        return new TensorEntry(
                name, DType.F32, new long[] {t.elements()}, TensorBytes.of(t.onCpu().memory()));
    }

    /** Restores a run where there is a checkpoint; leaves it at its start where there is none. */
    void load(Parameters p, AdamW optimizer, @Nullable Tensor ema, List<LossPoint> curve) {
        if (!Files.exists(file)) {
            return;
        }
        try (SafetensorsFile f = SafetensorsFile.open(file);
                Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            requireOwn(f);
            read(f, "weights", p.flat());
            read(f, "adam.m", optimizer.m());
            read(f, "adam.v", optimizer.v());
            if (ema != null) {
                read(f, "ema", ema);
            }
            optimizer.restore(steps(f));
            double[] points = curve(f);
            for (int i = 0; i < points.length / CURVE_COLUMNS; i++) {
                curve.add(
                        new LossPoint(
                                i + 1L,
                                points[i * CURVE_COLUMNS],
                                points[i * CURVE_COLUMNS + 1],
                                points[i * CURVE_COLUMNS + 2],
                                points[i * CURVE_COLUMNS + 3]));
            }
        }
    }

    /** Steps done by whatever run the checkpoint is of; 0 where there is none. */
    long steps() {
        if (!Files.exists(file)) {
            return 0;
        }
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return steps(f);
        }
    }

    private static long steps(SafetensorsFile f) {
        return Long.parseLong(f.metadata().getOrDefault("soup.training.step", "0"));
    }

    /** Refuses a checkpoint of another run, where there is one. */
    void requireOwn() {
        if (Files.exists(file)) {
            try (SafetensorsFile f = SafetensorsFile.open(file)) {
                requireOwn(f);
            }
        }
    }

    /** Removes the checkpoint if it is of this run. */
    void deleteOwn() {
        if (!Files.exists(file)) {
            return;
        }
        boolean own;
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            own = fingerprint.equals(recorded(f));
        }
        if (own) {
            delete();
        }
    }

    private static String recorded(SafetensorsFile f) {
        return f.metadata().getOrDefault("soup.training.fingerprint", "");
    }

    private void requireOwn(SafetensorsFile f) {
        String recorded = recorded(f);
        if (!fingerprint.equals(recorded)) {
            String difference = RecipeDifference.of(recorded, fingerprint);
            throw another(difference.isEmpty() ? "other base, shard or options" : difference);
        }
        String configured = f.metadata().getOrDefault(CONFIGURATION, "");
        if (!configured.isEmpty()) {
            Optional<String> difference =
                    configuration.difference(BaseConfiguration.parse(configured));
            if (difference.isPresent()) {
                throw another(difference.get());
            }
        }
    }

    private TrainingException another(String difference) {
        return new TrainingException(
                "%s is a checkpoint of a different run (%s); go on with the settings of that run, give another `%s`, or remove the folder %s"
                        .formatted(file, difference, setting, dir));
    }

    private double[] curve(SafetensorsFile f) {
        TensorInfo info = f.tensors().get("curve");
        if (info == null) {
            throw new TrainingException(file + " does not hold the run's loss curve");
        }
        return switch (info.dtype()) {
            case F64 -> f.data("curve").toArray(ValueLayout.JAVA_DOUBLE_UNALIGNED);
            case F32 -> { // as first versions wrote it
                float[] rounded = f.data("curve").toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                double[] points = new double[rounded.length];
                for (int i = 0; i < points.length; i++) {
                    points[i] = rounded[i];
                }
                yield points;
            }
            default ->
                    throw new TrainingException(
                            file + " holds a loss curve of dtype " + info.dtype());
        };
    }

    private void read(SafetensorsFile f, String name, Tensor into) {
        if (!f.tensors().containsKey(name) || f.data(name).byteSize() != into.elements() * 4) {
            throw new TrainingException(
                    file
                            + " does not fit this model: tensor "
                            + name
                            + " is missing or has"
                            + " another size");
        }
        Tensor own = into.onCpu();
        own.memory().copyFrom(f.data(name));
        into.copy_(own);
    }

    void delete() {
        try {
            Files.deleteIfExists(file);
            try (var left = Files.list(dir)) {
                if (left.findAny().isPresent()) {
                    return;
                }
            }
            Files.delete(dir);
        } catch (IOException e) {
            throw new TrainingException(
                    "the finished run's checkpoint "
                            + file
                            + " cannot be removed: "
                            + e.getMessage());
        }
    }
}
