package org.diffusionsoup.workbench.fuzz;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.FolderImporter;
import org.diffusionsoup.data.ImportOptions;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.diffusion.blip.MedConfig;
import org.diffusionsoup.diffusion.blip.VitConfig;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.image.PreprocessorConfig;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipes;
import org.diffusionsoup.workbench.fuzz.InputFuzz.Target;
import org.diffusionsoup.workbench.merge.YamlRecipes;

/** The kinds of input, what a whole one looks like and what reads it. */
final class FuzzTargets {
    private static final List<String> SCHEDULERS =
            List.of(
                    "DDIMScheduler",
                    "DDPMScheduler",
                    "PNDMScheduler",
                    "EulerDiscreteScheduler",
                    "EulerAncestralDiscreteScheduler",
                    "DPMSolverMultistepScheduler",
                    "LMSDiscreteScheduler",
                    "UniPCMultistepScheduler",
                    "HeunDiscreteScheduler");

    private FuzzTargets() {}

    static Map<String, Target> all(Path dir) {
        Map<String, Target> all = new LinkedHashMap<>();
        all.put("tars", new Tars(dir));
        all.put("pictures", new Pictures());
        all.put("configs", new Configs());
        all.put("yaml", new Yaml());
        all.put("captions", new Captions());
        return all;
    }

    private static RgbImage image(int seed) {
        byte[] pixels = new byte[3 * 7 * 5];
        new Random(seed).nextBytes(pixels);
        return new RgbImage(7, 5, pixels);
    }

    private record Tars(Path dir) implements Target {
        @Override
        public Map<String, byte[]> seeds() throws IOException {
            byte[] png = PngCodec.encode(image(1));
            SampleInfo info =
                    new SampleInfo(
                            "a",
                            "a thing",
                            "",
                            "",
                            "",
                            "me",
                            "MIT",
                            "",
                            "",
                            "other",
                            "train",
                            Hashes.sha256Hex(png));
            Path ours = dir.resolve("seed.tar");
            ShardWriter.write(ours, List.of(new Sample(info, png)));
            ByteArrayOutputStream foreign = new ByteArrayOutputStream();
            String pax = "18 path=d/001.txt\n15 comment=abc\n";
            entry(foreign, "d/001.jpg", '0', png);
            entry(foreign, "x", 'x', Damage.utf8(pax));
            entry(foreign, "short", '0', Damage.utf8("words"));
            entry(
                    foreign,
                    "d/001.json",
                    '0',
                    Damage.utf8("{\"caption\":\"words\",\"sha256\":\"0\",\"url\":\"u\"}"));
            entry(foreign, "l", 'L', Damage.utf8("d/" + "n".repeat(120) + ".png\0"));
            entry(foreign, "short", '0', png);
            entry(foreign, "l", 'L', Damage.utf8("d/" + "n".repeat(120) + ".txt\0"));
            entry(foreign, "short", '7', Damage.utf8("more words"));
            entry(foreign, "d/" + "n".repeat(90), '5', new byte[0]);
            foreign.writeBytes(new byte[1024]);
            return Map.of("ours.tar", Files.readAllBytes(ours), "f.tar", foreign.toByteArray());
        }

        private static void entry(ByteArrayOutputStream out, String name, char type, byte[] data) {
            byte[] header = new byte[512];
            byte[] size = "%011o\0".formatted(data.length).getBytes(StandardCharsets.US_ASCII);
            System.arraycopy(Damage.utf8(name), 0, header, 0, Math.min(100, name.length()));
            System.arraycopy(size, 0, header, 124, 12);
            header[156] = (byte) type;
            int sum = 8 * ' ';
            for (byte b : header) {
                sum += b & 0xff;
            }
            System.arraycopy(Damage.utf8("%06o\0 ".formatted(sum)), 0, header, 148, 8);
            out.writeBytes(header);
            out.writeBytes(Arrays.copyOf(data, (data.length + 511) / 512 * 512));
        }

        @Override
        public byte[] damaged(String name, byte[] from, Damage damage, Random random) {
            return damage.tar(from);
        }

        @Override
        public void read(Path file) {
            ShardScan.of(new ShardRef(file, List.of())).forEach((i, row) -> row.image());
            Shard.open(file).samples().forEach(Sample::image);
        }
    }

    private record Pictures() implements Target {
        @Override
        public Map<String, byte[]> seeds() throws IOException {
            Map<String, byte[]> seeds = new LinkedHashMap<>();
            Path folder = Path.of("../image/src/test/resources/pictures");
            try (Stream<Path> files = Files.list(folder)) {
                for (Path f : (Iterable<Path>) files.sorted()::iterator) {
                    if (f.toString().matches(".*\\.(png|jpg|gif|bmp|tif|webp)")) {
                        seeds.put(f.getFileName().toString(), Files.readAllBytes(f));
                    }
                }
            }
            return seeds;
        }

