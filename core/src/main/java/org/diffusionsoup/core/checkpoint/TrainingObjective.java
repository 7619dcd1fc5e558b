package org.diffusionsoup.core.checkpoint;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonBool;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * What a single file says its denoiser was trained for. Shapes do not tell it, and a model sampled
 * for another objective draws noise. Asked in this order:
 *
 * <ol>
 *   <li>tensors of the EDM formulation ({@link EdmModels}): what else is said is meant within it;
 *   <li>the scheduler's configuration that the header carries ({@link CarriedConfigs});
 *   <li>the header's {@code modelspec.prediction_type} or {@code modelspec.predict_key};
 *   <li>tensors {@code v_pred} and {@code ztsnr}, the marks that A1111 and ComfyUI look for;
 *   <li>a {@code .yaml} of the same name beside the file: the original code's configuration ({@code
 *       parameterization: v}, or a {@code VScaling}).
 * </ol>
 *
 * Two of the second to the fourth that contradict each other are refused: whichever is believed,
 * half of those who read the file take it for the other.
 *
 * @param prediction {@code epsilon}, {@code v_prediction}, {@code sample}, or what else a scheduler
 *     or a header says, as it says it; empty where nothing says it
 * @param zeroSnr whether the noise schedule ends in pure noise ({@code rescale_betas_zero_snr})
 * @param source what said it, for messages; empty where nothing does
 */
public record TrainingObjective(Optional<String> prediction, boolean zeroSnr, String source) {
    /** Velocity, {@code α·noise − σ·sample}. */
    public static final String VELOCITY = "v_prediction";

    /** The noise. */
    public static final String NOISE = "epsilon";

    /** The clean sample. */
    public static final String SAMPLE = "sample";

    /** Words that headers have for it, in small letters; any that begin with v or eps go, too. */
    private static final Set<String> SAMPLE_WORDS = Set.of("sample", "x0", "x_0");

    private static final int LONGEST = 60;

    /** The header's entry of Stability AI's model specification. */
    public static final String MODELSPEC = "modelspec.prediction_type";

    /** How messages call an objective that nothing says. */
    public static final String SILENT = "nothing said, which is taken for epsilon";

    /** The empty tensor that marks a model of velocity. */
    public static final String VELOCITY_MARK = "v_pred";

    /** The empty tensor that marks a schedule with zero terminal signal. */
    public static final String ZERO_SNR_MARK = "ztsnr";

    public static final String PREDICT_KEY = "modelspec.predict_key";
    private static final String ZERO_SNR = "rescale_betas_zero_snr";

    /** Nothing said. */
    private static final TrainingObjective UNKNOWN =
            new TrainingObjective(Optional.empty(), false, "");

    /** The tensors by which a single file says something of its objective. */
    public static List<String> marks() {
        List<String> marks = new ArrayList<>(List.of(VELOCITY_MARK, ZERO_SNR_MARK));
        marks.addAll(EdmModels.MARKS.keySet());
        return marks;
    }

    /**
     * Refuses a single file whose denoiser predicts what none does here, or that says two things of
     * it, or is of the EDM formulation.
     *
     * @throws SoupException naming the file, what says it and what it says
     */
    public static void requireKnown(Checkpoint single) {
        EdmModels.refuse(single);
        of(single).requireKnown(single.path());
    }

    /**
     * Refuses an objective that is none of noise, velocity and sample.
     *
     * @param file that says it
     * @throws SoupException naming the file, what says it and what it says
     */
    public void requireKnown(Path file) {
        String said = prediction.orElse(NOISE);
        if (!Set.of(NOISE, VELOCITY, SAMPLE).contains(said)) {
            throw new SoupException(
                    "%s says that its denoiser predicts '%s' (%s), and only %s, %s and %s are supported; where that is wrong, make a folder with what is right by '%s `predictionType` TYPE'."
                            .formatted(
                                    file,
                                    said,
                                    source,
                                    NOISE,
                                    VELOCITY,
                                    SAMPLE,
                                    DiffusersFolder.convertCommand(file)));
        }
    }

