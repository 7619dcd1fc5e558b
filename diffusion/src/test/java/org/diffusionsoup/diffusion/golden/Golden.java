package org.diffusionsoup.diffusion.golden;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** One manifest of reference numbers with the tensors beside it. */
public final class Golden {
    private final Reference reference;
    private final Path manifestFile;
    private final JsonNode manifest;

    Golden(Reference reference, Path manifestFile) {
        this.reference = reference;
        this.manifestFile = manifestFile;
        this.manifest = Reference.json(manifestFile);
    }

    static Path tensorsBeside(Path manifestFile) {
        String name = manifestFile.getFileName().toString();
        return manifestFile.resolveSibling(
                name.substring(0, name.length() - ".json".length()) + ".safetensors");
    }

    /**
     * @return the manifest's path below {@code goldens} without ending, such as {@code
     *     tiny-sd15/unet}
     */
    public String name() {
        String path = reference.root().resolve("goldens").relativize(manifestFile).toString();
        return path.substring(0, path.length() - ".json".length()).replace('\\', '/');
    }

    /**
     * @return the pipeline folder that the numbers were computed with: {@code pipelines/} and the
     *     name of the folder that holds the manifest
     */
    public Path pipeline() {
        return reference.require("pipelines/" + manifestFile.getParent().getFileName());
    }

    /**
     * @return the reference folder
     */
    public Reference reference() {
        return reference;
    }

    /**
     * @return the whole manifest
     */
    public JsonNode manifest() {
        return manifest;
    }

    /**
     * @return names of all tensors, in the manifest's order
     */
    public List<String> tensors() {
        List<String> names = new ArrayList<>();
        manifest.path("tensors").fieldNames().forEachRemaining(names::add);
        return names;
    }
}
