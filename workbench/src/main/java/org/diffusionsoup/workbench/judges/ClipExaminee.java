package org.diffusionsoup.workbench.judges;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.Proportion;
import org.diffusionsoup.eval.Retrieval;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.judges.question.Said;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.diffusionsoup.workbench.judges.train.Accuracy;
import org.diffusionsoup.workbench.judges.train.PreferencePairs;

/** A CLIP: does a picture find its text among those of all held-out subjects? */
final class ClipExaminee implements Examinee {
    private static final int K = 5;

    private final ClipJudge judge;

    ClipExaminee(Path folder) {
        judge = ClipJudge.load(folder, ClipConvention.RAW_COSINE);
    }

    @Override
    public String name() {
        return "clip";
    }

    @Override
    public List<Accuracy> accuracies(TrainingRows heldOut, PreferencePairs pairs) {
        Map<String, List<TrainingRows.Row>> byProvider = new TreeMap<>();
        heldOut.rows()
                .forEach(r ->
                        byProvider
                                .computeIfAbsent(r.info().provider(), k -> new ArrayList<>())
                                .add(r));
        List<Accuracy> out = new ArrayList<>();
        long[] sums = new long[3];
        byProvider.forEach((provider, rows) -> {
            Proportion prompt = found(rows, SampleInfo::prompt);
            Proportion caption = found(rows, SampleInfo::caption);
            String task = "%s: subject in top %d".formatted(provider, K);
            out.add(accuracy(task + ", by prompt", prompt));
            out.add(accuracy(task + ", by caption", caption));
            sums[0] += prompt.hits();
            sums[1] += caption.hits();
            sums[2] += rows.size();
        });
        double chance = Math.min(1, (double) K * byProvider.size() / sums[2]);
        String task = "all providers: subject in top " + K;
        out.add(Accuracy.of(name(), task + ", by prompt", sums[0], sums[2], chance));
        out.add(Accuracy.of(name(), task + ", by caption", sums[1], sums[2], chance));
        return out;
    }

    private Accuracy accuracy(String task, Proportion found) {
        double chance = Math.min(1, (double) K / found.total());
        return Accuracy.of(name(), task, found.hits(), found.total(), chance);
    }

    private Proportion found(List<TrainingRows.Row> rows, Function<SampleInfo, String> say) {
        double[][] cosines =
                judge.cosines(
                        rows.stream().map(r -> PictureScores.picture(r.image())).toList(),
                        rows.stream().map(r -> say.apply(r.info())).toList());
        return Retrieval.topK(cosines, IntStream.range(0, rows.size()).toArray(), K);
    }

    @Override
    public List<Accuracy> accuracies(SceneExam exam) {
        return exam.retrieval(name(), judge);
    }

    @Override
    public double[] scores(List<RgbImage> images, List<Said> said) {
        return judge.score(
                images.stream().map(PictureScores::picture).toList(),
                said.stream().map(Said::prompt).toList());
    }

    @Override
    public boolean reads() {
        return true;
    }

    @Override
    public void close() {
        judge.close();
    }
}
