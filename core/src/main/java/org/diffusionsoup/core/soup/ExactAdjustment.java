package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.OutputLayout;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.kernel.SumExceptions;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.mismatch.TensorPlan.Mode;
import org.diffusionsoup.core.safetensors.CheckedSource;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.soup.SoupAdjuster.Request;
import org.diffusionsoup.core.soup.average.Averager;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Takes ingredients into a soup or out of it by way of the sum kept beside it: the weight files are
 * those that averaging the remaining ingredients afresh would give, byte for byte.
 */
final class ExactAdjustment {
    /** Which of a part's sources the soup is: after the sum, before what changes. */
    private static final int SOUP = 1;

    private final Request request;
    private final Checkpoint soup;
    private final KeptSum kept;
    private final List<Member> members;
    private final List<Long> signed;
    private final List<Ingredient> changes = new ArrayList<>();
    private final SoupOptions options;
    private final ExecutorService workers;
    private final Recipe recipe;
    private final AdjustedLayout layout;
    private final Map<String, SafetensorsFile> sums = new TreeMap<>();
    private final Map<String, CheckedSource> checked = new TreeMap<>();
    private final Map<String, SumExceptions> exceptions = new TreeMap<>();
    private long total;
    private long done;
    private long written;
    private long tensors;
    private long parameters;

    /**
     * @param kept the sum kept beside the soup
     * @param removed ingredients that leave
     * @param added ingredients that come
     * @throws SoupException if what leaves is not in the sum, what comes is already, nothing would
     *     be left, or averaging what is left would be refused
     */
    ExactAdjustment(
            Request request,
            Checkpoint soup,
            KeptSum kept,
            List<Ingredient> removed,
            List<Ingredient> added,
            SoupOptions options,
            ExecutorService workers) {
        this.request = request;
        this.soup = soup;
        this.kept = kept;
        this.options = options;
        this.workers = workers;
        Set<String> averaged =
                soup.parts().keySet().stream()
                        .filter(kept::has)
                        .collect(Collectors.toCollection(TreeSet::new));
        Recipe old = recipe(kept.members());
        averaged.forEach(part -> checkSameSoup(part, old)); // another soup's sum says nothing
        AdjustedMembers adjusted = AdjustedMembers.of(request, kept, averaged, removed, added);
        this.members = adjusted.members();
        this.signed = adjusted.signed();
        AdjustedAlike alike = new AdjustedAlike(soup, kept, averaged);
        changes.addAll(alike.named(removed));
        List<Ingredient> coming = alike.named(added);
        changes.addAll(coming);
        alike.check(coming, members);
        this.recipe = recipe(members);
        this.layout =
                new AdjustedLayout(
                        request, soup, kept, averaged, members, adjusted.added(), options);
    }

    /** What averaging these would say. */
    private Recipe recipe(List<Member> of) {
        return Recipe.average(
                OutputLayout.of(soup),
                of,
                IngredientTraits.withFirst(kept.options(), of),
                IngredientTraits.objective(of));
    }

    /** Writes the soup, and its sum if that is to be kept. */
    Soup make() {
        long after = sum(members);
        List<String> summed = summed();
        List<Averager> open = new ArrayList<>();
        try {
            if (options.keepSum()) {
                keepSum(summed, () -> write(summed, after, open));
            } else {
                write(summed, after, open);
            }
        } finally {
            open.forEach(Averager::close);
            close();
        }
        List<SoupIngredient> in = new ArrayList<>();
        for (int i = 0; i < recipe.members().size(); i++) {
            String name = recipe.members().get(i).name();
            in.add(new SoupIngredient(name, Path.of(name), recipe.coefficient(i)));
        }
        String left = options.keepSum() ? "" : KeptSum.left(request.output());
        return new Soup(
                request.output(),
                in,
                summed.size(),
                tensors,
                parameters,
                written,
                (layout.note() + " " + left).strip(),
                "");
    }

    private void write(List<String> summed, long after, List<Averager> open) {
        Map<String, StateDict> parts = new LinkedHashMap<>();
        for (String part : summed) {
            parts.put(part, part(part, after, open));
        }
        total = parts.values().stream().mapToLong(StateDict::bytes).sum();
        done = 0;
        intact(() -> options.writer().write(layout.layout(), parts, request.output()));
        written = done;
    }

    /** A damaged sum may look like ingredients that are too large, or hold NaN. */
    private void intact(Runnable work) {
        try {
            work.run();
        } catch (SoupException e) {
            checkSums();
            throw e;
        }
    }

    /** Compares what was read of a part's sum with what was written there. */
    private void checkSum(String part) {
        CheckedSource s = checked.remove(part);
        if (s != null && !request.byCaller()) {
            kept.check(KeptSum.sums(part), s.checksum());
        }
    }

    private void checkSums() {
        if (!request.byCaller()) {
            List.copyOf(checked.keySet()).forEach(this::checkSum);
        }
    }

    /** The parts that the sum has. */
    private List<String> summed() {
        List<String> parts =
                members.getFirst().hashes().keySet().stream().filter(kept::has).toList();
        if (sum(kept.members()) <= 0 || parts.isEmpty()) {
            throw new SoupException("The sum " + kept.folder() + " holds nothing.");
        }
        return parts;
    }

