package org.diffusionsoup.workbench.study;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;

/**
 * The paper's claims beside what studies found here, as a Markdown page: it is written from the
 * results alone, so that it cannot say something else than they do.
 */
public final class PaperReport {
    private static final String HEADING = "# The paper's claims, one by one";

    /** A page that the same command made. */
    public static final OutputKind KIND =
            new OutputKind("a page of claims", List.of(".md"), PaperReport::isOne);

    /** Studies that are commands of their own. */
    private static final SequencedMap<String, String> OTHERS = new LinkedHashMap<>();

    static {
        OTHERS.put("propositions", "Propositions 1 and 2");
        OTHERS.put("linear", "Eqs. 4 and 5");
        OTHERS.put("costs", "Section 5.2");
        OTHERS.put("naf", "Proposition 3");
    }

    private final StudyFiles files;
    private final Map<Claim.Verdict, Integer> counts = new EnumMap<>(Claim.Verdict.class);
    private int open;

    /**
     * @param results folder of the studies' results files
     */
    public PaperReport(Path results) {
        files = new StudyFiles(results);
    }

    private static boolean isOne(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.findFirst().filter(HEADING::equals).isPresent();
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    /**
     * Writes the page; an earlier one is replaced.
     *
     * @throws SoupException if there are no results at all
     */
    public void write(Path file) {
        if (!files.hasAny()) {
            throw new SoupException(
                    files + " holds no results of studies; 'soup study run' makes them.");
        }
        AtomicFiles.write(file, text().getBytes(StandardCharsets.UTF_8));
    }

    /** The page. */
    public String text() {
        counts.clear();
        open = 0;
        List<String> rows = Claims.read().stream().map(this::row).toList();
        return template()
                .replace("{heading}", HEADING)
                .replace("{summary}", summary())
                .replace("{claims}", String.join("", rows))
                .replace("{unclaimed}", unclaimed())
                .replace("{studies}", studies());
    }

    private static String template() {
        try (InputStream in =
                Objects.requireNonNull(PaperReport.class.getResourceAsStream("paper.md"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new SoupException("The page's text is damaged: " + e.getMessage(), e);
        }
    }

    private String summary() {
        return "Of %d claims %d agree, %d differ, of %d the results cannot tell; %d have no result here."
                .formatted(
                        counts.values().stream().mapToInt(i -> i).sum() + open,
                        counts.getOrDefault(Claim.Verdict.AGREES, 0),
                        counts.getOrDefault(Claim.Verdict.DIFFERS, 0),
                        counts.getOrDefault(Claim.Verdict.CANNOT_TELL, 0),
                        open);
    }

    private String row(Claim claim) {
        String here = claim.note();
        String verdict = "no result here";
        if (claim.check().isPresent() && files.has(claim.study().orElseThrow())) {
            String study = claim.study().get();
            List<Claim.Finding> findings = claim.check().get().of(files, study);
            counts.merge(overall(findings), 1, Integer::sum);
            verdict = verdict(findings);
            List<String> lines = new ArrayList<>();
            lines.add(claim.check().get().compared());
            findings.forEach(f -> lines.add((f.judge() + " " + f.here()).strip()));
            lines.add(claim.note());
            lines.removeIf(String::isEmpty);
            here = String.join("<br>", lines) + " (" + study + ")";
        } else {
            open++;
        }
        return "| %s | %s | %s | %s | %s |\n"
                .formatted(claim.where(), claim.says(), claim.paper(), here, verdict);
    }

    /** The worst of a claim's findings counts: it is about all of them. */
    private static Claim.Verdict overall(List<Claim.Finding> findings) {
        List<Claim.Verdict> all = findings.stream().map(Claim.Finding::verdict).toList();
        if (all.contains(Claim.Verdict.DIFFERS)) {
            return Claim.Verdict.DIFFERS;
        }
        return all.contains(Claim.Verdict.CANNOT_TELL)
                ? Claim.Verdict.CANNOT_TELL
                : Claim.Verdict.AGREES;
    }

    /** One word where all judges agree, otherwise one per judge. */
    private static String verdict(List<Claim.Finding> findings) {
        Map<Claim.Verdict, List<String>> by = new LinkedHashMap<>();
        for (Claim.Finding f : findings) {
            by.computeIfAbsent(f.verdict(), v -> new ArrayList<>()).add(f.judge());
        }
        if (by.size() == 1) {
            return "**" + by.keySet().iterator().next().text() + "**";
        }
        return by.entrySet().stream()
                .map(e -> "**" + e.getKey().text() + "**: " + String.join(", ", e.getValue()))
                .collect(Collectors.joining("<br>"));
    }

    private static String unclaimed() {
        return Claims.unclaimed().stream()
                .map(u -> "| %s | %s | %s |\n".formatted(u.study(), what(u), u.why()))
                .collect(Collectors.joining());
    }

    private static String what(Claims.Unclaimed u) {
        List<String> parts = new ArrayList<>();
        if (!u.models().isEmpty()) {
            parts.add(String.join("; ", u.models()));
        }
        if (!u.judges().isEmpty()) {
            parts.add("all models by " + String.join(", ", u.judges()));
        }
        parts.add(u.what());
        parts.removeIf(String::isEmpty);
        return String.join("<br>", parts);
    }

    private String studies() {
        StringBuilder text = new StringBuilder();
        for (Study study : Study.values()) {
            String word = study.word();
            if (!files.has(word)) {
                text.append("| %s | %s | | not made |\n".formatted(word, study.title()));
                continue;
            }
            StudyResults r = files.results(word);
            text.append(
                    "| [%s](results/%s.json) | %s | %d × %d | %s |\n"
                            .formatted(
                                    word, word, study.title(), r.prompts(), r.seeds(), r.date()));
        }
        OTHERS.forEach((word, title) ->
                text.append(
                        files.has(word)
                                ? "| [%s](results/%s.json) | %s | | |\n"
                                        .formatted(word, word, title)
                                : "| %s | %s | | not made |\n".formatted(word, title)));
        return text.toString();
    }
}