    /**
     * What a file says.
     *
     * @param file its path, for the configuration beside it
     * @param metadata its header's entries
     * @param tensors the names of its tensors
     * @throws SoupException if its header's entries are malformed, or two statements contradict
     *     each other
     */
    public static TrainingObjective of(
            Path file, Map<String, String> metadata, Set<String> tensors) {
        List<TrainingObjective> said = statements(file, metadata, tensors);
        for (TrainingObjective other : said) {
            TrainingObjective first = said.getFirst();
            if (!other.prediction().equals(first.prediction())) {
                throw new SoupException(
                        "%s says two things of what its denoiser predicts, %s (%s) and %s (%s); make a folder of the right one with '%s `predictionType` TYPE'."
                                .formatted(
                                        file,
                                        first.prediction().orElse(""),
                                        first.source(),
                                        other.prediction().orElse(""),
                                        other.source(),
                                        DiffusersFolder.convertCommand(file)));
            }
        }
        return first(file, said, tensors);
    }

    /** The first statement, where somebody knows better and says so. */
    public static TrainingObjective ofFirst(Checkpoint single) {
        TensorSource source = single.part("");
        Set<String> tensors = source.tensors().keySet();
        return first(single.path(), statements(single.path(), source.metadata(), tensors), tensors);
    }

    private static TrainingObjective first(
            Path file, List<TrainingObjective> said, Set<String> tensors) {
        if (!said.isEmpty()) {
            return said.getFirst();
        }
        boolean marked = tensors.contains(ZERO_SNR_MARK);
        TrainingObjective beside = Beside.of(file);
        return marked && !beside.zeroSnr()
                ? new TrainingObjective(beside.prediction(), true, beside.source())
                : beside;
    }

    /** What the file itself says, in the order in which it is believed. */
    private static List<TrainingObjective> statements(
            Path file, Map<String, String> metadata, Set<String> tensors) {
        Optional<TrainingObjective> edm = EdmModels.objective(tensors);
        if (edm.isPresent()) {
            return List.of(edm.get());
        }
        List<TrainingObjective> said = new ArrayList<>();
        boolean marked = tensors.contains(ZERO_SNR_MARK);
        Optional<JsonObject> carried = CarriedConfigs.scheduler(file, metadata);
        if (carried.isPresent()) {
            String type = carried.get().string("prediction_type").orElse(NOISE);
            boolean zero = carried.get().fields().get(ZERO_SNR) instanceof JsonBool(boolean b) && b;
            said.add(
                    new TrainingObjective(
                            Optional.of(type), zero || marked, "the scheduler its header carries"));
        }
        for (String key : new String[] {MODELSPEC, PREDICT_KEY}) {
            String name = named(metadata.getOrDefault(key, ""));
            if (!name.isEmpty()) {
                said.add(new TrainingObjective(Optional.of(name), marked, "its " + key));
            }
        }
        if (tensors.contains(VELOCITY_MARK)) {
            said.add(
                    new TrainingObjective(
                            Optional.of(VELOCITY), marked, "its tensor '" + VELOCITY_MARK + "'"));
        }
        return said;
    }

    /** What a header's word for an objective means; the word itself where it is another one. */
    private static String named(String word) {
        String type = word.strip().toLowerCase(Locale.ROOT);
        if (type.startsWith("v")) {
            return VELOCITY;
        }
        if (type.startsWith("eps") || type.equals("noise")) {
            return NOISE;
        }
        String shown = word.strip();
        return SAMPLE_WORDS.contains(type)
                ? SAMPLE
                : shown.length() > LONGEST ? shown.substring(0, LONGEST) + "…" : shown;
    }

    /** The same of an opened checkpoint; of a diffusers folder by its scheduler. */
    public static TrainingObjective of(Checkpoint checkpoint) {
        if (checkpoint.folder().isPresent()) {
            return ofFolder(checkpoint.folder().get());
        }
        TensorSource source = checkpoint.part("");
        return of(checkpoint.path(), source.metadata(), source.tensors().keySet());
    }

    private static TrainingObjective ofFolder(DiffusersFolder folder) {
        Path config = folder.path().resolve(CarriedConfigs.SCHEDULER);
        if (!Files.isRegularFile(config)) {
            return UNKNOWN;
        }
        JsonObject o = JsonValue.readObject(config);
        return new TrainingObjective(
                Optional.of(o.string("prediction_type").orElse(NOISE)),
                o.fields().get(ZERO_SNR) instanceof JsonBool(boolean b) && b,
                CarriedConfigs.SCHEDULER);
    }

