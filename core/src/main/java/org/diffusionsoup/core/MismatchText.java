package org.diffusionsoup.core;

import java.util.List;
import org.diffusionsoup.core.Mismatch.Cause;

/** A report on mismatches as text: the first twenty of each cause, the counts, what to do. */
final class MismatchText {
    private static final int SHOWN = 20;

    private MismatchText() {}

    static String of(List<String> names, Mismatches m) {
        if (m.isEmpty()) {
            return "All checkpoints have the same tensors.\n";
        }
        StringBuilder text = new StringBuilder();
        text.append(
                m.isRefused()
                        ? "These checkpoints cannot be averaged as they are; compared with "
                        : "These checkpoints differ, and are averaged all the same; compared with ");
        text.append(Visible.text(names.getFirst())).append(":\n");
        List<Mismatch> all = m.all();
        m.counts()
                .forEach((cause, count) -> {
                    text.append("\n  ")
                            .append(cause.heading())
                            .append(" (")
                            .append(count)
                            .append(")\n");
                    List<Mismatch> of = all.stream().filter(x -> x.cause() == cause).toList();
                    of.stream()
                            .limit(SHOWN)
                            .forEach(x ->
                                    text.append("    ")
                                            .append(Visible.text(line(names, x)))
                                            .append('\n'));
                    if (count > SHOWN) {
                        text.append("    and ").append(count - SHOWN).append(" more\n");
                    }
                });
        List<String> guesses = m.guesses();
        if (!guesses.isEmpty()) {
            text.append("\nIt looks as if:\n");
            guesses.forEach(g -> text.append("  ").append(Visible.text(g)).append('\n'));
        }
        if (m.isRefused()) {
            List<String> ways =
                    all.stream()
                            .filter(Mismatch::refused)
                            .map(x -> way(x.cause()))
                            .filter(w -> !w.isEmpty())
                            .distinct()
                            .toList();
            if (!ways.isEmpty()) {
                text.append("\nTo average them nevertheless:\n");
                ways.forEach(w -> text.append("  ").append(w).append('\n'));
            }
        }
        return text.toString();
    }

    /** One difference on one line. */
    static String line(List<String> names, Mismatch m) {
        String who = names.get(m.input()) + ": ";
        return who
                + switch (m.cause()) {
                    case LAYOUT, ARCHITECTURE -> m.actual() + " instead of " + m.expected();
                    case MISSING_PART -> "no component " + m.part();
                    case EXTRA_PART -> "component " + m.part();
                    case MISSING_KEY -> "no " + m.place();
                    case EXTRA_KEY -> m.place();
                    case SHAPE, DTYPE, INTEGER ->
                            m.place() + " is " + m.actual() + " instead of " + m.expected();
                    case FILE ->
                            m.actual().equals("another content")
                                    ? m.place() + " has another content"
                                    : m.actual().equals("absent")
                                            ? "no file " + m.place()
                                            : "file " + m.place();
                };
    }

    private static String way(Cause cause) {
        return switch (cause) {
            case LAYOUT, ARCHITECTURE -> "";
            case MISSING_PART, MISSING_KEY ->
                    "--on-missing average-present   average over those that have it\n"
                            + "  --on-missing drop              leave it out";
            case EXTRA_PART, EXTRA_KEY ->
                    "--on-extra drop                leave it out\n"
                            + "  --on-extra keep                keep it";
            case SHAPE -> "--on-shape from-first          take the first's tensor";
            case DTYPE -> "--on-dtype convert             average, and store as the first does";
            case INTEGER -> "--on-dtype from-first          take the first's tensor";
            case FILE -> "--on-files from-first          take the first's files";
        };
    }
}
