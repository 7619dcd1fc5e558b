package org.diffusionsoup.cli.console;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * What the command line calls the settings that the library names. A sentence of the library says
 * {@code `maxBits` must be 0 to 64}; a user of the command line gave {@code --max-bits}. Other
 * words in back-quotes, such as those of a caption, stay as they are.
 */
public final class Flags {
    private static final Pattern QUOTED = Pattern.compile("`([A-Za-z0-9]+)`");
    private static final Pattern HUMP = Pattern.compile("(?<=[a-z0-9])(?=[A-Z])");

    /** Settings whose flag is not their own name. */
    private static final Map<String, String> OTHERWISE =
            Map.of(
                    "accumulation", "--accumulate",
                    "clipNorm", "--clip",
                    "emaDecay", "--ema",
                    "guidanceScale", "--guidance",
                    "learningRate", "--lr");

    private static final Set<String> ALIKE =
            Set.of(
                    "add",
                    "allSpellings",
                    "allowNan",
                    "approximate",
                    "base",
                    "batch",
                    "bfloat16",
                    "buckets",
                    "candidates",
                    "captionDropout",
                    "checkpointEvery",
                    "checkpointing",
                    "classifier",
                    "codeVersion",
                    "component",
                    "convention",
                    "data",
                    "device",
                    "disjoint",
                    "divisor",
                    "domain",
                    "draws",
                    "dropIngredients",
                    "dtype",
                    "each",
                    "ema",
                    "follow",
                    "force",
                    "forwards",
                    "from",
                    "group",
                    "guidance",
                    "head",
                    "inputs",
                    "json",
                    "judge",
                    "k",
                    "keepEvery",
                    "keepSelection",
                    "keepSum",
                    "later",
                    "latents",
                    "licence",
                    "limit",
                    "lora",
                    "loraAlpha",
                    "mask",
                    "maxBits",
                    "maxDifference",
                    "maxDistance",
                    "members",
                    "memoryBatch",
                    "minSnr",
                    "model",
                    "name",
                    "noOpenclipart",
                    "offsetNoise",
                    "onDtype",
                    "onExtra",
                    "onFiles",
                    "onIntegers",
                    "onMissing",
                    "onShape",
                    "openclipart",
                    "original",
                    "out",
                    "permutations",
                    "pictures",
                    "predictionType",
                    "prompt",
                    "prompts",
                    "provider",
                    "questions",
                    "readmit",
                    "reason",
                    "reference",
                    "registry",
                    "remove",
                    "repair",
                    "repeats",
                    "resoup",
                    "retrieval",
                    "rows",
                    "samples",
                    "scales",
                    "scheduler",
                    "seed",
                    "selection",
                    "sequential",
                    "shard",
                    "shardSize",
                    "shards",
                    "size",
                    "soup",
                    "split",
                    "steps",
                    "strength",
                    "subjects",
                    "superseded",
                    "tensors",
                    "timedSteps",
                    "to",
                    "tries",
                    "trainingSteps",
                    "trajectories",
                    "uses",
                    "vaeSteps",
                    "validation",
                    "variant",
                    "vectors",
                    "weights",
                    "what",
                    "work",
                    "yes");

    private Flags() {}

    /** A sentence of the library with flags in place of the settings that it names. */
    public static String in(String sentence) {
        return sentence.indexOf('`') < 0
                ? sentence
                : QUOTED.matcher(sentence).replaceAll(Flags::spelled);
    }

    /**
     * The flags that a sentence names, if it begins with one: it is then about the value that a
     * flag was given, as {@code `steps` must be at least 1}, and not about what was found in a
     * file.
     */
    public static List<String> atFault(String sentence) {
        return QUOTED.matcher(sentence).lookingAt()
                ? QUOTED.matcher(sentence)
                        .results()
                        .map(Flags::spelled)
                        .filter(name -> name.startsWith("--"))
                        .toList()
                : List.of();
    }

    /** The same of several. */
    public static List<String> in(List<String> sentences) {
        return sentences.stream().map(Flags::in).toList();
    }

    private static String spelled(MatchResult quoted) {
        String setting = quoted.group(1);
        return ALIKE.contains(setting)
                ? "--" + HUMP.matcher(setting).replaceAll("-").toLowerCase(Locale.ROOT)
                : OTHERWISE.getOrDefault(setting, quoted.group());
    }
}
