package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.ImageRewardJudge;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A folder of another kind than the command takes: what it is, and the next step. */
class WrongKindsTest {
    private static final Path CLIP = Path.of("../models/emoji-clip");
    private static final Path REWARD = Path.of("../models/emoji-reward");
    private static final Path VQA = Path.of("../models/emoji-vqa");
    private static final Path QUESTIONS = Path.of("../recipes/embedded/questions.json");
    private static final Path SHARDS = Path.of("../shards/emoji");
    private static final Path MODEL = TinyModels.sd15();

    @TempDir private Path folder;

    private Path photos() throws IOException {
        Path photos = Files.createDirectory(folder.resolve("photos"));
        Files.writeString(photos.resolve("A.JPG"), "");
        return photos;
    }

    @Test
    void aShard() throws IOException {
        Path photos = photos();
        String next =
                "'soup data import " + photos + " --out photos.tar --provider NAME --licence SPDX'";
        Path out = folder.resolve("x");
        Run.of("train", "--base", MODEL, "--shard", photos, "--out", out)
                .fails(1, "photos is not a data set", "it is a folder of pictures", next);
        Run.of("data", "list", photos).fails(1, "it is a folder of pictures", next);
        Run.of("train", "--base", MODEL, "--shard", MODEL, "--out", out)
                .fails(1, "is not a data set", "it is a text-to-image model");
    }

    @Test
    void aJudge() {
        String forms = "the forms of a judge are clip:DIR, imagereward:PATH";
        Object[] others = {"--model", MODEL, "--prompt", "a"};
        score(MODEL, others).fails(1, MODEL + " is a text-to-image model, not a judge", forms);
        score("imagereward:" + MODEL, others).fails(1, "is a text-to-image model", forms);
        score(SHARDS, others).fails(1, "emoji is a data set", "not a judge", forms);
        score(REWARD, others).fails(1, "name it as imagereward:" + REWARD);
        score("tifa:" + REWARD, "--questions", QUESTIONS, "--model", MODEL)
                .fails(1, "emoji-reward is an ImageReward", "name it as imagereward:" + REWARD);
        score("imagereward:" + VQA, others)
                .fails(1, "emoji-vqa is a BLIP that answers questions", "name it as tifa:" + VQA);
        score("imagereward:" + CLIP, others).fails(1, "name it as clip:" + CLIP);
        assertThatThrownBy(() -> ClipJudge.load(MODEL, ClipConvention.RAW_COSINE))
                .hasMessageContaining("text-to-image model, not a CLIP");
        assertThatThrownBy(() -> ImageRewardJudge.load(CLIP))
                .hasMessageContaining("emoji-clip is a CLIP")
                .hasMessageContaining("not a BLIP");
    }

    private static Run score(Object judge, Object... others) {
        List<Object> all = new ArrayList<>();
        all.addAll(List.of("score", "--judge", judge));
        all.addAll(List.of(others));
        return Run.of(all.toArray());
    }

    @Test
    void aModel() throws IOException {
        Path png = folder.resolve("x.png");
        Run.of("generate", "--model", SHARDS, "--prompt", "a", "-o", png)
                .fails(1, "emoji is no model", "model_index.json; it is a data set");
        Run.of("generate", "--model", CLIP, "--prompt", "a", "-o", png)
                .fails(1, "emoji-clip is no model", "it is a CLIP");
        Path shard = TinyTraining.shard(folder.resolve("a.tar"), 3, 16, "train");
        for (String more : new String[] {"--dry-run", "-q"}) {
            Path out = folder.resolve("x");
            Run.of("train", "--base", CLIP, "--shard", shard, "--out", out, more)
                    .fails(1, "emoji-clip is no model", "it is a CLIP");
        }
        Run.of("make", SHARDS, photos(), "-o", folder.resolve("x")).fails(1, "it is a data set");
        Run.of("inspect", SHARDS).fails(1, "is no model", "it is a data set");
        Object[] draw = {
            "generate",
            "--model",
            MODEL,
            "--ensemble",
            "--classifier",
            CLIP,
            "--prompt",
            "a",
            "-o",
            png
        };
        Run.of(draw).fails(1, "emoji-clip holds no classifier of shards; it is a CLIP");
    }
}