    /** What a caller has to do who reads and writes by himself; {@link #close} follows. */
    SumStep step() {
        long after = sum(members);
        List<SumStep.Part> parts = new ArrayList<>();
        for (String part : summed()) {
            List<TensorSource> sources = sources(part);
            NewSum updated = NewSum.of(part);
            parts.add(
                    new SumStep.Part(
                            part,
                            kept.folder().resolve(KeptSum.sums(part)),
                            sources,
                            checkedPlan(part, sources),
                            recipe.metadata(part),
                            mean(part, after),
                            newSum(part, updated),
                            updated));
        }
        return new SumStep(
                parts,
                (to, checksums) ->
                        new KeptSum(to, members, kept.options(), checksums).writeIndex(to));
    }

    private SumTask.Adjust mean(String part, long after) {
        return new SumTask.Adjust(
                signed, after, members.size(), exceptions(part), Optional.empty());
    }

    private SumTask.Adjust newSum(String part, NewSum updated) {
        return new SumTask.Adjust(
                signed, 1, members.size(), exceptions(part), Optional.of(updated));
    }

    private List<TensorPlan> checkedPlan(String part, List<TensorSource> sources) {
        List<TensorPlan> plan = AdjustedTensors.plan(part, sources, SOUP, computed());
        for (TensorPlan t : plan) {
            AdjustedTensors.checkKept(sources, t);
        }
        return plan;
    }

    private long sum(List<Member> of) {
        return of.stream().map(Member::a).reduce(BigInteger.ZERO, BigInteger::add).longValueExact();
    }

    private void checkSameSoup(String part, Recipe old) {
        if (!Provenance.readFrom(soup.part(part).metadata())
                .map(Provenance::recipe)
                .equals(Optional.of(old.header(part)))) {
            throw new SoupException(
                    "The sum "
                            + kept.folder()
                            + " is not that of "
                            + soup.part(part).path()
                            + ": their recipes differ; average again with `keepSum`.");
        }
    }

    private List<TensorSource> sources(String part) {
        List<TensorSource> sources = new ArrayList<>();
        CheckedSource sum =
                new CheckedSource(
                        sums.computeIfAbsent(
                                part,
                                p -> SafetensorsFile.open(kept.folder().resolve(KeptSum.sums(p)))));
        checked.put(part, sum);
        sources.add(sum);
        sources.add(soup.part(part));
        changes.forEach(c -> sources.add(c.part(part)));
        return sources;
    }

    /** Which of the sources are added up: the sum and what changes. */
    private int[] computed() {
        return IntStream.range(0, changes.size() + 2).filter(i -> i != SOUP).toArray();
    }

    private SumExceptions exceptions(String part) {
        return exceptions.computeIfAbsent(
                part, p -> SumExceptions.read(kept.folder().resolve(KeptSum.exceptions(p)), p));
    }

    private Averager averager(SumTask.Adjust task, String what) {
        return new Averager(
                task,
                workers,
                options.threads(),
                Averager.BUFFER_BYTES / soup.parts().size(),
                n -> {
                    done += n;
                    options.progress().update(what, done, total);
                });
    }

    private StateDict part(String part, long after, List<Averager> open) {
        List<TensorSource> sources = sources(part);
        List<TensorPlan> plan = checkedPlan(part, sources);
        tensors += plan.size();
        plan.stream().filter(t -> t.dtype().isFloat()).forEach(t -> parameters += t.elements());
        Averager averager = averager(mean(part, after), "adjusting");
        open.add(averager);
        Map<String, String> metadata = recipe.metadata(part);
        return averager.stateDict(metadata, sources, plan)
                .withLast(() -> {
                    checkSum(part); // the file does not appear before
                    if (!request.byCaller()) {
                        kept.checkNotReplaced(); // else the other run's change would be lost
                    }
                    return metadata;
                });
    }

    /**
     * Writes the new sum beside the soup, and the soup once all of the sum is written: where one
     * cannot be, neither of the old ones is touched. Ended between the two, the new soup stands
     * beside a sum that is not its own, which {@link #checkSameSoup} notices.
     */
    private void keepSum(List<String> parts, Runnable writeSoup) {
        AtomicFiles.replaceFolder(
                KeptSum.folderOf(request.output()),
                KeptSum.KIND,
                to -> {
                    TreeMap<String, String> checksums = new TreeMap<>();
                    intact(() -> {
                        for (String part : parts) {
                            newSum(part, to).finish(to, checksums);
                            checkSum(part);
                        }
                    });
                    new KeptSum(to, members, kept.options(), checksums).writeIndex(to);
                    writeSoup.run();
                });
    }

    private NewSum newSum(String part, Path to) {
        List<TensorSource> sources = sources(part);
        NewSum updated = NewSum.of(part);
        List<TensorPlan> plan = new ArrayList<>();
        for (TensorInfo t : sources.getFirst().tensors().values()) {
            plan.add(
                    new TensorPlan(part, t.name(), t.shape(), t.dtype(), computed(), Mode.AVERAGE));
        }
        try (Averager averager = averager(newSum(part, updated), KeptSum.progressOf(part))) {
            StateDict sum = averager.stateDict(Map.of(), sources, plan);
            done = 0;
            total = sum.bytes();
            SafetensorsWriter.write(to.resolve(KeptSum.sums(part)), sum);
        }
        return updated;
    }

    /** Closes what this opened; {@link #make} does so itself. */
    void close() {
        sums.values().forEach(TensorSource::close);
        layout.close();
    }
}
