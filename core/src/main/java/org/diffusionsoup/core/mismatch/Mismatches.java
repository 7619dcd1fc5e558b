package org.diffusionsoup.core.mismatch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.ModelGuess;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.mismatch.Mismatch.Cause;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * How checkpoints that are to be averaged differ from the first of them, what a policy makes of it,
 * and, unless it refuses, who supplies each tensor of the output. Only headers are looked at.
 */
public final class Mismatches {
    /**
     * What is compared of one checkpoint.
     *
     * @param name how messages call it
     * @param parts its state dicts by component; the empty name for a checkpoint of one file
     * @param folder the diffusers folder whose other files are compared; empty for other layouts
     * @param header what a single file says of itself
     */
    public record Model(
            String name,
            SequencedMap<String, SequencedMap<String, TensorInfo>> parts,
            Optional<DiffusersFolder> folder,
            Header header) {
        public Model {
            parts = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(parts));
        }

        /** A model of which nothing but tensors and the folder is known. */
        public Model(
                String name,
                SequencedMap<String, SequencedMap<String, TensorInfo>> parts,
                Optional<DiffusersFolder> folder) {
            this(name, parts, folder, Header.NONE);
        }

        /**
         * What model it looks like, such as {@code Stable Diffusion XL}; empty where nothing is
         * recognised.
         */
        public Optional<String> looksLike() {
            return ModelGuess.of(parts);
        }

