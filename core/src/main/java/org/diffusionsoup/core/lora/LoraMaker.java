package org.diffusionsoup.core.lora;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.AdapterKey.Role;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.convert.Converter;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Makes LoRAs of others and of models: means of products, differences, smaller ranks. Whatever is
 * made says how far each update is from the exact one.
 */
public final class LoraMaker {
    private final LoraOutput output;
    private final SoupProgress progress;

    /**
     * Makes a file, and tells how many tensors are done, not how many bytes: of a difference all of
     * the models', most of which need no update; otherwise those that are updated.
     */
    public LoraMaker(LoraOutput output, SoupProgress progress) {
        this.output = output;
        this.progress = progress;
    }

    /**
     * The weighted mean of LoRAs, that is of their products: a model with the mean in it is the
     * mean of the models with one of them each. A LoRA that does not update a tensor counts as a
     * zero there. Factors are never averaged, since the product of means is another matrix.
     *
     * @param loras two or more, each with its weight; weights are scaled to sum to 1
     * @param rank of the mean as factors again; empty for whole updates, each value rounded once
     * @throws SoupException if they do not fit each other, or one is a DoRA
     */
    public MadeLora mean(List<LoraFusion.Term> loras, OptionalInt rank) {
        double total = loras.stream().mapToDouble(LoraFusion.Term::strength).sum();
        if (loras.size() < 2 || !(Math.abs(total) > 0)) {
            throw new SoupException(
                    "A mean needs two LoRAs or more, and weights that do not sum to 0.");
        }
        Map<LoraTarget, List<Weighted>> targets = new TreeMap<>();
        for (LoraFusion.Term t : loras) {
            for (LoraLayer layer : t.lora().layers()) {
                refuseDora(t.lora(), layer);
                targets.computeIfAbsent(layer.target(), x -> new ArrayList<>())
                        .add(new Weighted(layer, t.strength() / total));
            }
        }
        targets.values().forEach(LoraMaker::checkAlike);
        Making making = new Making(targets.size());
        targets.forEach((target, of) -> {
            long[] shape = shape(of);
            if (rank.isEmpty() || shape.length < 2) {
                making.whole(target, shape, mean(of));
            } else {
                making.factor(target, shape, of, rank.getAsInt());
            }
        });
        return making.write(LoraRecipes.mean(loras, total, rank), List.of());
    }

    /**
     * The difference of two models as a LoRA.
     *
     * @param base the model that the LoRA is for
     * @param tuned the model that base and LoRA together come close to
     * @param rank of the factors
     * @param vectors whether differences of norms and biases, which have no rank, are kept whole;
     *     otherwise they are left out, which is said
     * @throws SoupException if the models' denoisers or text encoders are not alike
     */
    public MadeLora difference(Checkpoint base, Checkpoint tuned, int rank, boolean vectors) {
        Map<String, TensorSource> from = Converter.view(base);
        Map<String, TensorSource> to = Converter.view(tuned);
        Map<LoraTarget, TensorInfo> targets = new TreeMap<>();
        from.forEach((component, source) -> {
            if (component.equals("unet") || component.startsWith("text_encoder")) {
                TensorSource other = to.get(component);
                if (other == null) {
                    throw new SoupException(
                            "%s has no component '%s', and %s has; a LoRA is the difference of models that are alike."
                                    .formatted(tuned.path(), component, base.path()));
                }
                source.tensors()
                        .values()
                        .forEach(t -> {
                            if (t.dtype().isFloat()) {
                                alike(base, tuned, component, t, other);
                                targets.put(new LoraTarget(component, t.name()), t);
                            }
                        });
            }
        });
        Making making = new Making(targets.size());
        double left = 0;
        int without = 0;
        for (var e : targets.entrySet()) {
            LoraTarget target = e.getKey();
            Difference d = new Difference(from, to, target, e.getValue().shape());
            Matrix delta = d.get();
            double norm = delta.norm();
            boolean matrix = d.shape.length > 1 && isModule(target);
            if (norm > 0 && matrix) {
                making.factor(target, d.shape, TruncatedSvd.of(delta, rank), delta);
            } else if (norm > 0 && vectors && isModule(target)) {
                making.whole(target, d.shape, d::get);
            } else if (norm > 0) {
                left += norm * norm;
                without++;
                making.step();
            } else {
                making.step();
            }
        }
        making.leftOut(left);
        List<String> notes = new ArrayList<>();
        if (without > 0) {
            double share = Math.sqrt(left) / making.norm();
            notes.add(
                    String.format(
                            Locale.ROOT,
                            "%s left out, since a LoRA holds matrices of modules only, not norms, biases or embeddings: %.1f %% of the difference's norm%s.",
                            Plural.of(without, "tensor that differs is", "tensors that differ are"),
                            100 * share,
                            vectors ? "" : "; `vectors` keeps norms and biases"));
        }
        return making.write(LoraRecipes.difference(base, tuned, rank, vectors), notes);
    }