    /** The configuration of the original code beside a file, under its name. */
    public static Optional<Path> yamlBeside(Path file) {
        String name = String.valueOf(file.getFileName());
        int dot = name.lastIndexOf('.');
        String stem = dot < 1 ? name : name.substring(0, dot);
        for (String suffix : new String[] {".yaml", ".yml"}) {
            Path yaml = file.resolveSibling(stem + suffix);
            if (Files.isRegularFile(yaml)) {
                return Optional.of(yaml);
            }
        }
        return Optional.empty();
    }

    /**
     * Why models of these objectives must not be averaged; empty where they may be. A file that
     * says nothing is taken for one that predicts noise, as all that read it do, except where
     * {@code known} says that its architecture comes in both.
     *
     * @param known whether a file that says nothing predicts noise
     */
    public static Optional<ConfigDiff.Difference> difference(
            TrainingObjective a, TrainingObjective b, boolean known) {
        if (a.prediction().isEmpty() && b.prediction().isEmpty()) {
            return Optional.empty();
        }
        boolean same;
        if (a.prediction().isPresent() && b.prediction().isPresent()) {
            same = a.prediction().equals(b.prediction()) && a.zeroSnr() == b.zeroSnr();
        } else {
            String said = a.prediction().or(b::prediction).orElse(NOISE);
            boolean either = said.equals(NOISE) || said.equals(VELOCITY);
            same = known ? said.equals(NOISE) : either;
        }
        return same
                ? Optional.empty()
                : Optional.of(new ConfigDiff.Difference(a.words(), b.words()));
    }

    /**
     * What two checkpoints predict differently, in words for the second; empty where they may be
     * put together.
     */
    public static Optional<String> difference(Checkpoint first, Checkpoint other) {
        boolean known =
                Architecture.of(first).filter(a -> a.family() == Architecture.Family.SD2).isEmpty();
        return difference(of(first), of(other), known)
                .map(d -> d.actual() + " instead of " + d.expected());
    }

    /** The objective in words, with what says it. */
    String words() {
        return prediction.isEmpty()
                ? SILENT
                : prediction.get()
                        + (zeroSnr ? " with zero terminal SNR" : "")
                        + " ("
                        + source
                        + ")";
    }

    /** The configuration beside a file; a class of its own, as hardly any merge asks for it. */
    private static final class Beside {
        private static final int LARGEST_YAML = 1 << 20;
        private static final Pattern PARAMETERIZATION =
                Pattern.compile(
                        "(?m)^[ \\t]*parameterization[ \\t]*:[ \\t]*[\"']?(v|eps|x0)[\"']?[ \\t]*(#.*)?$");
        private static final Pattern SCALING =
                Pattern.compile("(?m)^[ \\t]*target[ \\t]*:[ \\t]*[\"']?\\S*\\.(V|Eps)Scaling\\w*");
        private static final Pattern YAML_ZERO_SNR =
                Pattern.compile(
                        "(?mi)^[ \\t]*(ztsnr|zsnr|zero_snr|zero_terminal_snr|use_zero_terminal_snr"
                                + "|rescale_betas_zero_snr)[ \\t]*:[ \\t]*true\\b");

        private Beside() {}

        static TrainingObjective of(Path file) {
            Optional<Path> yaml = yamlBeside(file);
            if (yaml.isEmpty()) {
                return UNKNOWN;
            }
            String text = yamlText(yaml.get());
            Matcher parameter = PARAMETERIZATION.matcher(text);
            Matcher scaling = SCALING.matcher(text);
            Optional<String> said = Optional.empty();
            if (parameter.find()) {
                String word = parameter.group(1);
                said =
                        Optional.of(
                                word.equals("v") ? VELOCITY : word.equals("eps") ? NOISE : SAMPLE);
            } else if (scaling.find()) {
                said = Optional.of(scaling.group(1).equals("V") ? VELOCITY : NOISE);
            }
            return new TrainingObjective(
                    said,
                    YAML_ZERO_SNR.matcher(text).find(),
                    said.isPresent() ? String.valueOf(yaml.get().getFileName()) : "");
        }

        /** The text of such a configuration; empty if it is too large to be one. */
        private static String yamlText(Path yaml) {
            try {
                return Files.size(yaml) > LARGEST_YAML
                        ? ""
                        : new String(Files.readAllBytes(yaml), StandardCharsets.ISO_8859_1);
            } catch (IOException e) {
                throw new SoupIoException("read", yaml, e);
            }
        }
    }
}
