package org.diffusionsoup.workbench.evaluate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureMetadata;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.image.png.PngSeal;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.generate.PictureSize;

/**
 * Pictures that were drawn, one PNG file each, found again by everything that decides their pixels
 * but the batch: the model's hash, the prompt, the seed, the sampler. Files appear whole or not at
 * all, so a run that was killed leaves nothing half. Each holds a checksum of itself and its name;
 * a file that is not what was drawn is drawn anew.
 */
public final class PictureCache {
    private final Path folder;
    private final Consumer<String> notes;

    /**
     * @param folder of the pictures, made when the first is kept
     * @param notes told a sentence that names a picture that is damaged
     */
    public PictureCache(Path folder, Consumer<String> notes) {
        this.folder = folder;
        this.notes = notes;
    }

    /** Where a picture is or will be. */
    Path file(String modelHash, String prompt, long seed, GenerateSettings s) {
        String key =
                String.join(
                        "\n",
                        "picture-cache-1" + (s.weights().isHalf() ? " " + s.weights() : ""),
                        modelHash,
                        Long.toString(seed),
                        Integer.toString(s.steps()),
                        Double.toString(s.guidance()),
                        s.sampler().map(Enum::name).orElse("own"),
                        s.size().map(PictureSize::text).orElse("own"),
                        s.negativePrompt().length() + ":" + s.negativePrompt(),
                        prompt);
        String name = Hashes.sha256Hex(key.getBytes(StandardCharsets.UTF_8));
        return folder.resolve(name.substring(0, 2)).resolve(name + ".png");
    }

    /** Whether a picture is kept, and is what was drawn. */
    boolean has(Path file, String prompt, long seed, GenerateSettings s) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        byte[] bytes = bytes(file);
        if (PngSeal.isWhole(bytes, name(file))) {
            return true;
        }
        if (isOfEarlierVersion(file, bytes, prompt, seed, s)) {
            AtomicFiles.write(file, PngSeal.sealed(bytes, name(file)));
            return true;
        }
        notes.accept("The cached picture " + file + " is not what was drawn; it is drawn anew.");
        return false;
    }

    /** Earlier versions wrote no checksum, but what was drawn. */
    private static boolean isOfEarlierVersion(
            Path file, byte[] bytes, String prompt, long seed, GenerateSettings s) {
        try {
            Map<String, String> text = PngFiles.readText(file);
            if (text.containsKey(PngSeal.KEYWORD)
                    || PictureMetadata.fromText(text)
                            .filter(m ->
                                    m.prompt().equals(prompt)
                                            && m.negativePrompt().equals(s.negativePrompt())
                                            && m.seed() == seed
                                            && m.steps() == s.steps()
                                            && m.guidanceScale() == s.guidance()
                                            && m.weights() == s.weights().dtype())
                            .isEmpty()) {
                return false;
            }
            PngCodec.decode(bytes, file.toString());
            return true;
        } catch (SoupException e) {
            return false;
        }
    }

    private static String name(Path file) {
        return String.valueOf(file.getFileName());
    }

    void put(Path file, RgbImage picture, Generator by, String prompt, long seed) {
        byte[] png = PngCodec.encode(picture, by.metadata(prompt, seed).toText());
        AtomicFiles.write(file, PngSeal.sealed(png, name(file)));
    }

    /**
     * Pictures of prompts: kept ones as they are, missing ones drawn and kept, batch by batch.
     *
     * @param modelHash of all that the generator draws with, see {@link ModelHash}
     * @param seeds of the pictures' noise, as many as prompts
     * @param settings that the generator was opened with
     * @param drawn told after every batch how many pictures it had
     * @return in the prompts' order
     */
    public List<RgbImage> draw(
            String modelHash,
            Generator generator,
            List<String> prompts,
            List<Long> seeds,
            GenerateSettings settings,
            IntConsumer drawn,
            Progress progress) {
        List<Path> files = new ArrayList<>();
        List<Integer> missing = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            files.add(file(modelHash, prompts.get(i), seeds.get(i), settings));
            if (!has(files.getLast(), prompts.get(i), seeds.get(i), settings)) {
                missing.add(i);
            }
        }
        for (int from = 0; from < missing.size(); from += settings.batch()) {
            List<Integer> some =
                    missing.subList(from, Math.min(from + settings.batch(), missing.size()));
            List<RgbImage> pictures =
                    generator.pictures(
                            some.stream().map(prompts::get).toList(),
                            some.stream().map(seeds::get).toList(),
                            progress);
            for (int i = 0; i < pictures.size(); i++) {
                int at = some.get(i);
                put(files.get(at), pictures.get(i), generator, prompts.get(at), seeds.get(at));
            }
            drawn.accept(pictures.size());
        }
        return files.stream().map(PictureCache::read).toList();
    }

    static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /**
     * @throws SoupException if the file is damaged; removing it has the picture drawn again
     */
    static RgbImage read(Path file) {
        return PngCodec.decode(bytes(file), "the cached picture " + file);
    }
}
