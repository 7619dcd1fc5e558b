package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.SumExceptions;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.soup.average.Averager;
import org.diffusionsoup.core.soup.average.MeanTask;
import org.diffusionsoup.core.soup.average.MergeTask;
import org.diffusionsoup.core.soup.average.NonFiniteWeightsException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Carries out a plan: averages part by part into the output, and keeps the sum if that was asked
 * for.
 */
final class SoupRun {
    private final SoupOptions options;
    private final AverageKernel.Factory kernels;
    private final long bufferBytes;
    private final ExecutorService workers;
    private AveragePlan plan;
    private long totalBytes;
    private long doneBytes;
    private long averaged;
    private long tensors;
    private long parameters;

    SoupRun(
            AveragePlan plan,
            SoupOptions options,
            AverageKernel.Factory kernels,
            long bufferBytes,
            ExecutorService workers) {
        this.plan = plan;
        this.options = options;
        this.kernels = kernels;
        this.bufferBytes = bufferBytes;
        this.workers = workers;
    }

    /**
     * @param whenReady called when averaging begins
     * @param late hashes that are taken meanwhile
     */
    Soup make(Path output, Runnable whenReady, LateHashes late) {
        String note = "";
        if (options.keepSum()) {
            note = keepSum(output, () -> average(output, whenReady, late));
        } else {
            average(output, whenReady, late);
            note = KeptSum.left(output);
        }
        return new Soup(
                output,
                plan.listed(),
                plan.tensors().size(),
                tensors,
                parameters,
                averaged,
                Stream.concat(plan.remarks(), Stream.of(note))
                        .filter(n -> !n.isEmpty())
                        .collect(Collectors.joining(" ")),
                plan.copied());
    }

    private void average(Path output, Runnable whenReady, LateHashes late) {
        doneBytes = 0;
        totalBytes = 0;
        Map<String, StateDict> written = new LinkedHashMap<>();
        MeanTask mean =
                new MeanTask(plan.coefficients(), options.allowNonFinite(), kernels, whenReady);
        try (Averager averager = averager(mean, "averaging", late.digests())) {
            for (String part : plan.tensors().keySet()) {
                StateDict p = part(part, averager);
                written.put(part, late.isEmpty() ? p : p.withLast(() -> lateHeader(part, late)));
            }
            options.writer().write(plan.layout(), written, output);
        }
        averaged = doneBytes;
    }

    /** The header of a part whose ingredients have been read, and so hashed, by now. */
    private Map<String, String> lateHeader(String part, LateHashes late) {
        plan = plan.withHashes(late.taken());
        return plan.metadata(part);
    }

    private Averager averager(MergeTask task, String what, Map<TensorSource, TurnDigest> digests) {
        return new Averager(
                task,
                workers,
                options.threads(),
                bufferBytes,
                n -> {
                    doneBytes += n;
                    options.progress().update(what, doneBytes, totalBytes);
                },
                digests);
    }

    private StateDict part(String name, Averager averager) {
        List<TensorPlan> planned = plan.tensors().getOrDefault(name, List.of());
        tensors += planned.size();
        for (TensorPlan t : planned) {
            totalBytes += t.byteSize();
            parameters += t.dtype().isFloat() ? t.elements() : 0;
        }
        return averager.stateDict(plan.metadata(name), plan.sources(name), planned);
    }

    /**
     * Keeps the sum, for which all ingredients are read once more, and averages once all of it is
     * written: where one cannot be, nothing that stood there is touched.
     *
     * @return empty, or why no sum was kept
     */
    private String keepSum(Path output, Runnable average) {
        if (!options.policy().refusesAll()) {
            average.run();
            return "No sum was kept: the ingredients are not required to be alike.";
        }
        BigInteger scale = KeptSum.scale(plan.members());
        List<Long> weights =
                plan.coefficients().stream()
                        .map(a -> Math.multiplyExact(a, scale.longValueExact()))
                        .toList();
        TreeMap<String, String> checksums = new TreeMap<>();
        try {
            AtomicFiles.replaceFolder(
                    KeptSum.folderOf(output),
                    KeptSum.KIND,
                    to -> {
                        for (String part : plan.tensors().keySet()) {
                            sum(part, weights, to).finish(to, checksums);
                        }
                        average.run(); // from now on the plan knows all hashes
                        List<Member> members =
                                plan.members().stream()
                                        .map(m -> m.withA(m.a().multiply(scale)))
                                        .toList();
                        new KeptSum(to, members, plan.settings(), checksums).writeIndex(to);
                    });
            return "";
        } catch (SumExceptions.TooMany e) { // only from sum
            average.run();
            return String.valueOf(e.getMessage());
        } catch (NonFiniteWeightsException e) {
            if (!options.allowNonFinite()) {
                throw e;
            }
            average.run();
            return "No sum was kept: NaN or infinities could not be taken out of it again; withdrawing means averaging again.";
        }
    }

    private NewSum sum(String part, List<Long> weights, Path to) {
        List<TensorSource> sources = plan.sources(part);
        NewSum made = NewSum.of(part);
        List<TensorPlan> sums = new ArrayList<>();
        for (TensorPlan t : plan.tensors().getOrDefault(part, List.of())) {
            if (t.inputs().length < sources.size()) {
                throw new SumExceptions.TooMany(
                        "No sum was kept: not every ingredient has tensor '"
                                + t.name()
                                + "'; withdrawing means averaging again.");
            }
            if (t.isComputed()) {
                List<DType> dtypes = new ArrayList<>();
                sources.forEach(s -> dtypes.add(s.tensor(t.name()).dtype()));
                if (TensorNames.isMask(t.name())) {
                    throw new SumExceptions.TooMany(
                            "No sum was kept: tensor '"
                                    + t.name()
                                    + "' is a mask; withdrawing means averaging again.");
                }
                if (dtypes.contains(DType.F64)) {
                    throw new SumExceptions.TooMany(
                            "No sum was kept: tensor '"
                                    + t.name()
                                    + "' is F64; withdrawing means averaging again.");
                }
                sums.add(t.as(SumTask.dtype(dtypes)));
            }
        }
        try (Averager averager =
                averager(new SumTask(weights, made), KeptSum.progressOf(part), Map.of())) {
            StateDict sum = averager.stateDict(Map.of(), sources, sums);
            doneBytes = 0;
            totalBytes = sum.bytes();
            SafetensorsWriter.write(to.resolve(KeptSum.sums(part)), sum);
        }
        return made;
    }
}
