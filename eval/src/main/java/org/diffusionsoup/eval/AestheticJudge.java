package org.diffusionsoup.eval;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.image.Picture;

/**
 * LAION's aesthetic score: how much people like a picture, whatever it shows, from 1 to 10, by a
 * linear head on a CLIP's unit image embedding. Captions are not read. The published heads belong
 * to OpenAI's ViT-L/14.
 */
public final class AestheticJudge implements PictureScorer {
    private final ClipJudge clip;
    private final AestheticHead head;
    private final Judge judge;

    private static final String IN_FOLDER = "model.safetensors";

    private AestheticJudge(ClipJudge clip, Path headFile, AestheticHead head) {
        this.clip = clip;
        this.head = head;
        String both = clip.judge().weightsSha256() + head.weightsSha256();
        judge =
                new Judge(
                        "aesthetic %s on %s".formatted(name(headFile), clip.judge().name()),
                        Hashes.sha256Hex(both.getBytes(StandardCharsets.US_ASCII)),
                        "LAION predictor of %d %s, unit embedding; weights' hash over CLIP's %s and"
                                        .formatted(
                                                head.layers(),
                                                head.layers() == 1 ? "layer" : "layers",
                                                clip.judge().shortHash())
                                + " the head's "
                                + head.weightsSha256().substring(0, 12));
    }

    /**
     * A head that lies in a folder of its own is called by the folder, whichever of both is given.
     */
    private static String name(Path headFile) {
        Path file = headFile.toAbsolutePath().normalize();
        Path folder = file.getParent();
        boolean own = file.endsWith(IN_FOLDER) && !Files.isDirectory(file);
        return Folders.name(own && folder != null ? folder : file);
    }

    /**
     * Loads CLIP and head.
     *
     * @param clipFolder see {@link ClipJudge#load}
     * @param headFile {@code sac+logos+ava1-l14-linearMSE.pth}, {@code sa_0_4_vit_l_14_linear.pth},
     *     or the same tensors as safetensors; or a folder with a {@code model.safetensors}
     * @throws EvalException if the head is none, or belongs to a CLIP of another width
     */
    public static AestheticJudge load(Path clipFolder, Path headFile) {
        AestheticHead head =
                AestheticHead.read(
                        Files.isDirectory(headFile) ? headFile.resolve(IN_FOLDER) : headFile);
        ClipJudge clip = ClipJudge.load(clipFolder, ClipConvention.RAW_COSINE);
        if (clip.width() != head.factors().length) {
            int width = clip.width();
            clip.close();
            throw new EvalException(
                    "The head %s takes embeddings of %d numbers, %s makes %d; the published heads"
                                    .formatted(headFile, head.factors().length, clipFolder, width)
                            + " belong to openai/clip-vit-large-patch14.");
        }
        return new AestheticJudge(clip, headFile, head);
    }

    @Override
    public Judge judge() {
        return judge;
    }

    /**
     * Scores pictures.
     *
     * @param captions one per picture, not read
     */
    @Override
    public double[] score(List<Picture> pictures, List<String> captions) {
        PictureScorer.requirePaired(pictures, captions);
        return Arrays.stream(clip.embedPictures(pictures)).mapToDouble(head::score).toArray();
    }

    @Override
    public void close() {
        clip.close();
    }
}