        @Override
        public byte[] damaged(String name, byte[] from, Damage damage, Random random) {
            // Most of what decides about a picture stands at its start.
            int head = Math.min(from.length, 700);
            if (random.nextInt(3) == 0) {
                return damage.bytes(from);
            }
            byte[] start = damage.bytes(Arrays.copyOf(from, head));
            byte[] out = Arrays.copyOf(start, start.length + from.length - head);
            System.arraycopy(from, head, out, start.length, from.length - head);
            return out;
        }

        @Override
        public void read(Path file) throws IOException {
            PngCodec.decode(Files.readAllBytes(file), file.toString());
        }
    }

    private record Configs() implements Target {
        @Override
        public Map<String, byte[]> seeds() {
            Map<String, byte[]> seeds = new LinkedHashMap<>();
            JsonConfig none = new JsonConfig("defaults", JsonConfig.object());
            ObjectNode unet = JsonConfig.object();
            unet.putArray("block_out_channels").add(32).add(64);
            unet.putArray("down_block_types").add("CrossAttnDownBlock2D").add("DownBlock2D");
            unet.putArray("up_block_types").add("UpBlock2D").add("CrossAttnUpBlock2D");
            unet.put("norm_num_groups", 8).put("addition_embed_type", "text_time");
            put(seeds, "unet.json", UNetConfig.of(new JsonConfig("u", unet)).toJson());
            ObjectNode vae = JsonConfig.object();
            vae.putArray("block_out_channels").add(32).add(32);
            put(seeds, "vae.json", VaeConfig.of(new JsonConfig("v", vae)).toJson());
            put(seeds, "text.json", ClipTextConfig.of(none).toJson());
            put(seeds, "clip.json", ClipModel.Config.of(none).toJson());
            put(seeds, "med_config.json", MedConfig.bertBase().toJson());
            put(seeds, "vit_config.json", VitConfig.base(224).toJson());
            for (String name : SCHEDULERS) {
                ObjectNode scheduler =
                        SchedulerConfig.stableDiffusion(PredictionType.EPSILON)
                                .withClassName(name)
                                .toJson();
                scheduler.put("use_karras_sigmas", false).put("solver_order", 2);
                scheduler.put("timestep_spacing", "leading").put("clip_sample_range", 1.0);
                scheduler
                        .put("skip_prk_steps", true)
                        .put("final_sigmas_type", "zero")
                        .put("lambda_min_clipped", -5.1);
                put(seeds, name + ".scheduler", scheduler);
            }
            seeds.put(
                    "preprocessor_config.json",
                    Damage.utf8(
                            "{\"do_resize\":true,\"size\":{\"shortest_edge\":224},\"resample\":3,"
                                    + "\"crop_size\":{\"height\":224,\"width\":224},"
                                    + "\"rescale_factor\":0.0039,\"image_mean\":[0.4,0.4,0.4],"
                                    + "\"image_std\":[0.2,0.2,0.2],\"do_normalize\":true}"));
            seeds.put("merges.txt", Damage.utf8("#version: 0.2\nc a\nca t</w>\n"));
            seeds.put(
                    "vocab.json",
                    Damage.utf8("{\"c\":0,\"a\":1,\"t</w>\":2,\"ca\":3,\"cat</w>\":4}"));
            seeds.put(
                    "tokenizer_config.json",
                    Damage.utf8(
                            "{\"bos_token\":{\"content\":\"<b>\"},\"pad_token\":\"!\","
                                    + "\"model_max_length\":77,\"errors\":\"replace\","
                                    + "\"added_tokens_decoder\":{\"5\":{\"content\":\"<b>\"}}}"));
            seeds.put("vocab.txt", Damage.utf8("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##b\ncat\n"));
            return seeds;
        }

        private static void put(Map<String, byte[]> seeds, String name, ObjectNode json) {
            seeds.put(name, Damage.utf8(JsonConfig.text(json)));
        }

        @Override
        public byte[] damaged(String name, byte[] from, Damage damage, Random random)
                throws IOException {
            if (name.endsWith(".txt")) {
                return random.nextBoolean() ? damage.bytes(from) : damage.yaml(from);
            }
            try {
                return damage.json(from);
            } catch (IOException e) {
                // No JSON any more, after damage that was worth keeping.
                return damage.bytes(from);
            }
        }

