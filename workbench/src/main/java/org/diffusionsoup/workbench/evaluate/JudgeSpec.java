package org.diffusionsoup.workbench.evaluate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.FolderKind;
import org.diffusionsoup.eval.AestheticJudge;
import org.diffusionsoup.eval.BlipVqaAnswerer;
import org.diffusionsoup.eval.ClipAnswerer;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.ImageRewardJudge;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.QuestionAnswerer;
import org.diffusionsoup.eval.TifaJudge;
import org.diffusionsoup.eval.TifaQuestions;

/**
 * Which judge. A command line names it {@code clip:DIR} or just {@code DIR}, {@code
 * imagereward:PATH}, {@code tifa:PATH} (BLIP-VQA answers), {@code tifa:clip:DIR} (a CLIP answers),
 * {@code aesthetic:DIR,HEAD}; recipes have words for the parts.
 *
 * @param kind of judge
 * @param model its folder or checkpoint
 * @param head of an aesthetic judge, empty for all others
 * @param questions file of a judge that asks, empty for all others
 */
public record JudgeSpec(Kind kind, Path model, Optional<Path> head, Optional<Path> questions)
        implements RecipeJudge {
    /** The forms a judge can take. */
    public enum Kind {
        CLIP("clip:"),
        IMAGE_REWARD("imagereward:"),
        TIFA_CLIP("tifa:clip:"),
        TIFA("tifa:"),
        AESTHETIC("aesthetic:");

        private final String prefix;

        Kind(String prefix) {
            this.prefix = prefix;
        }
    }

    /** All forms, for a flag's description. */
    public static final String FORMS =
            "clip:DIR, imagereward:PATH, tifa:PATH, tifa:clip:DIR or aesthetic:DIR,HEAD";

    /** A judge that needs nothing but its own weights. */
    public static JudgeSpec of(Kind kind, Path model) {
        return new JudgeSpec(kind, model, Optional.empty(), Optional.empty());
    }

    /**
     * Reads a command line's judge.
     *
     * @param questions file of a judge that asks
     * @throws SoupException if the paths it needs are not given, or questions are not wanted
     */
    public static JudgeSpec parse(String text, Optional<Path> questions) {
        Kind kind = Kind.CLIP;
        String rest = text;
        for (Kind k : Kind.values()) {
            if (text.startsWith(k.prefix)) {
                kind = k;
                rest = text.substring(k.prefix.length());
                break;
            }
        }
        Optional<Path> head = Optional.empty();
        if (kind == Kind.AESTHETIC) {
            int comma = rest.lastIndexOf(',');
            if (comma < 1 || comma == rest.length() - 1) {
                throw new SoupException(
                        "The judge '%s' needs a CLIP and a head: aesthetic:DIR,HEAD."
                                .formatted(text));
            }
            head = Optional.of(Path.of(rest.substring(comma + 1)));
            rest = rest.substring(0, comma);
        }
        if (rest.isBlank()) {
            throw new SoupException(
                    "The judge '%s' names no model; the forms are %s.".formatted(text, FORMS));
        }
        JudgeSpec spec = new JudgeSpec(kind, Path.of(rest), head, questions);
        if (spec.asks() && questions.isEmpty()) {
            throw new SoupException(
                    "TIFA asks questions; name their file with `questions` FILE"
                            + " (soup judge questions makes one).");
        }
        if (!spec.asks() && questions.isPresent()) {
            throw new SoupException(
                    "`questions` %s is for a tifa judge; this one asks none."
                            .formatted(questions.get()));
        }
        return spec;
    }

    /** Whether the judge that a command line names asks questions, which a file must hold. */
    public static boolean asks(String text) {
        return text.startsWith(Kind.TIFA.prefix);
    }

    private boolean asks() {
        return kind == Kind.TIFA || kind == Kind.TIFA_CLIP;
    }

    /** As a command line names it, with absolute paths; {@link #parse} reads it. */
    public String text() {
        String own = kind.prefix + model.toAbsolutePath().normalize();
        return head.map(h -> own + "," + h.toAbsolutePath().normalize()).orElse(own);
    }

    /** The files or folders it is loaded from, by what they are. */
    private Map<String, Path> needs() {
        Map<String, Path> needs = new LinkedHashMap<>();
        questions.ifPresent(q -> needs.put("TIFA's questions", q));
        needs.put(
                switch (kind) {
                    case CLIP, AESTHETIC -> "the CLIP folder";
                    case IMAGE_REWARD -> "ImageReward's weights";
                    case TIFA, TIFA_CLIP -> "the model that answers TIFA's questions";
                },
                model);
        head.ifPresent(h -> needs.put("the aesthetic head", h));
        return needs;
    }

    /** The first file or folder it is loaded from that does not exist. */
    public Optional<Path> missing() {
        return needs().values().stream().filter(path -> !Files.exists(path)).findFirst();
    }

    @Override
    public void requireFiles(String name, Set<String> later) {
        requireFiles(name);
    }

    /**
     * Refuses what is not there, or is no judge of this form.
     *
     * @param name of the judge, for the message
     * @throws SoupException naming the first file or folder that does not exist
     */
    public void requireFiles(String name) {
        needs().forEach((what, path) -> {
            if (!Files.exists(path)) {
                throw new SoupException(
                        "Judge '%s' needs %s at %s, which does not exist; put it there or name another."
                                .formatted(name, what, path));
            }
        });
        requireKind();
    }

    /** Refuses a folder that is no judge, or one of another form. */
    private void requireKind() {
        Optional<FolderKind> found = FolderKind.of(model);
        FolderKind wanted =
                kind == Kind.IMAGE_REWARD || kind == Kind.TIFA ? FolderKind.BLIP : FolderKind.CLIP;
        if (found.isEmpty() || found.get() == wanted) {
            return;
        }
        String named =
                switch (found.get()) {
                    case CLIP -> ": name it as clip:%s or tifa:clip:%s".formatted(model, model);
                    case BLIP -> ": name it as imagereward:%s or tifa:%s".formatted(model, model);
                    default -> ", not a judge; the forms of a judge are " + FORMS;
                };
        throw new SoupException("%s is %s%s.".formatted(model, found.get().words(), named));
    }

    @Override
    public void requireQuestions(List<String> prompts) {
        if (questions.isEmpty()) {
            return;
        }
        Set<String> asked = new HashSet<>(TifaQuestions.read(questions.get()).captions());
        for (String prompt : prompts) {
            if (!asked.contains(prompt)) {
                throw new SoupException(
                        "%s has no question about '%s'; TIFA needs some for every prompt (soup judge questions makes them)."
                                .formatted(questions.get(), prompt));
            }
        }
    }

    @Override
    public PictureScorer open() {
        return open(ClipConvention.RAW_COSINE);
    }

    /**
     * Loads the judge; the caller closes it.
     *
     * @param convention of a CLIP score; other judges have one scale only
     * @throws SoupException if a file is missing or damaged
     */
    public PictureScorer open(ClipConvention convention) {
        requireFiles(kind.prefix + model);
        if (kind != Kind.CLIP && convention != ClipConvention.RAW_COSINE) {
            throw new SoupException(
                    "A convention is a CLIP score's; leave `convention` out with this judge.");
        }
        return switch (kind) {
            case CLIP -> ClipJudge.load(model, convention);
            case IMAGE_REWARD -> ImageRewardJudge.load(model);
            case AESTHETIC -> AestheticJudge.load(model, head.orElseThrow());
            case TIFA, TIFA_CLIP -> {
                TifaQuestions asked = TifaQuestions.read(questions.orElseThrow());
                QuestionAnswerer answerer =
                        kind == Kind.TIFA ? BlipVqaAnswerer.load(model) : ClipAnswerer.load(model);
                yield new TifaJudge(answerer, asked);
            }
        };
    }
}
