package org.diffusionsoup.eval;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.Picture;

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

    /** Choices per forward pass of the decoder, unless one question has more. */
    private static final int CHOICES = 128;

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
            int from = 0;
            while (from < rows.size()) {
                int to = from + 1;
                int choices = choices(rows.get(from));
                while (to < rows.size() && choices + choices(rows.get(to)) <= CHOICES) {
                    choices += choices(rows.get(to++));
                }
                rank(states, mask, rows, from, to, out);
                from = to;
            }
        }
    }

    private static int choices(Row row) {
        return row.question().choices().size();
    }

    /**
     * Ranks the choices of rows {@code from} to before {@code to} in one pass. BLIP's first round,
     * by first tokens, drops nothing from so few.
     */
    private void rank(Tensor states, Tensor mask, List<Row> rows, int from, int to, int[][] out) {
        BlipVqa model = loaded.model();
        if (choices(rows.get(from)) > BlipVqa.RANKED) {
            Row row = rows.get(from);
            TokenRows choices = model.answers(loaded.tokenizer(), row.question().choices());
            try (Scope scope = Scope.open()) {
                Tensor state = states.narrow(0, from, 1);
                int[] best = model.rank(state, mask.narrow(0, from, 1), choices, BlipVqa.RANKED);
                out[row.picture()][row.index()] = best[0];
            }
            return;
        }
        List<String> texts = new ArrayList<>();
        List<Long> of = new ArrayList<>();
        for (int r = from; r < to; r++) {
            for (String choice : rows.get(r).question().choices()) {
                texts.add(choice);
                of.add((long) r);
            }
        }
        TokenRows said = model.answers(loaded.tokenizer(), texts);
        float[] loss;
        try (Scope scope = Scope.open()) {
            Tensor index = Tensor.of(of.stream().mapToLong(Long::longValue).toArray());
            loss =
                    model.answerLoss(
                                    states.indexSelect(0, index),
                                    mask.indexSelect(0, index),
                                    said.idTensor(),
                                    said.maskTensor())
                            .toFloatArray();
        }
        int at = 0;
        for (Row row : rows.subList(from, to)) {
            int best = 0;
            for (int c = 1; c < choices(row); c++) {
                best = loss[at + c] < loss[at + best] ? c : best;
            }
            out[row.picture()][row.index()] = best;
            at += choices(row);
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
