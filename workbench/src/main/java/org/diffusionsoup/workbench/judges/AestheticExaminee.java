package org.diffusionsoup.workbench.judges;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.judges.question.Said;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.diffusionsoup.workbench.judges.train.Accuracy;
import org.diffusionsoup.workbench.judges.train.AestheticHead;
import org.diffusionsoup.workbench.judges.train.BlipShape;
import org.diffusionsoup.workbench.judges.train.Degradation;
import org.diffusionsoup.workbench.judges.train.PairAccuracy;
import org.diffusionsoup.workbench.judges.train.PreferencePairs;

/** An aesthetic head on its CLIP: does the undamaged picture of two score higher? */
final class AestheticExaminee implements Examinee {
    private final ClipJudge clip;
    private final AestheticHead head;

    AestheticExaminee(Path clipFolder, Path headFolder) {
        clip = ClipJudge.load(clipFolder, ClipConvention.RAW_COSINE);
        head = new AestheticHead(clip.embedTexts(List.of("a"))[0].length);
        Weights.load(head.parameters(), headFolder.resolve(BlipShape.WEIGHTS));
    }

    @Override
    public String name() {
        return "aesthetic";
    }

    @Override
    public List<Accuracy> accuracies(TrainingRows heldOut, PreferencePairs pairs) {
        return PairAccuracy.of(
                name(),
                List.of(Degradation.NOISE, Degradation.BLUR, Degradation.PARTIAL_DENOISING),
                heldOut,
                pairs,
                (images, texts) -> scores(images, List.of()));
    }

    @Override
    public List<Accuracy> accuracies(SceneExam exam) {
        return exam.pairs(
                name(),
                List.of(SceneExam.Pairs.DAMAGED, SceneExam.Pairs.GRADES),
                (images, said) -> scores(images, List.of()));
    }

    @Override
    public double[] scores(List<RgbImage> images, List<Said> said) {
        double[][] e = clip.embedPictures(images.stream().map(PictureScores::picture).toList());
        int width = e[0].length;
        float[] flat = new float[e.length * width];
        for (int i = 0; i < e.length; i++) {
            for (int c = 0; c < width; c++) {
                flat[i * width + c] = (float) e[i][c];
            }
        }
        double[] out = new double[e.length];
        try (Torch.Guard off = Torch.gradients(false);
                Scope s = Scope.open()) {
            float[] values = head.forward(Tensor.of(flat, e.length, width)).toFloatArray();
            for (int i = 0; i < out.length; i++) {
                out[i] = values[i];
            }
        }
        return out;
    }

    @Override
    public boolean reads() {
        return false;
    }

    @Override
    public void close() {
        clip.close();
        head.parameters().close();
    }
}