        @Override
        public void read(Path file) throws IOException {
            String name = file.getFileName().toString();
            switch (name) {
                case "unet.json" -> UNetConfig.of(JsonConfig.read(file)).toJson();
                case "vae.json" -> VaeConfig.of(JsonConfig.read(file)).toJson();
                case "text.json" -> ClipTextConfig.of(JsonConfig.read(file)).toJson();
                case "clip.json" -> ClipModel.Config.of(JsonConfig.read(file)).toJson();
                case "med_config.json" -> MedConfig.of(JsonConfig.read(file)).toJson();
                case "vit_config.json" -> VitConfig.of(JsonConfig.read(file)).tokens();
                case "preprocessor_config.json" -> PreprocessorConfig.read(file);
                case "vocab.txt" -> WordPieceTokenizer.read(file).encode("a cab", 12);
                case "merges.txt", "vocab.json", "tokenizer_config.json" -> {
                    for (var e : seeds().entrySet()) {
                        if (e.getKey().matches("merges.txt|vocab.json|tokenizer_config.json")
                                && !e.getKey().equals(name)) {
                            Files.write(file.resolveSibling(e.getKey()), e.getValue());
                        }
                    }
                    ClipTokenizer.load(file.getParent()).encode("a cat");
                }
                default -> {
                    SchedulerConfig config = SchedulerConfig.of(JsonConfig.read(file));
                    for (int steps : new int[] {1, 2, 7, 50}) {
                        if (steps <= config.table().size()) {
                            config.scheduler(steps);
                        }
                    }
                }
            }
        }
    }

    private record Yaml() implements Target {
        private static final String MERGE =
                """
                inputs: {a: a.safetensors, b: 'b c', base: ../base}
                merge:
                  add:
                    to: base
                    scale: 0.5
                    delta:
                      ties:
                        density: 1/5
                        deltas:
                          - {difference: {of: a, from: base}}
                          - {dare: {drop: 0.5, seed: 7, delta: {difference: {of: b, from: base}}}}
                """;
        private static final String MEAN =
                """
                inputs:
                  a: a
                  b: b
                merge: {mean: [a, {of: b, weight: 3}, {slerp: {from: a, to: b, t: 0.25}}]}
                """;

        @Override
        public Map<String, byte[]> seeds() throws IOException {
            Map<String, byte[]> seeds = new LinkedHashMap<>();
            seeds.put("merge.yaml", Damage.utf8(MERGE));
            seeds.put("mean.yaml", Damage.utf8(MEAN));
            try (Stream<Path> files = Files.walk(Path.of("../recipes"))) {
                for (Path f : (Iterable<Path>) files.sorted()::iterator) {
                    if (f.endsWith("embedded/table1.yaml") || f.endsWith("paper/setting.yaml")) {
                        String text =
                                Files.readString(f)
                                        .replace("sd21/coco-prompts.txt", "prompts.txt")
                                        .replace("count: 2000", "count: 2");
                        seeds.put("evaluate-" + f.getFileName(), Damage.utf8(text));
                    }
                }
            }
            return seeds;
        }

        @Override
        public byte[] damaged(String name, byte[] from, Damage damage, Random random) {
            return damage.yaml(from);
        }

        @Override
        public void read(Path file) throws IOException {
            Files.writeString(file.resolveSibling("prompts.txt"), "a cat\na dog\n");
            if (file.getFileName().toString().startsWith("evaluate")) {
                EvaluationRecipes.read(file);
            } else {
                YamlRecipes.read(file);
            }
        }
    }

    /** One file says, line by line, which files lie in the folder. */
    private record Captions() implements Target {
        @Override
        public Map<String, byte[]> seeds() {
            return Map.of(
                    "names",
                    Damage.utf8("1.png\n1.txt:one\n2.jpg\n2.caption:two\n"),
                    "csv",
                    Damage.utf8("1.png\nmetadata.csv:file_name,text~1.png,\"a \"\"b\"\" c\"~\n"),
                    "jsonl",
                    Damage.utf8(
                            "d/1.png\nd/metadata.jsonl:{\"file_name\": \"1.png\", \"text\":"
                                    + " \"one\", \"split\": \"train\"}~\n"));
        }

        @Override
        public byte[] damaged(String name, byte[] from, Damage damage, Random random) {
            return random.nextBoolean() ? damage.bytes(from) : damage.yaml(from);
        }

        @Override
        public void read(Path file) throws IOException {
            Path folder = Files.createDirectory(file.resolveSibling("in"));
            byte[] png = PngCodec.encode(image(2));
            String all = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
            for (String line : all.split("\n")) {
                int colon = line.indexOf(':');
                String name = colon < 0 ? line : line.substring(0, colon);
                // Inside the folder, and a name the file system takes.
                name = name.replaceAll("[\\x00-\\x1f]|\\.\\.|^/+", "");
                if (name.isBlank() || name.length() > 100 || name.split("/").length > 3) {
                    continue;
                }
                Path target = folder.resolve(name).normalize();
                if (!target.startsWith(folder) || target.equals(folder)) {
                    continue;
                }
                try {
                    Files.createDirectories(target.getParent());
                    Files.write(
                            target,
                            colon < 0
                                    ? png
                                    : line.substring(colon + 1)
                                            .replace('~', '\n')
                                            .getBytes(StandardCharsets.ISO_8859_1));
                } catch (IOException e) {
                    // A file where another name needs a folder.
                    continue;
                }
            }
            FolderImporter.importFolder(
                    folder,
                    file.resolveSibling("out.tar"),
                    ImportOptions.of("me", "MIT"),
                    ProgressListener.NONE);
        }
    }
}
