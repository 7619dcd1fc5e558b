package org.diffusionsoup.core.mismatch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Architecture;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.ConfigDiff;
import org.diffusionsoup.core.checkpoint.ConfigDiff.Difference;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.DiffusersFolder.Component;
import org.diffusionsoup.core.checkpoint.ExtraComponents;
import org.diffusionsoup.core.checkpoint.ExtraComponents.Holder;
import org.diffusionsoup.core.checkpoint.SchedulerClass;
import org.diffusionsoup.core.checkpoint.ShardedSafetensors;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.mismatch.Mismatch.Cause;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.mismatch.Mismatches.Header;
import org.diffusionsoup.core.mismatch.Mismatches.Model;
import org.jspecify.annotations.Nullable;

/** Compares what diffusers folders, and the headers of single files, hold besides weights. */
final class FolderFiles {
    /** How a message calls what a single file says it was trained to predict. */
    static final String OBJECTIVE = "what it predicts";

    private static final String ANOTHER = "another content";

    private final List<Mismatch> found = new ArrayList<>();
    private final SortedSet<String> reworded = new TreeSet<>();
    private final boolean refused;
    private final CopiedComponents copied;

    private FolderFiles(MismatchPolicy policy, CopiedComponents copied) {
        this.copied = copied;
        this.refused = policy.files() == OnFiles.REFUSE;
    }

    /**
     * @param copied whose files are the first's
     */
    static FolderFiles compare(List<Model> models, MismatchPolicy policy, CopiedComponents copied) {
        FolderFiles files = new FolderFiles(policy, copied);
        Model first = models.getFirst();
        ExtraComponents kept =
                policy.extra() == OnExtra.KEEP
                        ? ExtraComponents.of(
                                models.stream().map(Model::folder).toList(), part -> true)
                        : ExtraComponents.none();
        for (int i = 1; i < models.size(); i++) {
            Model other = models.get(i);
            if (first.folder().isPresent() && other.folder().isPresent()) {
                files.folders(i, first, other, kept.holders().keySet());
            } else if (!first.header().says(other.header())) {
                files.headers(i, first, other);
            }
        }
        kept.holders().values().forEach(files::holders);
        return files;
    }

    List<Mismatch> found() {
        return found;
    }

    /** Files of the first that others have in other words, which say the same. */
    SortedSet<String> reworded() {
        return reworded;
    }

    /**
     * Compares a folder with the first.
     *
     * @param kept components that are not compared with the first, which lacks them
     */
    private void folders(int input, Model first, Model other, Set<String> kept) {
        DiffusersFolder a = first.folder().orElseThrow();
        DiffusersFolder b = other.folder().orElseThrow();
        Set<String> without = onlyIn(first, b);
        without.addAll(onlyIn(other, a));
        without.addAll(kept);
        contents(input, others(first, a), others(other, b), without);
    }

    /** Compares what single files carry in their headers, and what they say they predict. */
    private void headers(int input, Model first, Model other) {
        Header a = first.header();
        Header b = other.header();
        int before = found.size();
        SequencedMap<String, byte[]> mine = CarriedConfigs.of(a.file(), a.entries());
        SequencedMap<String, byte[]> its = CarriedConfigs.of(b.file(), b.entries());
        boolean both = !mine.isEmpty() && !its.isEmpty();
        boolean told = false;
        Set<String> names = both ? new TreeSet<>(mine.keySet()) : Set.of();
        for (String name : names) {
            byte[] x = mine.get(name);
            byte[] y = its.get(name);
            Optional<Difference> d =
                    x != null && y != null
                            ? ConfigDiff.between(name, x, y, Set.of())
                            : Optional.empty();
            if (d.isPresent()) {
                told |= name.equals(CarriedConfigs.SCHEDULER);
                add(input, name, d.get());
            }
        }
        if (both) {
            vocabularies(input, mine, its);
        }
        if (told && found.size() > before) {
            return;
        }
        TrainingObjective.difference(a.objective(), b.objective(), !isSecond(first))
                .ifPresent(d -> add(input, OBJECTIVE, d));
    }

