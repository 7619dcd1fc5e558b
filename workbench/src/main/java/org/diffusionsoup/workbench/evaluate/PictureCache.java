package org.diffusionsoup.workbench.evaluate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.image.PngCodec;
import org.diffusionsoup.data.image.RgbImage;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.png.PngFiles;

/**
 * Pictures that were drawn, one PNG file each, found again by everything that decides their pixels
 * but the batch: the model's hash, the prompt, the seed, the sampler. Files appear whole or not at
 * all, so a run that was killed leaves nothing half.
 */
final class PictureCache {
    private final Path folder;

    PictureCache(Path folder) {
        this.folder = folder;
    }

    /** Where a picture is or will be. */
    Path file(String modelHash, String prompt, long seed, GenerateSettings s) {
        String key =
                String.join(
                        "\n",
                        "picture-cache-1",
                        modelHash,
                        Long.toString(seed),
                        Integer.toString(s.steps()),
                        Double.toString(s.guidance()),
                        s.sampler().map(Enum::name).orElse("own"),
                        s.size().isPresent() ? Integer.toString(s.size().getAsInt()) : "own",
                        s.negativePrompt().length() + ":" + s.negativePrompt(),
                        prompt);
        String name = Hashes.sha256Hex(key.getBytes(StandardCharsets.UTF_8));
        return folder.resolve(name.substring(0, 2)).resolve(name + ".png");
    }

    boolean has(Path file) {
        return Files.isRegularFile(file);
    }

    void put(Path file, RgbImage picture, Generator by, String prompt, long seed) {
        PngFiles.write(file, picture, by.metadata(prompt, seed));
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
