package org.diffusionsoup.diffusion.blip;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.FolderKind;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;

/**
 * The files of a BLIP model: the weights, and beside them {@code vocab.txt}, {@code
 * med_config.json} and {@code vit_config.json}; or a folder in transformers' layout, whose {@code
 * config.json} holds both shapes.
 *
 * @param weights the checkpoint
 * @param folder where the others lie
 */
record BlipFiles(Path weights, Path folder) {
    private static final List<String> ENDINGS = List.of(".safetensors", ".pt", ".pth", ".bin");

    /**
     * @param model the checkpoint, or a folder with exactly one
     * @throws SoupException if it is missing, not exactly one, or the folder is of another kind
     */
    static BlipFiles of(Path model) {
        if (!Files.isDirectory(model)) {
            if (!Files.exists(model)) {
                throw new SoupException(
                        model + " does not exist; name a BLIP checkpoint or the folder it is in.");
            }
            Path parent = model.toAbsolutePath().getParent();
            return new BlipFiles(model, parent == null ? model : parent);
        }
        FolderKind.of(model)
                .filter(kind -> kind != FolderKind.BLIP)
                .ifPresent(kind -> {
                    throw new SoupException(
                            "%s is %s, not a BLIP checkpoint or the folder of one."
                                    .formatted(model, kind.words()));
                });
        Path first = model.resolve("model.safetensors");
        if (Files.exists(model.resolve("config.json")) && Files.exists(first)) {
            return new BlipFiles(first, model); // other formats of the same may lie beside it
        }
        try (Stream<Path> files = Files.list(model)) {
            List<Path> found = files.filter(BlipFiles::isCheckpoint).sorted().toList();
            if (found.size() != 1) {
                throw new SoupException(
                        "%s holds %d checkpoints (%s) where one is needed; name the file itself."
                                .formatted(model, found.size(), String.join(", ", ENDINGS)));
            }
            return new BlipFiles(found.getFirst(), model);
        } catch (IOException e) {
            throw new SoupIoException("read", model, e);
        }
    }

    private static boolean isCheckpoint(Path file) {
        return ENDINGS.stream().anyMatch(e -> file.getFileName().toString().endsWith(e));
    }

    /** transformers' config, if this is its layout. */
    private Optional<JsonConfig> transformers() {
        Path file = folder.resolve("config.json");
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        return Optional.of(JsonConfig.read(file)).filter(c -> c.has("vision_config"));
    }

    VitConfig vit(VitConfig published) {
        Optional<JsonConfig> config = transformers();
        if (config.isPresent()) {
            return VitConfig.ofTransformers(config.get().sub("vision_config"));
        }
        Path file = folder.resolve("vit_config.json");
        return Files.exists(file) ? VitConfig.of(JsonConfig.read(file)) : published;
    }

    MedConfig med() {
        Optional<JsonConfig> config = transformers();
        if (config.isPresent()) {
            return MedConfig.ofTransformers(config.get().sub("text_config"));
        }
        Path file = folder.resolve("med_config.json");
        return Files.exists(file) ? MedConfig.of(JsonConfig.read(file)) : MedConfig.bertBase();
    }

    WordPieceTokenizer tokenizer(MedConfig med) {
        Path file = folder.resolve("vocab.txt");
        WordPieceTokenizer tokenizer = WordPieceTokenizer.read(file);
        if (tokenizer.size() > med.vocabSize()) {
            throw new SoupException(
                    "%s makes ids up to %d, but the model knows only %d tokens; copy the vocabulary"
                                    .formatted(file, tokenizer.size() - 1, med.vocabSize())
                            + " that belongs to it.");
        }
        return tokenizer;
    }
}