        /** A checkpoint under the name of its path. */
        public static Model of(Checkpoint checkpoint) {
            SequencedMap<String, SequencedMap<String, TensorInfo>> parts = new LinkedHashMap<>();
            checkpoint.parts().forEach((name, source) -> parts.put(name, source.tensors()));
            Header header = checkpoint.folder().isPresent() ? Header.NONE : Header.of(checkpoint);
            return new Model(checkpoint.path().toString(), parts, checkpoint.folder(), header);
        }
    }

    /**
     * What a single file says of what it was trained for, as it says it: compared before anything
     * of it is read.
     *
     * @param file its path
     * @param entries of its header: configurations it carries, and marks
     * @param marks tensors of its own that are marks
     * @param beside the configuration that lies beside it
     */
    public record Header(
            Path file,
            SortedMap<String, String> entries,
            SortedSet<String> marks,
            Optional<Path> beside) {
        private static final List<String> ENTRIES =
                List.of(
                        CarriedConfigs.KEY,
                        TrainingObjective.MODELSPEC,
                        TrainingObjective.PREDICT_KEY);

        private static final List<String> MARKS = TrainingObjective.marks();

        /** Nothing said. */
        static final Header NONE =
                new Header(Path.of(""), new TreeMap<>(), new TreeSet<>(), Optional.empty());

        /**
         * What a single file says.
         *
         * @param checkpoint no diffusers folder
         */
        public static Header of(Checkpoint checkpoint) {
            TensorSource source = checkpoint.part("");
            SortedMap<String, String> entries = said(source.metadata());
            TreeSet<String> marks = new TreeSet<>(MARKS);
            marks.removeIf(m -> !source.tensors().containsKey(m));
            return new Header(
                    checkpoint.path(),
                    entries,
                    marks,
                    TrainingObjective.yamlBeside(checkpoint.path()));
        }

        /** The entries of a header that say something of what the file was trained for. */
        public static SortedMap<String, String> said(Map<String, String> header) {
            TreeMap<String, String> entries = new TreeMap<>(header);
            entries.keySet().retainAll(ENTRIES);
            return entries;
        }

        /** What it is said to predict. */
        public TrainingObjective objective() {
            return TrainingObjective.of(file, entries, marks);
        }

        /** Whether another file says the same in the same words. */
        boolean says(Header other) {
            return entries.equals(other.entries)
                    && marks.equals(other.marks)
                    && beside.isEmpty()
                    && other.beside.isEmpty();
        }
    }

    private final List<Model> models;
    private final List<Mismatch> all;
    private final List<TensorPlan> plan;

    private final SortedSet<String> reworded;

    private final String copied;

    private Mismatches(
            List<Model> models,
            List<Mismatch> all,
            List<TensorPlan> plan,
            SortedSet<String> reworded,
            String copied) {
        this.reworded = reworded;
        this.copied = copied;
        this.models = List.copyOf(models);
        this.all = List.copyOf(all);
        this.plan = List.copyOf(plan);
    }

    /** Compares checkpoints, all their components and other files, with the first. */
    public static Mismatches between(
            Checkpoint first, List<Checkpoint> others, MismatchPolicy policy) {
        return between(first, others, policy, new TreeSet<>());
    }

    /**
     * Compares checkpoints with the first: all their components and other files, or of folders
     * those that are averaged, and the files without weights that say what these mean.
     *
     * @param averaged the only components that are averaged, the rest being copied from the first;
     *     empty for all
     */
    public static Mismatches between(
            Checkpoint first,
            List<Checkpoint> others,
            MismatchPolicy policy,
            SortedSet<String> averaged) {
        List<Model> models = new ArrayList<>(List.of(Model.of(first)));
        others.forEach(o -> models.add(Model.of(o)));
        CopiedComponents copied = new CopiedComponents(averaged);
        return between(
                models.stream().map(copied::without).toList(), policy, copied, copied.note(models));
    }

    /**
     * Compares models with the first of them.
     *
     * @param models at least one
     */
    public static Mismatches between(List<Model> models, MismatchPolicy policy) {
        return between(models, policy, CopiedComponents.NONE, "");
    }

    private static Mismatches between(
            List<Model> models, MismatchPolicy policy, CopiedComponents copied, String note) {
        List<Mismatch> found = new ArrayList<>();
        Model first = models.getFirst();
        for (int i = 1; i < models.size(); i++) {
            Model other = models.get(i);
            // A file's one part has no name, a folder's all have one.
            if (first.parts().containsKey("") != other.parts().containsKey("")) {
                found.add(
                        new Mismatch(Cause.LAYOUT, i, "", "", layout(first), layout(other), true));
            }
        }
        if (!found.isEmpty()) {
            return new Mismatches(models, found, List.of(), new TreeSet<>(), note);
        }
        MismatchFinder finder = new MismatchFinder(models, policy);
        found.addAll(finder.found());
        FolderFiles files = FolderFiles.compare(models, policy, copied);
        found.addAll(files.found());
        return new Mismatches(models, found, finder.plan(), files.reworded(), note);
    }

    private static String layout(Model model) {
        return model.parts().containsKey("") ? "one state dict" : "a folder of components";
    }

    /**
     * Whether a file of a folder is copied from the first, whatever others have there: of a
     * component that is not averaged, and nothing that those which are averaged depend on.
     *
     * @param averaged the only components that are averaged; empty for all
     */
    public static boolean isFirsts(String file, SortedSet<String> averaged) {
        return new CopiedComponents(averaged).has(file);
    }

    /** Files of folders that say the same in other words; of each, where the least text lies. */
    public SortedMap<String, Path> leastTexts() {
        SortedMap<String, Path> least = new TreeMap<>();
        for (String file : reworded) {
            List<Path> all =
                    models.stream()
                            .flatMap(m -> m.folder().stream())
                            .map(f -> f.path().resolve(file))
                            .filter(Files::isRegularFile)
                            .toList();
            Path chosen = all.getFirst();
            for (Path other : all) {
                chosen = isLesser(other, chosen) ? other : chosen;
            }
            least.put(file, chosen);
        }
        return least;
    }

    private static boolean isLesser(Path a, Path b) {
        try {
            return CarriedConfigs.isLesser(Files.readAllBytes(a), Files.readAllBytes(b));
        } catch (IOException e) {
            throw new SoupIoException("read", a, e);
        }
    }

    /** Whether the checkpoints are alike in every respect. */
    public boolean isEmpty() {
        return all.isEmpty();
    }

    /** Whether the policy refuses to average them. */
    public boolean isRefused() {
        return all.stream().anyMatch(Mismatch::refused);
    }

    /** Every difference, those of one cause together, the gravest cause first. */
    public List<Mismatch> all() {
        return all.stream().sorted((a, b) -> a.cause().compareTo(b.cause())).toList();
    }

    /** Number of differences of each cause that there are any of. */
    public SortedMap<Cause, Integer> counts() {
        SortedMap<Cause, Integer> counts = new TreeMap<>();
        all.forEach(m -> counts.merge(m.cause(), 1, Integer::sum));
        return Collections.unmodifiableSortedMap(counts);
    }

    /** The names of the compared checkpoints; {@link Mismatch#input} is an index into them. */
    public List<String> names() {
        return models.stream().map(Model::name).toList();
    }

    /**
     * What the differences look like, one sentence each, for example that one of the checkpoints is
     * an SDXL checkpoint and the others are SD 1.x; empty where nothing is recognised.
     */
    public List<String> guesses() {
        return MismatchGuesses.of(models, all);
    }

    /**
     * What the policy lets pass although the ingredients are models of different configuration, and
     * whose components are copied though others' are of another architecture, in a sentence each;
     * empty where there is nothing of the kind.
     */
    public String note() {
        List<String> said =
                all.stream()
                        .filter(m -> m.cause() == Cause.FILE && !m.refused())
                        .filter(m -> !m.expected().isEmpty() && !m.expected().equals("there"))
                        .filter(m -> !m.actual().equals("absent") && !m.actual().equals("there"))
                        .map(m -> MismatchText.line(names(), m))
                        .toList();
        return said.isEmpty()
                ? copied
                : "Configurations differ, and the first's are taken: "
                        + String.join("; ", said)
                        + "."
                        + (copied.isEmpty() ? "" : " " + copied);
    }

    /**
     * What single files say they predict; empty where none says it, and of folders, whose scheduler
     * says it.
     *
     * @param first the first of them
     */
    public Optional<String> objective(Checkpoint first) {
        if (first.folder().isPresent()) {
            return Optional.empty();
        }
        Header own = models.getFirst().header();
        return models.stream().allMatch(m -> m.header().says(own))
                ? Optional.empty()
                : models.stream()
                        .flatMap(m -> m.header().objective().prediction().stream())
                        .findFirst();
    }

    /** All of it for people to read: differences by cause, guesses, flags that may help. */
    public String message() {
        return MismatchText.of(names(), this);
    }

    /**
     * Every tensor of the output, by part in the first's order (then parts that only others have),
     * and within a part in the first's order (then further keys by name).
     *
     * @throws IncompatibleIngredientsException if the policy refuses; its message is {@link
     *     #message}
     */
    public List<TensorPlan> plan() {
        if (isRefused()) {
            throw new IncompatibleIngredientsException(this);
        }
        return plan;
    }
}
