package org.diffusionsoup.eval;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.image.Picture;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * BLIP's visual question answering, ranking each question's choices as BLIP's {@code rank_answer}
 * does. Questions are cleaned as BLIP's evaluation cleans them: lower case, without {@code
 * .!"()*#:;~}.
 */
public final class BlipVqaAnswerer implements QuestionAnswerer {
    /** Pictures in memory at a time. */
    private static final int PICTURES = 8;

    /** Questions, each with its own copy of the picture's embedding, per forward pass. */
    private static final int ROWS = 32;

    private static final Pattern DROPPED = Pattern.compile("[.!\"()*#:;~]");

    private final BlipVqa.Loaded loaded;
    private final Judge judge;

    private BlipVqaAnswerer(Path path, BlipVqa.Loaded loaded) {
        this.loaded = loaded;
        judge =
                new Judge(
                        "BLIP-VQA " + Folders.name(path),
                        loaded.weightsSha256(),
                        "choices ranked by label-smoothed likelihood, questions cut to %d tokens"
                                .formatted(BlipVqa.QUESTION_TOKENS));
    }

    /**
     * Loads the model.
     *
     * @param path the checkpoint or the folder it is in, see {@link BlipVqa#load}
     */
    public static BlipVqaAnswerer load(Path path) {
        return new BlipVqaAnswerer(path, BlipVqa.load(path));
    }

    @Override
    public Judge judge() {
        return judge;
    }

    @Override
    public int[][] answer(List<Picture> pictures, List<TifaQuestion> questions) {
        int[][] out = new int[pictures.size()][questions.size()];
        BlipVqa model = loaded.model();
        for (int from = 0; from < out.length; from += PICTURES) {
            int to = Math.min(from + PICTURES, out.length);
            PixelTensor pixels = model.pixels(pictures.subList(from, to));
            try (Torch.Guard off = Torch.gradients(false);
                    Scope scope = Scope.open()) {
                Tensor seen = model.imageEmbeds(Tensor.of(pixels.values(), pixels.shape()));
                List<Row> rows = new ArrayList<>();
                for (int p = from; p < to; p++) {
                    for (int q = 0; q < questions.size(); q++) {
                        rows.add(new Row(p, q, questions.get(q)));
                    }
                }
                for (int r = 0; r < rows.size(); r += ROWS) {
                    answer(seen, from, rows.subList(r, Math.min(r + ROWS, rows.size())), out);
                }
            }
        }
        return out;
    }

    /** One question about one picture. */
    private record Row(int picture, int index, TifaQuestion question) {}

    private void answer(Tensor seen, int firstPicture, List<Row> rows, int[][] out) {
        BlipVqa model = loaded.model();
        try (Scope scope = Scope.open()) {
            long[] of = rows.stream().mapToLong(r -> r.picture() - firstPicture).toArray();
            TokenRows asked =
                    BlipVqa.questions(
                            loaded.tokenizer(),
                            rows.stream().map(r -> cleaned(r.question().question())).toList());
            Tensor mask = asked.maskTensor();
            Tensor states =
                    model.questionStates(
                            seen.indexSelect(0, Tensor.of(of)), asked.idTensor(), mask);
            for (int r = 0; r < rows.size(); r++) {
                Row row = rows.get(r);
                TokenRows choices = model.answers(loaded.tokenizer(), row.question().choices());
                try (Scope inner = Scope.open()) {
                    int[] best =
                            model.rank(
                                    states.narrow(0, r, 1),
                                    mask.narrow(0, r, 1),
                                    choices,
                                    BlipVqa.RANKED);
                    out[row.picture()][row.index()] = best[0];
                }
            }
        }
    }

    private static String cleaned(String question) {
        return DROPPED.matcher(question.toLowerCase(Locale.ROOT)).replaceAll("").stripTrailing();
    }

    @Override
    public void close() {
        loaded.model().parameters().close();
    }
}
