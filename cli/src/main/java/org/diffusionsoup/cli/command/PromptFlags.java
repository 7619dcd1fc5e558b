package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.diffusionsoup.workbench.evaluate.SubjectChoice;
import org.diffusionsoup.workbench.generate.Prompts;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where prompts come from: the options of commands that draw and judge. */
public final class PromptFlags {
    @Option(
            names = "--prompts",
            paramLabel = "FILE",
            description =
                    "File with one prompt a line; lines that start with # are left out. Of a table"
                            + " (.csv, .tsv) or JSON (.json, .jsonl; MS-COCO's captions too) what is"
                            + " called prompt, caption or text.")
    private Optional<Path> file = Optional.empty();

    @Mixin private ShardFlags shard = new ShardFlags();

    public boolean hasFile() {
        return file.isPresent();
    }

    public ShardFlags shard() {
        return shard;
    }

    /** The file's prompts, then the shard's; the list may be added to. */
    public List<String> read() {
        List<String> prompts = new ArrayList<>();
        file.ifPresent(f -> prompts.addAll(Prompts.read(f)));
        if (shard.isGiven()) {
            prompts.addAll(SubjectChoice.prompts(shard.open(false, OptionalInt.empty())));
        }
        return prompts;
    }
}
