package org.diffusionsoup.eval;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.image.Picture;

/**
 * The cheap answerer: of the texts "question choice" the one whose CLIP embedding is nearest to the
 * picture's. It has no idea of yes and no; its numbers are for comparing models, not for quoting.
 */
public final class ClipAnswerer implements QuestionAnswerer {
    private final ClipJudge clip;
    private final Judge judge;

    private ClipAnswerer(ClipJudge clip) {
        this.clip = clip;
        judge =
                new Judge(
                        clip.judge().name(),
                        clip.judge().weightsSha256(),
                        "nearest text 'question choice' by raw cosine");
    }

    /**
     * Loads a CLIP.
     *
     * @param folder see {@link ClipJudge#load}
     */
    public static ClipAnswerer load(Path folder) {
        return new ClipAnswerer(ClipJudge.load(folder, ClipConvention.RAW_COSINE));
    }

    @Override
    public Judge judge() {
        return judge;
    }

    @Override
    public int[][] answer(List<Picture> pictures, List<TifaQuestion> questions) {
        List<String> texts = new ArrayList<>();
        for (TifaQuestion q : questions) {
            q.choices().forEach(c -> texts.add(q.question() + " " + c));
        }
        double[][] cosines = clip.cosines(pictures, texts);
        int[][] out = new int[pictures.size()][questions.size()];
        for (int p = 0; p < out.length; p++) {
            int at = 0;
            for (int q = 0; q < questions.size(); q++) {
                int choices = questions.get(q).choices().size();
                for (int c = 1; c < choices; c++) {
                    if (cosines[p][at + c] > cosines[p][at + out[p][q]]) {
                        out[p][q] = c;
                    }
                }
                at += choices;
            }
        }
        return out;
    }

    @Override
    public void close() {
        clip.close();
    }
}
