package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An option that was given 0 was given: it is refused like -1, and nothing is begun. */
final class ZeroIsANumberTest {
    private static final String JUDGED = " --judge MODELS/emoji-clip --shard SHARDS/emoji";
    private static final String TWO = " MODELS/emoji-base MODELS/emoji-base";

    @TempDir private Path dir;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--steps | judge train clip --data SHARDS/emoji --work OUT/w -o OUT/j",
                "--steps | judge train vqa --scenes --work OUT/w -o OUT/j",
                "--limit | judge check --data SHARDS/emoji",
                "--limit | judge check --scenes --clip MODELS/emoji-clip",
                "--budget | search simplex" + TWO + JUDGED + " -o OUT/s",
                "--budget | search greedy" + TWO + JUDGED + " -o OUT/s",
                "--validation | search reverse-greedy" + TWO + JUDGED + " -o OUT/s",
                "--retrieval | score" + JUDGED,
                "--subjects | score" + JUDGED,
                "--subjects | search leave-one-out" + TWO + JUDGED + " -o OUT/s",
                "--steps | demo --quick --out OUT/demo",
                "--prompts | demo --quick --out OUT/demo",
                "--sampling-steps | demo --out OUT/demo",
                "--threads | diff" + TWO,
                "--threads | bench registry --work OUT/b",
                "--threads | bench search --work OUT/b",
                "--shard-size | merge" + TWO + " -o OUT/m",
            })
    void zeroIsRefusedLikeAnyNumberBelowOne(String flag, String command) {
        for (String number : List.of("0", flag.equals("--shard-size") ? "0 kB" : "-1")) {
            List<Object> words = words(command);
            words.addAll(List.of(flag, number));
            Run.of(words.toArray()).fails(2, flag + " must be at least 1, not ");
        }
        assertThat(dir).isEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource({"0", "12"})
    void aBatchOfScenesIsAPowerOfTwo(String batch) {
        Run.of(
                        "judge",
                        "train",
                        "clip",
                        "--scenes",
                        "--work",
                        dir,
                        "-o",
                        dir.resolve("j"),
                        "--batch",
                        batch)
                .fails(2, "--batch is for --scenes, and a power of 2");
    }

    @ParameterizedTest
    @CsvSource({"--scheduler"})
    void anEmptyNameIsNoDefault(String flag) {
        Run.of(
                        "generate",
                        "--model",
                        "../models/emoji-base",
                        "--prompt",
                        "a cat",
                        flag,
                        "",
                        "-o",
                        dir.resolve("a.png"))
                .fails(2, flag + " '' is unknown");
    }

    /** The same kind of mistake has the same status, whichever layer sees it. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "data split SHARDS/emoji --random 0 -o OUT/s",
                "data retrieve SHARDS/emoji --prompt cat --k 0 -o OUT/r.tar",
                "data dedup SHARDS/emoji --max-bits 16",
                "data import OUT --provider me --licence CC0-1.0 --size 7 -o OUT/i.tar",
                "study costs --pictures 0 -o OUT/c",
                "study propositions --repeats 1 -o OUT/p",
                "value MODELS/emoji-base MODELS/web-base --base MODELS/emoji-base"
                        + JUDGED
                        + " --permutations 3 -o OUT/v.csv",
                "train --base MODELS/emoji-base --shard SHARDS/emoji --steps 0 -o OUT/t",
                "train --base MODELS/emoji-base --shard SHARDS/emoji --steps 1 --lora 0 -o OUT/t",
                "lora extract MODELS/emoji-base MODELS/emoji-base --rank 0 -o OUT/l.safetensors",
                "bench judge --judge MODELS/emoji-clip --pictures 0",
                "bench make-checkpoints -o OUT/b --divisor 0",
                "bench unet --forwards 0",
                "bench merge --work OUT/b --tries 0",
            })
    void aValueOutOfRangeIsAMisuse(String command) {
        Run.of(words(command).toArray()).fails(2, " must be ", "Try 'soup ");
        assertThat(dir).isEmptyDirectory();
    }

    /** What is ranked or judged by a text needs one. */
    @Test
    void anEmptyPromptIsRefused() {
        Path tar = dir.resolve("a.tar");
        for (String prompt : List.of("", "  ")) {
            Run.of(
                            "data",
                            "retrieve",
                            "../shards/emoji",
                            "--prompt",
                            prompt,
                            "--k",
                            2,
                            "--judge",
                            "../models/emoji-clip",
                            "-o",
                            tar)
                    .fails(2, "--prompt is empty");
            Run.of(
                            "score",
                            "--judge",
                            "../models/emoji-clip",
                            "--model",
                            "../models/emoji-base",
                            "--prompt",
                            "a cat",
                            "--prompt",
                            prompt)
                    .fails(2, "--prompt is empty");
        }
        assertThat(tar).doesNotExist();
    }

    /** A file that is not there, or not as it should be, is no misuse. */
    @Test
    void whatLiesInAPathIsNoMisuse() throws IOException {
        Path out = Files.createDirectory(dir.resolve("folder.png"));
        Run.of("generate", "--model", "../models/emoji-base", "--prompt", "a cat", "-o", out)
                .fails(1, "--out " + out + " is a folder");
    }

    private List<Object> words(String command) {
        List<Object> words = new ArrayList<>();
        for (String word : command.split(" ")) {
            words.add(
                    word.replace("MODELS", "../models")
                            .replace("SHARDS", "../shards")
                            .replace("OUT", dir.toString()));
        }
        return words;
    }
}
