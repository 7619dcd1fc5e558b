package org.diffusionsoup.cli.console;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;

/** Says in one sentence what went wrong. */
public final class Failures {
    private static final int MOST = Visible.MOST_ECHOED;
    private static final Pattern LONG_WORD = Pattern.compile("()(\\S{" + (MOST + 40) + ",})()");

    /** A quotation opens after and closes before what is no letter: "first's" opens none. */
    private static final Pattern LONG_QUOTE =
            Pattern.compile("(?<!\\w)(['\"])([^'\"]{" + (MOST + 40) + ",})(['\"])(?!\\w)");

    private Failures() {}

    /**
     * One sentence, on one line, for a failure of any kind but one: how checkpoints differ takes a
     * list. It has flags for the settings that it names.
     */
    public static String sentence(Throwable failure) {
        if (failure instanceof IncompatibleIngredientsException) {
            return Visible.lines(Flags.in(message(failure)));
        }
        String text =
                switch (failure) {
                    case UncheckedIOException e when e.getCause() != null -> sentence(e.getCause());
                    case NoSuchFileException e -> "there is no file " + e.getFile() + ".";
                    case FileNotFoundException e -> "cannot open " + e.getMessage() + ".";
                    case AccessDeniedException e -> "no permission for " + e.getFile() + ".";
                    case FileAlreadyExistsException e -> e.getFile() + " exists already.";
                    case DirectoryNotEmptyException e -> e.getFile() + " is not empty.";
                    case NotDirectoryException e -> e.getFile() + " is not a folder.";
                    case FileSystemException e ->
                            e.getFile() + ": " + (e.getReason() == null ? "failed" : e.getReason());
                    case IOException e -> "reading or writing failed: " + message(e);
                    case OutOfMemoryError e ->
                            "out of memory ("
                                    + message(e)
                                    + "); give the program more with SOUP_JAVA_OPTS=-Xmx8g.";
                    case SoupException e -> message(e);
                    default -> internal(failure);
                };
        String line = text.lines().map(String::strip).collect(Collectors.joining(" "));
        return shortened(Visible.text(Flags.in(line)));
    }

    /**
     * A message with every long word or quotation cut: what somebody typed or a file held is
     * repeated up to 200 characters of it.
     */
    public static String shortened(String message) {
        String words = LONG_WORD.matcher(message).replaceAll(Failures::cut);
        return LONG_QUOTE.matcher(words).replaceAll(Failures::cut);
    }

    private static String cut(MatchResult match) {
        return Matcher.quoteReplacement(
                match.group(1) + Visible.cut(match.group(2)) + match.group(3));
    }

    private static String internal(Throwable failure) {
        return "internal error ("
                + failure.getClass().getSimpleName()
                + ": "
                + message(failure)
                + "); add --debug to see where, and please report it.";
    }

    private static String message(Throwable failure) {
        String message = failure.getMessage();
        return message == null || message.isBlank()
                ? failure.getClass().getSimpleName()
                : message.strip();
    }
}
