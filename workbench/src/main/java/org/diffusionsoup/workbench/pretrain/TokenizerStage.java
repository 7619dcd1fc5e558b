package org.diffusionsoup.workbench.pretrain;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.text.BpeTrainer;

/** The first stage: a tokenizer made from captions, or taken over. */
record TokenizerStage(Pretraining shared) {
    static final String NAME = "tokenizer";
    private static final int CAPTIONS = 20_000;

    /**
     * Makes it from captions of scenes that no training sees: those before the first.
     *
     * @return true: it takes seconds, and is not stopped
     */
    boolean run() {
        List<String> captions = new ArrayList<>();
        for (int i = 0; i < CAPTIONS; i++) {
            captions.add(shared.stream().caption(-1 - i));
        }
        Path folder = shared.work().resolve(NAME);
        ComponentFiles.makeFolder(folder);
        BpeTrainer.train(captions, shared.recipe().merges())
                .write(folder, shared.recipe().maxTokens());
        return true;
    }

    /** Takes a base's, for as many tokens as the recipe has. */
    void takeOver(Path base) {
        ComponentFiles.takeOver(NAME, base, shared.work());
        Path file = shared.work().resolve(NAME).resolve("tokenizer_config.json");
        ObjectNode config = JsonConfig.read(file).node().deepCopy();
        config.put("model_max_length", shared.recipe().maxTokens());
        ComponentFiles.write(file, JsonConfig.text(config));
    }
}
