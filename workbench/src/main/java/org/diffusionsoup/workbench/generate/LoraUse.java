package org.diffusionsoup.workbench.generate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.lora.Lora;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * A LoRA as a command line names it.
 *
 * @param file its file
 * @param strength what its updates are multiplied with
 */
public record LoraUse(Path file, double strength) {
    private static final Pattern WITH_STRENGTH =
            Pattern.compile("(?s)(.+):([-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?)");

    /**
     * Reads {@code FILE} or {@code FILE:0.7}.
     *
     * @throws SoupException if there is no such file
     */
    public static LoraUse parse(String text) {
        Path whole = Path.of(text);
        Matcher m = WITH_STRENGTH.matcher(text);
        LoraUse use =
                m.matches() && !Files.exists(whole)
                        ? new LoraUse(Path.of(m.group(1)), Double.parseDouble(m.group(2)))
                        : new LoraUse(whole, 1);
        if (!Files.exists(use.file)) {
            throw new SoupException(
                    "There is no LoRA %s; name a file, or FILE:0.7 with its strength."
                            .formatted(use.file));
        }
        return use;
    }

    /** What a picture's file says of it: the strength, the file's hash and its name. */
    public String text() {
        return strength + " " + Hashes.sha256(file) + " " + file.getFileName();
    }

    /** Open LoRAs. */
    public record Open(List<LoraFusion.Term> terms) implements AutoCloseable {
        public Open {
            terms = List.copyOf(terms);
        }

        @Override
        public void close() {
            terms.forEach(t -> t.lora().close());
        }
    }

    /**
     * Opens LoRAs for a model, which they are checked against.
     *
     * @param model its components under diffusers' names; empty if none is at hand
     * @throws SoupException naming file and tensor if one does not fit the model
     */
    public static Open open(List<LoraUse> uses, Map<String, ? extends TensorSource> model) {
        List<LoraFusion.Term> terms = new ArrayList<>();
        try {
            for (LoraUse use : uses) {
                Lora lora = Lora.open(use.file, model);
                terms.add(new LoraFusion.Term(lora, use.strength));
            }
            if (!model.isEmpty()) {
                LoraFusion.check(model, terms);
            }
            return new Open(terms);
        } catch (RuntimeException e) {
            terms.forEach(t -> t.lora().close());
            throw e;
        }
    }
}
