package org.diffusionsoup.workbench.evaluate;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;

/**
 * Denoising losses of models beside each other, on the same pictures. Lower is better.
 *
 * @param rows one per model, in the order given; differences are to the first
 * @param best the model whose paired interval to every other lies below 0, if there is one and all
 *     can be compared
 */
public record LossTable(List<Row> rows, Optional<String> best) {

    /**
     * One model.
     *
     * @param loss its losses per picture
     * @param own mean of the loss in its own target, interval over pictures
     * @param noise mean of the loss in the noise ε
     * @param toFirst paired difference to the first model; empty in its own row, and where the two
     *     measure different things
     * @param unlike why there is no difference; empty if there is one
     */
    public record Row(
            ModelLoss loss,
            Interval own,
            Interval noise,
            Optional<Difference> toFirst,
            Optional<String> unlike) {}

    /**
     * A model's mean loss less another's, paired by picture.
     *
     * @param in the target both losses are measured in: their own where it is the same, otherwise
     *     the noise
     * @param interval below 0 where the model is better
     */
    public record Difference(PredictionType in, Interval interval) {}

    public LossTable {
        rows = List.copyOf(rows);
    }

    /**
     * Compares models.
     *
     * @param losses at least one, of the same two or more pictures in the same order
     */
    public static LossTable of(List<ModelLoss> losses, Bootstrap bootstrap) {
        ModelLoss first = losses.getFirst();
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < losses.size(); i++) {
            ModelLoss m = losses.get(i);
            Optional<String> unlike = m.unlike(first);
            rows.add(
                    new Row(
                            m,
                            bootstrap.mean(values(m.own())),
                            bootstrap.mean(values(m.noise())),
                            i == 0 || unlike.isPresent()
                                    ? Optional.empty()
                                    : Optional.of(difference(m, first, bootstrap)),
                            unlike));
        }
        Optional<String> best =
                IntStream.range(0, losses.size())
                        .filter(i -> losses.size() > 1 && isBelowAll(losses, i, bootstrap))
                        .mapToObj(i -> losses.get(i).model())
                        .findFirst();
        return new LossTable(rows, best);
    }

    private static boolean isBelowAll(List<ModelLoss> losses, int at, Bootstrap bootstrap) {
        ModelLoss m = losses.get(at);
        return IntStream.range(0, losses.size())
                .filter(i -> i != at)
                .mapToObj(losses::get)
                .allMatch(o ->
                        m.unlike(o).isEmpty() && difference(m, o, bootstrap).interval().high() < 0);
    }

    private static Difference difference(ModelLoss a, ModelLoss b, Bootstrap bootstrap) {
        return a.target() == b.target()
                ? new Difference(
                        a.target(), bootstrap.pairedDifference(values(a.own()), values(b.own())))
                : new Difference(
                        PredictionType.EPSILON,
                        bootstrap.pairedDifference(values(a.noise()), values(b.noise())));
    }

    private static double[] values(List<Double> list) {
        return list.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
