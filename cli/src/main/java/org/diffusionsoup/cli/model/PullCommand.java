package org.diffusionsoup.cli.model;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.hub.Hub;
import org.diffusionsoup.workbench.hub.Pull;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup pull}: a model from a hub. */
@Command(
        name = "pull",
        description = {
            "Fetch a model from a hub that speaks Hugging Face's interface, into the cache that"
                    + " huggingface_hub uses too, and print where it is.",
            "Only what the model needs is fetched, only what is not there yet, and nothing whose"
                    + " hash is not the listed one. Stopped, the same command goes on."
        },
        footer = {
            "  soup pull stabilityai/stable-diffusion-2-1 --variant fp16",
            "  soup pull runwayml/stable-diffusion-v1-5 --revision main",
            "  soup pull org/checkpoints v1-5-pruned-emaonly.safetensors",
            "  HF_TOKEN=hf_... soup pull org/gated-model"
        })
public final class PullCommand extends SoupCommand {
    @Parameters(index = "0", paramLabel = "ORG/MODEL", description = "The model's name on the hub.")
    private String repository = "";

    @Parameters(
            index = "1..*",
            paramLabel = "FILE",
            description =
                    "Files to fetch, such as model.safetensors or 'unet/*'; by default what the"
                            + " model needs: configurations, vocabularies, and weights once, as"
                            + " safetensors where there are any.")
    private List<String> files = List.of();

    @Option(
            names = "--revision",
            defaultValue = "main",
            paramLabel = "REV",
            description = "Branch, tag or commit (default: ${DEFAULT-VALUE}).")
    private String revision = "main";

    @Option(
            names = "--variant",
            defaultValue = "",
            paramLabel = "WORD",
            description =
                    "Weights of this variant, such as fp16, where a component has them (default:"
                            + " the full ones).")
    private String variant = "";

    @Option(
            names = "--endpoint",
            paramLabel = "URL",
            description = "The hub (default: HF_ENDPOINT, or " + Hub.ENDPOINT + ").")
    private Optional<String> endpoint = Optional.empty();

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description =
                    "Folder of all models (default: HF_HUB_CACHE, HF_HOME/hub or"
                            + " ~/.cache/huggingface/hub).")
    private Optional<Path> cache = Optional.empty();

    @Override
    protected void run(Console console) {
        if (!variant.isEmpty() && !files.isEmpty()) {
            throw misuse("--variant chooses among a model's weights; with FILE, name them.");
        }
        Map<String, String> environment = new LinkedHashMap<>(System.getenv());
        endpoint.ifPresent(e -> environment.put("HF_ENDPOINT", e));
        Path place = cache.orElseGet(() -> Pull.cacheOf(environment));
        console.onStop(() ->
                "Stopped; what came so far is in %s, and the same command goes on from there."
                        .formatted(place));
        Pull.Result there;
        long start = System.nanoTime();
        try (Progress progress = console.progress()) {
            there =
                    new Pull(Pull.hubOf(environment), place, progress)
                            .run(new Pull.Request(repository, revision, files, variant));
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("place", there.place().toString());
        json.put("commit", there.commit());
        json.put("files", there.files());
        json.put("bytes", there.bytes());
        json.put("fetched", there.fetched());
        json.put("seconds", seconds);
        console.result(
                json,
                text -> {
                    text.printf(
                            Locale.ROOT,
                            "%s, %,.1f MB, of which %,.1f MB came now in %.1f s; commit %s%n",
                            Plural.of(there.files(), "file"),
                            there.bytes() / 1e6,
                            there.fetched() / 1e6,
                            seconds,
                            there.commit());
                    text.println(there.place());
                });
    }
}
