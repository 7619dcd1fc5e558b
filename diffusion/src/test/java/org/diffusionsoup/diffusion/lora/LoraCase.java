package org.diffusionsoup.diffusion.lora;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.lora.Lora;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.diffusion.golden.Golden;

/** A golden's pipeline with some of its LoRA files, open. */
final class LoraCase implements AutoCloseable {
    private final Golden golden;
    private final Checkpoint base;
    private final List<Lora> open = new ArrayList<>();

    LoraCase(Golden golden) {
        this.golden = golden;
        base = Checkpoint.open(golden.pipeline());
    }

    Checkpoint base() {
        return base;
    }

    /** The names of the golden's files. */
    static List<String> files(Golden golden) {
        List<String> names = new ArrayList<>();
        golden.manifest().path("files").fieldNames().forEachRemaining(names::add);
        return names;
    }

    /** What the manifest says of a file. */
    static JsonNode about(Golden golden, String file) {
        return golden.manifest().path("files").path(file);
    }

    static Path path(Golden golden, String file) {
        return golden.reference().require(about(golden, file).path("path").asText());
    }

    Lora lora(String file) {
        Lora lora = Lora.open(path(golden, file), base.parts());
        open.add(lora);
        return lora;
    }

    /** The terms of a run, {@code [[file, strength], …]}. */
    List<LoraFusion.Term> terms(JsonNode pairs) {
        List<LoraFusion.Term> terms = new ArrayList<>();
        for (JsonNode pair : pairs) {
            terms.add(new LoraFusion.Term(lora(pair.path(0).asText()), pair.path(1).asDouble()));
        }
        return terms;
    }

    /** The name that goldens give a tensor of the model. */
    static Map.Entry<String, String> split(String name) {
        int dot = name.indexOf('.');
        return Map.entry(name.substring(0, dot), name.substring(dot + 1));
    }

    @Override
    public void close() {
        open.forEach(Lora::close);
        base.close();
    }
}
