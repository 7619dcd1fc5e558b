package org.diffusionsoup.cli.registry.arrival;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.store.LeftOut;
import org.diffusionsoup.registry.store.Manifest;

/** Says which files of a model's folder the registry did not keep. */
final class LeftOutNote {
    private static final int NAMED = 3;

    private LeftOutNote() {}

    static void say(Console console, Path weights, Manifest stored) {
        List<String> files = LeftOut.of(weights, stored);
        if (!files.isEmpty()) {
            console.note(
                    files.stream()
                                    .limit(NAMED)
                                    .map(Visible::shortened)
                                    .collect(Collectors.joining(", ", "Not kept: ", ""))
                            + (files.size() > NAMED
                                    ? " and " + Plural.of(files.size() - NAMED, "more file")
                                    : "")
                            + "; neither weights nor text nor a tokenizer's, or a recorded picture, and so no part of a model.");
        }
    }
}
