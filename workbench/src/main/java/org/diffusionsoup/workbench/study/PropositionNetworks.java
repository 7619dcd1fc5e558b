package org.diffusionsoup.workbench.study;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.mixture.Combination;
import org.diffusionsoup.eval.mixture.DensityGrid;
import org.diffusionsoup.eval.mixture.Gaussian;
import org.diffusionsoup.eval.mixture.Mixture;
import org.diffusionsoup.eval.mixture.ReverseDiffusion;
import org.diffusionsoup.eval.mixture.ReverseDiffusion.Scores;
import org.diffusionsoup.eval.scorenet.ScoreNetwork;
import org.diffusionsoup.eval.scorenet.ScoreTraining;
import org.diffusionsoup.eval.scorenet.ShardNetworks;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;

/**
 * Score networks in place of exact scores. A base is trained on the union of all cases' shards, as
 * a foundation model is on much else than a shard; a copy of it is fine-tuned on each shard, and
 * one, the paragon, on both shards with as many steps as both copies. Then ensembles and soups of
 * the two copies sample.
 *
 * <p>All of it is computed by one thread: the order of additions, and with it the last bits, would
 * otherwise depend on how many there are.
 */
final class PropositionNetworks implements AutoCloseable {
    private static final int BATCH = 256;
    private static final int BASE_STEPS = 4; // times those of a shard
    private static final double BASE_RATE = 2e-3;
    private static final double RATE = 1e-3;
    private static final int STRIDE = 4;

    /** Names of the rows, in their order. */
    static final String FIRST = "first network";

    private static final String SECOND = "second network";
    private static final String ENSEMBLE = "ensemble";
    private static final String SOUP = "soup";
    private static final String WEIGHTED = "weighted ensemble";
    private static final String RESOUPED = "soup per sample";
    private static final String PARAGON = "paragon";

    /** Those that pictures show, behind the two networks' own. */
    static final List<String> SHOWN = List.of(ENSEMBLE, SOUP, WEIGHTED, RESOUPED);

    private final SampleDistances distances;
    private final int steps;
    private final long seed;
    private final Progress progress;
    private final ScoreNetwork base;
    private final int threadsBefore = Torch.threads();

    /**
     * Trains the base.
     *
     * @param steps of a shard's network
     */
    PropositionNetworks(SampleDistances distances, int steps, long seed, Progress progress) {
        this.distances = distances;
        this.steps = steps;
        this.seed = seed;
        this.progress = progress;
        Torch.setThreads(1);
        base = ScoreNetwork.untrained(seed);
        progress.start("train the base network", (long) BASE_STEPS * steps, "steps");
        train(
                base,
                PropositionStudy.reverse(Combination.ARITHMETIC, PropositionCase.ALL.getFirst()),
                union(PropositionCase.ALL.stream().flatMap(c -> c.shards().stream()).toList()),
                BASE_STEPS * steps,
                BASE_RATE,
                1);
    }

    /** How the networks are trained and sampled. */
    PropositionResults.Training training() {
        return new PropositionResults.Training(
                BASE_STEPS * steps,
                steps,
                BATCH,
                BASE_RATE,
                RATE,
                PropositionStudy.timesteps() / STRIDE);
    }

    /** Rows of one case, and their samples as pictures by the rows' names. */
    record Measured(List<PropositionResults.NetworkRow> rows, Map<String, RgbImage> pictures) {}

    /** Fine-tunes, combines and samples. */
    Measured measure(PropositionCase c, int index) {
        ReverseDiffusion process = PropositionStudy.reverse(Combination.ARITHMETIC, c);
        List<ScoreNetwork> networks = new ArrayList<>();
        try {
            progress.start(c.name() + ": train networks", 4L * steps, "steps");
            long own = 2 + 3L * index;
            for (Mixture shard : c.shards()) {
                networks.add(tuned(process, shard, steps, own++));
            }
            networks.add(tuned(process, union(c.shards()), 2 * steps, own));
            networks.add(ScoreNetwork.soup(networks.subList(0, 2), 0.5, 0.5));
            return sampled(c, process, networks);
        } finally {
            networks.forEach(ScoreNetwork::close);
        }
    }

    private Measured sampled(
            PropositionCase c, ReverseDiffusion process, List<ScoreNetwork> networks) {
        ShardNetworks shards = new ShardNetworks(process, networks.subList(0, 2));
        Measured out = new Measured(new ArrayList<>(), new LinkedHashMap<>());
        progress.start(c.name() + ": sample by networks", 7, "ways");
        for (int i = 0; i < 2; i++) {
            PropositionCase alone = new PropositionCase(c.name(), List.of(c.shards().get(i)));
            Target target = target(i == 0 ? "first" : "second", Combination.ARITHMETIC, alone);
            add(i == 0 ? FIRST : SECOND, target, shards.of(networks.get(i)), out);
        }
        Target geometric = target("geometric mean", Combination.GEOMETRIC, c);
        add(ENSEMBLE, geometric, shards.ensemble(), out);
        add(SOUP, geometric, shards.of(networks.get(3)), out);
        Target arithmetic = target("arithmetic mean", Combination.ARITHMETIC, c);
        add(WEIGHTED, arithmetic, shards.weighted(), out);
        add(RESOUPED, arithmetic, shards.resouped(), out);
        add(PARAGON, arithmetic, shards.of(networks.get(2)), out);
        return out;
    }

    /** What should be sampled, and what exact scores sample by the same noise. */
    private record Target(
            String name, DensityGrid wanted, ReverseDiffusion process, List<double[][]> exact) {}

    private Target target(String name, Combination how, PropositionCase c) {
        DensityGrid wanted = PropositionStudy.grid(how, c.shards());
        ReverseDiffusion process = PropositionStudy.reverse(how, c);
        return new Target(
                name, wanted, process, samples(wanted, process, process.exact(), true).samples());
    }

    private void add(String by, Target target, Scores scores, Measured out) {
        SampleDistances.Measured measured =
                samples(target.wanted(), target.process(), scores, false);
        out.rows()
                .add(
                        new PropositionResults.NetworkRow(
                                by,
                                target.name(),
                                measured.row(),
                                SampleDistances.between(measured.samples(), target.exact())));
        out.pictures().put(by, measured.picture(PropositionStudy.HALF));
        progress.advance(1);
    }

    private SampleDistances.Measured samples(
            DensityGrid wanted, ReverseDiffusion process, Scores scores, boolean parallel) {
        return distances.measure(
                wanted,
                PropositionStudy.BINS,
                (count, random) -> process.sample(count, random, scores, STRIDE),
                parallel);
    }

    private ScoreNetwork tuned(ReverseDiffusion process, Mixture of, int howMany, long own) {
        ScoreNetwork network = ScoreNetwork.soup(List.of(base), 1);
        train(network, process, of, howMany, RATE, own);
        return network;
    }

    private void train(
            ScoreNetwork network,
            ReverseDiffusion process,
            Mixture of,
            int howMany,
            double rate,
            long own) {
        new ScoreTraining(process, BATCH)
                .train(network, of, howMany, rate, seed * 1000 + own, () -> progress.advance(1));
    }

    /** All with equal shares. */
    private static Mixture union(List<Mixture> of) {
        List<Gaussian> all = new ArrayList<>();
        of.forEach(m -> all.addAll(m.components()));
        return new Mixture(all);
    }

    @Override
    public void close() {
        base.close();
        Torch.setThreads(threadsBefore);
    }
}
