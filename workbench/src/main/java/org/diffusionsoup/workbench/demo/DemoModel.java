package org.diffusionsoup.workbench.demo;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.image.RgbImage;

/**
 * One model of the comparison and what it made.
 *
 * @param label name in tables and grids
 * @param note what it is, in a few words
 * @param folders its model folder, or the members of an ensemble
 * @param pictures one per prompt and seed, prompts first
 * @param known one per prompt that the shards hold, first seed
 * @param scores CLIP scores of the pictures
 * @param rewards what the reward model says of the pictures
 * @param secondsPerPicture processor time of sampling, decoding included: other work on the machine
 *     hardly changes it
 * @param unetBytes memory that its UNet weights take as float32
 */
record DemoModel(
        String label,
        String note,
        List<Path> folders,
        List<RgbImage> pictures,
        List<RgbImage> known,
        ScoreSet scores,
        ScoreSet rewards,
        double secondsPerPicture,
        long unetBytes) {

    DemoModel {
        folders = List.copyOf(folders);
        pictures = List.copyOf(pictures);
        known = List.copyOf(known);
    }
}
