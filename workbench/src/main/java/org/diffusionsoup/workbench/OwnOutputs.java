package org.diffusionsoup.workbench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.eval.TifaQuestions;
import org.diffusionsoup.workbench.evaluate.EvaluationFiles;

/**
 * Kinds of outputs that commands replace without being told to, because the same command made the
 * one before: each file says that it is by Diffusion Soup, and any other is left alone.
 */
public final class OwnOutputs {
    /** What a picture without settings says of itself. */
    public static final Map<String, String> MARK = Map.of("Software", SoupVersion.PROGRAM);

    /** A drawn picture or plot. */
    public static final OutputKind PICTURE =
            own("a PNG picture by Diffusion Soup", OutputKind.PNG, ".png");

    /** A report. */
    public static final OutputKind PAGE =
            own("an HTML page by Diffusion Soup", OutputKind.HTML, ".html", ".htm");

    /** A drawing of a lineage. */
    public static final OutputKind DRAWING =
            own("an SVG drawing by Diffusion Soup", OutputKind.SVG, ".svg");

    /** Questions about pictures. */
    public static final OutputKind QUESTIONS =
            new OutputKind("a file of questions", List.of(".json"), OwnOutputs::isQuestions);

    /** A demo's models, pictures and report; {@code plan.txt} says which demo it is. */
    public static final OutputKind DEMO =
            OutputKind.unlisted(
                    "a demo",
                    f -> Files.isRegularFile(f.resolve("plan.txt")) || FolderLock.isAllOf(f));

    /** The results of an evaluation. */
    public static final OutputKind EVALUATION =
            OutputKind.unlisted(
                    "a folder of results",
                    f ->
                            Files.isRegularFile(f.resolve(EvaluationFiles.RESULTS))
                                    || Files.isDirectory(f.resolve(EvaluationFiles.CACHE))
                                    || FolderLock.isAllOf(f));

    private static final int HEAD = 1 << 16;

    private OwnOutputs() {}

    private static OutputKind own(String noun, OutputKind any, String... endings) {
        return new OutputKind(
                noun, List.of(endings), file -> any.isOne().test(file) && isOurs(file));
    }

    private static boolean isOurs(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] head = in.readNBytes(HEAD);
            long size = Files.size(file);
            in.skipNBytes(Math.max(0, size - head.length - HEAD));
            byte[] tail = in.readNBytes(HEAD); // other texts in front may be long
            return new String(head, StandardCharsets.ISO_8859_1).contains(SoupVersion.PROGRAM)
                    || new String(tail, StandardCharsets.ISO_8859_1).contains(SoupVersion.PROGRAM);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static boolean isQuestions(Path file) {
        try {
            return Files.isRegularFile(file) && !TifaQuestions.read(file).questions().isEmpty();
        } catch (SoupException e) {
            return false;
        }
    }
}