    /** A vocabulary that is not carried is CLIP's, which a carried one is not. */
    private void vocabularies(int input, Map<String, byte[]> mine, Map<String, byte[]> its) {
        for (String tokenizer : List.of("tokenizer", "tokenizer_2")) {
            String vocabulary = tokenizer + "/vocab.json";
            if (mine.containsKey(vocabulary) != its.containsKey(vocabulary)) {
                String own = "a vocabulary of its own";
                boolean first = mine.containsKey(vocabulary);
                add(
                        input,
                        vocabulary,
                        new Difference(first ? own : "CLIP's", first ? "CLIP's" : own));
            }
        }
    }

    /** Stable Diffusion 2 comes with either objective, and its files do not say which. */
    private static boolean isSecond(Model model) {
        return model.looksLike().orElse("").contains(Architecture.Family.SD2.title());
    }

    /** Compares a component that the first lacks with that of the first who has it. */
    private void holders(List<Holder> holders) {
        Component first = holders.getFirst().component();
        for (Holder h : holders.subList(1, holders.size())) {
            if (!ExtraComponents.sameClass(first, h.component())) {
                add(h.input(), DiffusersFolder.INDEX, "there", ANOTHER);
            }
            contents(
                    h.input(),
                    ExtraComponents.files(first),
                    ExtraComponents.files(h.component()),
                    Set.of());
        }
    }

    /**
     * Compares files.
     *
     * @param without components that are not compared
     */
    private void contents(
            int input, Map<String, Path> mine, Map<String, Path> its, Set<String> without) {
        TreeSet<String> all = new TreeSet<>(mine.keySet());
        all.addAll(its.keySet());
        all.removeIf(f -> without.contains(DiffusersFolder.componentOf(f)) || copied.has(f));
        for (String f : all) {
            Path a = mine.get(f);
            Path b = its.get(f);
            if (a == null || b == null) {
                add(input, f, there(a), there(b));
            } else {
                difference(f, a, b, f.equals(DiffusersFolder.INDEX) ? without : Set.of())
                        .ifPresent(d -> add(input, f, d));
            }
        }
    }

    private static String there(@Nullable Path file) {
        return file == null ? "absent" : "there";
    }

    private void add(int input, String file, Difference d) {
        add(input, file, d.expected(), d.actual().isEmpty() ? ANOTHER : d.actual());
    }

    private void add(int input, String file, String expected, String actual) {
        found.add(new Mismatch(Cause.FILE, input, "", file, expected, actual, refused));
    }

    /** Components with weights that another folder lacks, which is told of the components. */
    private static Set<String> onlyIn(Model model, DiffusersFolder other) {
        Set<String> only = new TreeSet<>(model.parts().keySet());
        only.removeAll(other.components().keySet());
        return only;
    }

    /** Files of the compared components and of the folder itself. */
    private static SortedMap<String, Path> others(Model model, DiffusersFolder folder) {
        SortedMap<String, Path> files = new TreeMap<>();
        folder.otherFiles().stream()
                .filter(f -> !ShardedSafetensors.isIndex(Path.of(f)))
                .filter(f -> {
                    String part = DiffusersFolder.componentOf(f);
                    DiffusersFolder.Component c = folder.components().get(part);
                    return c == null
                            || c.weightFiles().isEmpty()
                            || model.parts().containsKey(part);
                })
                .forEach(f -> files.put(f, folder.path().resolve(f)));
        return files;
    }

    /**
     * What two files say differently of the model.
     *
     * @param without fields that are not compared
     */
    private Optional<Difference> difference(String name, Path a, Path b, Set<String> without) {
        try {
            if (Files.mismatch(a, b) < 0) {
                return Optional.empty();
            }
            Optional<Difference> found =
                    ConfigDiff.between(name, content(name, a), content(name, b), without);
            if (found.isEmpty() && without.isEmpty()) {
                reworded.add(name);
            }
            return found;
        } catch (IOException e) {
            throw new SoupIoException("read", b, e);
        }
    }

    /** Of a scheduler's settings, with the class that the index names, which is compared there. */
    private static byte[] content(String name, Path file) throws IOException {
        return name.equals(CarriedConfigs.SCHEDULER)
                ? SchedulerClass.settings(file.resolve("../..").normalize())
                : Files.readAllBytes(file);
    }
}
