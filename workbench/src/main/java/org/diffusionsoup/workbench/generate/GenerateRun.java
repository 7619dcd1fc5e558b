package org.diffusionsoup.workbench.generate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.diffusion.model.ComponentFit;
import org.diffusionsoup.diffusion.model.WeightsFit;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureMetadata;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.Progress;

/**
 * Draws with every model of a request, one model in memory at a time, and writes PNG files that
 * carry their settings. Files appear after the last picture is drawn, whole or not at all.
 */
public final class GenerateRun {
    /** Keyword of the program's version in a PNG file. */
    public static final String VERSION_KEY = "soup_version";

    /** Keyword of the LoRAs that were in the models, in a PNG file. */
    public static final String LORAS_KEY = "loras";

    private static final int SLUG = 60;

    private final GenerateRequest request;
    private final Progress progress;
    private List<String> loras = List.of();

    /** A run that tells {@code progress} how far it is. */
    public GenerateRun(GenerateRequest request, Progress progress) {
        this.request = request;
        this.progress = progress;
    }

    /**
     * What was drawn.
     *
     * @param models one per model, or one for an ensemble, in the request's order
     * @param seconds spent drawing, without loading
     * @param notes what of the prompts was not read and which size is unusual, each sentence once;
     *     one that is not about all models ends in their names
     */
    public record Result(List<Drawn> models, double seconds, List<String> notes) {
        public Result {
            models = List.copyOf(models);
            notes = List.copyOf(notes);
        }

        /** Number of pictures of all models. */
        public int pictures() {
            return models.stream().flatMap(m -> m.pictures().stream()).mapToInt(List::size).sum();
        }
    }

    private record Single(String file, RgbImage image, Map<String, String> text) {}

    /** Draws and writes. */
    public Result run() {
        for (Path model : request.models()) { // before the first one draws
            ComponentFit.requireAll(model);
            WeightsFit.require(model);
        }
        List<Drawn> drawn = new ArrayList<>();
        List<Single> singles = new ArrayList<>();
        double seconds = 0;
        Map<String, List<String>> notes = new LinkedHashMap<>();
        List<String> names = ModelNames.of(request.models());
        Map<String, String> members = new LinkedHashMap<>();
        int runs = request.ensemble().wanted() ? 1 : names.size();
        for (int m = 0; m < runs; m++) {
            progress.start(
                    "load "
                            + (request.ensemble().wanted() ? "the ensemble" : names.get(m))
                            + (request.loras().isEmpty() ? "" : " and put LoRAs in"),
                    0,
                    "");
            try (Generator generator =
                    request.ensemble().wanted()
                            ? request.ensemble().open(request.models(), request.settings())
                            : Generator.open(
                                    request.models().get(m), request.settings(), request.loras())) {
                String name = request.ensemble().wanted() ? generator.name() : names.get(m);
                for (String note : generator.notes(request.prompts())) {
                    notes.computeIfAbsent(note, n -> new ArrayList<>()).add(name);
                }
                long start = System.nanoTime();
                List<List<RgbImage>> pictures =
                        generator.grid(request.prompts(), request.seeds(), progress);
                seconds += (System.nanoTime() - start) / 1e9;
                drawn.add(
                        new Drawn(name, generator.unetHash(), generator.schedulerName(), pictures));
                members.putAll(generator.members());
                singles.addAll(singles(m, name, generator, pictures));
            }
        }
        request.folder().ifPresent(folder -> writeEach(folder, singles));
        request.sheet().ifPresent(file -> writeSheet(file, drawn, singles, members));
        List<String> said = new ArrayList<>();
        if (request.ensemble().wanted() && names.size() == 1) {
            said.add(
                    "An ensemble of one model draws what the model draws; give `model` again for another.");
        }
        if (request.seeds().contains(-1L)) {
            said.add(
                    "Seed -1, which other programs take as a random one, is a seed like any other here: it draws the same again.");
        }
        notes.forEach((note, of) ->
                said.add(of.size() == runs ? note : note + " (" + String.join(", ", of) + ")"));
        return new Result(drawn, seconds, said);
    }

