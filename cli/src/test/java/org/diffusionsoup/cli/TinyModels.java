package org.diffusionsoup.cli;

import java.nio.file.Path;

/** The tiny models of module diffusion's test resources. */
final class TinyModels {
    private static final Path REFERENCE =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference");

    private TinyModels() {}

    /** A file that PyTorch wrote, of module core's test resources. */
    static Path torch(String name) {
        return REFERENCE
                .resolve("../../../../../core/src/test/resources/torch/" + name)
                .normalize();
    }

    /** A Stable Diffusion 1.5 of 64 pixels with random weights. */
    static Path sd15() {
        return REFERENCE.resolve("pipelines/tiny-sd15");
    }

    /** Stable Diffusion 2.1's layout; another text encoder than {@link #sd15}. */
    static Path sd21() {
        return REFERENCE.resolve("pipelines/tiny-sd21");
    }

    /** SDXL's layout. */
    static Path sdxl() {
        return REFERENCE.resolve("pipelines/tiny-sdxl");
    }

    /** A CLIP with random weights. */
    static Path clip() {
        return REFERENCE.resolve("clip/tiny-clip");
    }

    /** BLIP models with random weights, and the files beside them. */
    static Path blip() {
        return REFERENCE.resolve("blip");
    }
}