    /**
     * The same LoRA at a smaller rank. Updates of that rank or below keep their factors.
     *
     * @throws SoupException if it is a DoRA
     */
    public MadeLora resize(Lora lora, int rank) {
        Making making = new Making(lora.layers().size());
        for (LoraLayer layer : lora.layers()) {
            refuseDora(lora, layer);
            long[] shape = layer.shape();
            boolean plain = layer.algorithm() == LoraLayer.Algorithm.LORA;
            if (shape.length < 2) {
                making.whole(layer.target(), shape, () -> layer.product());
            } else if (plain && layer.rank().getAsInt() <= rank) {
                making.keep(
                        new NewLayer.Factored(
                                layer.target(),
                                shape,
                                layer.matrix(Role.UP),
                                layer.matrix(Role.DOWN),
                                layer.factor() * layer.rank().getAsInt()));
            } else {
                making.factor(layer.target(), shape, List.of(new Weighted(layer, 1)), rank);
            }
        }
        return making.write(LoraRecipes.resize(lora, rank), List.of());
    }

    private record Weighted(LoraLayer layer, double weight) {
        boolean isPlain() {
            return layer.algorithm() == LoraLayer.Algorithm.LORA;
        }
    }

    /** A tensor's difference, computed when it is asked for. */
    @SuppressWarnings("ArrayRecordComponent") // internal
    private record Difference(
            Map<String, TensorSource> from,
            Map<String, TensorSource> to,
            LoraTarget target,
            long[] shape) {
        Matrix get() {
            Matrix a = read(from);
            Matrix b = read(to);
            for (int i = 0; i < a.values().length; i++) {
                b.values()[i] -= a.values()[i];
            }
            return b;
        }

        private Matrix read(Map<String, TensorSource> model) {
            TensorSource source = Objects.requireNonNull(model.get(target.component()));
            TensorInfo t = source.tensor(target.tensor());
            int n = Math.toIntExact(t.elements());
            double[] values = new double[n];
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment bytes = arena.allocate(Math.max(1, t.byteSize()), 8);
                source.read(t.name(), 0, bytes.asSlice(0, t.byteSize()));
                Elements.decode(t.dtype(), bytes, values, n);
            }
            int rows = shape.length == 0 ? 1 : Math.toIntExact(shape[0]);
            return new Matrix(values, rows, n / Math.max(1, rows));
        }
    }

    private static void alike(
            Checkpoint base, Checkpoint tuned, String component, TensorInfo t, TensorSource other) {
        TensorInfo o = other.tensors().get(t.name());
        if (o == null || !o.sameShape(t) || !o.dtype().isFloat()) {
            throw new SoupException(
                    "%s has '%s' in %s, and %s has %s; a LoRA is the difference of models that are alike."
                            .formatted(
                                    base.path(),
                                    t,
                                    component,
                                    tuned.path(),
                                    o == null ? "none" : o));
        }
    }

    /** Whether adapters can name it: an embedding's rows are looked up, not multiplied with. */
    private static boolean isModule(LoraTarget target) {
        String joined = target.module().replace('.', '_');
        Optional<String> name =
                target.component().equals("unet")
                        ? ModuleNames.unet(joined)
                        : ModuleNames.text(joined);
        return name.isPresent() && !target.module().contains("embeddings");
    }

    private static void refuseDora(Lora lora, LoraLayer layer) {
        if (layer.isDora()) {
            throw new SoupException(
                    "%s is a DoRA ('%s'), whose update depends on the weights it is put into; put it into its model with 'soup lora fuse', and take a LoRA out of that with 'soup lora extract'."
                            .formatted(lora.path(), layer.key()));
        }
    }

    private static void checkAlike(List<Weighted> of) {
        LoraLayer first = of.getFirst().layer;
        for (Weighted w : of) {
            if (count(w.layer.shape()) != count(first.shape())
                    || w.layer.shape()[0] != first.shape()[0]) {
                throw new SoupException(
                        "%s and %s update %s with products of shapes %s and %s; they were made for different models."
                                .formatted(
                                        first.source().path(),
                                        w.layer.source().path(),
                                        first.target(),
                                        Arrays.toString(first.shape()),
                                        Arrays.toString(w.layer.shape())));
            }
        }
    }

    private static long count(long[] shape) {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    /** Of those that mean the same, the one with most dimensions. */
    private static long[] shape(List<Weighted> of) {
        long[] shape = of.getFirst().layer.shape();
        for (Weighted w : of) {
            shape = w.layer.shape().length > shape.length ? w.layer.shape() : shape;
        }
        return shape;
    }

    private static Supplier<Matrix> mean(Collection<Weighted> of) {
        return () -> {
            Matrix sum = Matrix.zero(0, 0);
            for (Weighted w : of) {
                Matrix product = w.layer.product();
                sum = sum.rows() == 0 ? Matrix.zero(product.rows(), product.columns()) : sum;
                double factor = w.layer.factor();
                for (int i = 0; i < product.values().length; i++) {
                    sum.values()[i] += w.weight * (factor * product.values()[i]);
                }
            }
            return sum;
        };
    }

    /** Collects updates and their errors. */
    private final class Making {
        private final List<NewLayer> layers = new ArrayList<>();
        private final List<MadeLora.Layer> made = new ArrayList<>();
        private final int steps;
        private int done;
        private double square;
        private double missed;
        private double left;

        Making(int steps) {
            this.steps = steps;
        }

        void step() {
            done++;
            progress.update("computing", done, steps);
        }

        void leftOut(double squares) {
            square += squares;
            missed += squares;
            left += squares;
        }

        double norm() {
            return Math.sqrt(square);
        }

        void whole(LoraTarget target, long[] shape, Supplier<Matrix> values) {
            double norm = values.get().norm();
            layers.add(new NewLayer.Whole(target, shape, values));
            add(new MadeLora.Layer(target, OptionalInt.empty(), norm, 0));
        }

        /** As it is stored already, but for the dtype. */
        void keep(NewLayer.Factored layer) {
            add(layer, layer.product());
        }

        void factor(LoraTarget target, long[] shape, List<Weighted> of, int rank) {
            Matrix exact = mean(of).get();
            int inner =
                    of.stream()
                            .mapToInt(w -> w.layer.rank().orElse(Integer.MAX_VALUE / 1024))
                            .sum();
            boolean thin =
                    of.stream().allMatch(Weighted::isPlain)
                            && inner <= Math.min(exact.rows(), exact.columns());
            factor(
                    target,
                    shape,
                    thin
                            ? TruncatedSvd.ofProduct(left(of, inner), right(of, inner), rank)
                            : TruncatedSvd.of(exact, rank),
                    exact);
        }

        void factor(LoraTarget target, long[] shape, TruncatedSvd.Factors factors, Matrix exact) {
            add(
                    new NewLayer.Factored(
                            target, shape, factors.up(), factors.down(), factors.down().rows()),
                    exact);
        }

        private void add(NewLayer.Factored layer, Matrix exact) {
            layers.add(layer);
            Matrix stored = layer.rounded(output.dtype()).product();
            double miss = 0;
            for (int i = 0; i < exact.values().length; i++) {
                double d = stored.values()[i] - exact.values()[i];
                miss += d * d;
            }
            double norm = exact.norm();
            add(
                    new MadeLora.Layer(
                            layer.target(),
                            OptionalInt.of(layer.rank()),
                            norm,
                            norm == 0 ? 0 : Math.sqrt(miss) / norm));
        }

        private void add(MadeLora.Layer layer) {
            made.add(layer);
            double miss = layer.relativeError() * layer.norm();
            square += layer.norm() * layer.norm();
            missed += miss * miss;
            step();
        }

        MadeLora write(SoupRecipe recipe, List<String> notes) {
            LoraWriter.write(output, layers, recipe);
            return new MadeLora(
                    output.file(),
                    made,
                    square == 0 ? 0 : Math.sqrt(missed / square),
                    square == 0 ? 0 : Math.sqrt(left / square),
                    size(output.file()),
                    notes);
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static Matrix left(List<Weighted> of, int inner) {
        Matrix out = Matrix.zero(Math.toIntExact(of.getFirst().layer.shape()[0]), inner);
        int at = 0;
        for (Weighted w : of) {
            Matrix up = w.layer.matrix(Role.UP).scaled(w.weight * w.layer.factor());
            for (int i = 0; i < up.rows(); i++) {
                System.arraycopy(
                        up.values(), i * up.columns(), out.values(), i * inner + at, up.columns());
            }
            at += up.columns();
        }
        return out;
    }

    private static Matrix right(List<Weighted> of, int inner) {
        Matrix first = of.getFirst().layer.matrix(Role.DOWN);
        Matrix out = Matrix.zero(inner, first.columns());
        int at = 0;
        for (Weighted w : of) {
            Matrix down = w.layer.matrix(Role.DOWN);
            System.arraycopy(down.values(), 0, out.values(), at, down.values().length);
            at += down.values().length;
        }
        return out;
    }
}