    private List<Single> singles(
            int model, String name, Generator generator, List<List<RgbImage>> pictures) {
        List<Single> out = new ArrayList<>();
        for (int p = 0; p < pictures.size(); p++) {
            String prompt = request.prompts().get(p);
            for (int s = 0; s < pictures.get(p).size(); s++) {
                long seed = request.seeds().get(s);
                Map<String, String> text =
                        new LinkedHashMap<>(generator.metadata(prompt, seed).toText());
                request.settings().source().ifPresent(source -> text.putAll(source.toText()));
                text.put("model", name);
                text.putAll(generator.members());
                putLoras(text);
                text.computeIfPresent(PictureMetadata.PARAMETERS_KEY, (k, v) -> v + besides());
                text.put(VERSION_KEY, SoupVersion.current());
                String prefix = request.models().size() == 1 ? "" : "m" + (model + 1) + "-";
                out.add(
                        new Single(
                                "%sp%03d-%s-seed%d.png"
                                        .formatted(prefix, p + 1, slug(prompt), seed),
                                pictures.get(p).get(s),
                                text));
            }
        }
        return out;
    }

    private static void writeEach(Path folder, List<Single> singles) {
        AtomicFiles.writeFolder(
                folder,
                temp -> {
                    for (Single single : singles) {
                        PngFiles.write(temp.resolve(single.file()), single.image(), single.text());
                    }
                });
    }

    private void writeSheet(
            Path file, List<Drawn> drawn, List<Single> singles, Map<String, String> members) {
        PngFiles.write(
                file,
                Sheet.of(drawn, request.prompts(), request.seeds()),
                singles.size() == 1 ? singles.getFirst().text() : sheetText(drawn, members));
    }

    /** The settings of all pictures; plural keywords hold one entry a line. */
    private Map<String, String> sheetText(List<Drawn> drawn, Map<String, String> members) {
        Map<String, String> text = new LinkedHashMap<>();
        text.put("prompts", String.join("\n", request.prompts()));
        if (!request.settings().negativePrompt().isEmpty()) {
            text.put("negative_prompt", request.settings().negativePrompt());
        }
        text.put("seeds", lines(request.seeds()));
        text.put("models", lines(drawn.stream().map(Drawn::name).toList()));
        text.put("models_sha256", lines(drawn.stream().map(Drawn::unetHash).toList()));
        text.putAll(members);
        putLoras(text);
        text.put("schedulers", lines(drawn.stream().map(Drawn::scheduler).toList()));
        text.put("guidance_scale", Double.toString(request.settings().guidance()));
        text.put("steps", Integer.toString(request.settings().steps()));
        PictureMetadata.putWeights(text, request.settings().weights().dtype());
        request.settings().source().ifPresent(source -> text.putAll(source.toText()));
        text.put(VERSION_KEY, SoupVersion.current());
        text.put("Software", "Diffusion Soup");
        return text;
    }

    /** What the one-string form says of LoRAs and of the picture that was started from. */
    private String besides() {
        StringBuilder out = new StringBuilder();
        request.settings()
                .source()
                .ifPresent(s -> out.append(", Denoising strength: ").append(s.strength()));
        if (!request.loras().isEmpty()) {
            out.append(
                    request.loras().stream()
                            .map(l -> "%s:%s".formatted(l.file().getFileName(), l.strength()))
                            .collect(Collectors.joining(" ", ", LoRAs: ", "")));
        }
        return out.toString();
    }

    /** One a line: strength, hash of the file, its name. */
    private void putLoras(Map<String, String> text) {
        if (loras.isEmpty()) { // hashed once, and not before they were read as LoRAs
            loras = request.loras().stream().map(LoraUse::text).toList();
        }
        if (!loras.isEmpty()) {
            text.put(LORAS_KEY, lines(loras));
        }
    }

    private static String lines(List<?> values) {
        return values.stream().map(String::valueOf).collect(Collectors.joining("\n"));
    }

    /** A prompt as part of a file name: lower-case letters, digits and hyphens. */
    static String slug(String prompt) {
        String slug =
                prompt.toLowerCase(Locale.ROOT)
                        .replaceAll("[^a-z0-9]+", "-")
                        .replaceAll("^-|-$", "");
        String cut = slug.substring(0, Math.min(SLUG, slug.length()));
        return cut.isEmpty() ? "prompt" : cut;
    }
}
