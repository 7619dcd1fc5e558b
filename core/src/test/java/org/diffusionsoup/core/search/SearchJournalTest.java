package org.diffusionsoup.core.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Killed at every step, a search goes on where it was. */
class SearchJournalTest {
    private static final List<SearchMethod> METHODS =
            List.of(
                    new Greedy(),
                    new ReverseGreedy(),
                    new LeaveOneOut(),
                    new SimplexSearch(new CoordinateDescent(), 3));

    @TempDir Path folder;

    private static SearchResult run(SearchMethod method, SyntheticScorer s, Path file) {
        try (SearchJournal journal = SearchJournal.open(file)) {
            return method.run(
                    new ScoreBook(
                            s,
                            s,
                            Optional.of(journal),
                            Acceptance.ANY_IMPROVEMENT,
                            25,
                            ScoreBook.Listener.NONE));
        }
    }

    @Test
    void killedAtEachEvaluationItResumesToTheSameAnswerAndRepeatsNone() throws IOException {
        int resumed = 0;
        for (SearchMethod method : METHODS) {
            SyntheticScorer whole = new SyntheticScorer(4, 4, 17, 1000);
            Path wholeFile = folder.resolve(method.name() + "-whole.jsonl");
            SearchResult expected = run(method, whole, wholeFile);
            for (int kill = 0; kill < whole.asked.size(); kill++) {
                Path file = folder.resolve(method.name() + "-" + kill + ".jsonl");
                SyntheticScorer dying = whole.again();
                dying.dieAt = kill;
                assertThatThrownBy(() -> run(method, dying, file))
                        .isInstanceOf(SyntheticScorer.Killed.class);
                SyntheticScorer rest = whole.again();
                SearchResult r = run(method, rest, file);
                assertThat(r.best()).isEqualTo(expected.best());
                assertThat(r.steps()).isEqualTo(expected.steps());
                assertThat(r.evaluations()).isEqualTo(expected.evaluations());
                assertThat(dying.asked.size() + rest.asked.size()).isEqualTo(whole.asked.size());
                Set<Candidate> all = new HashSet<>(dying.asked);
                all.addAll(rest.asked);
                assertThat(all).hasSize(whole.asked.size());
                assertThat(r.scored()).isEqualTo(rest.asked.size());
                assertThat(Files.readAllBytes(file)).isEqualTo(Files.readAllBytes(wholeFile));
                resumed++;
            }
        }
        assertThat(resumed).isGreaterThan(40);
    }

    @Test
    void cutAnywhereTheRestIsScoredAgain() throws IOException {
        SyntheticScorer whole = new SyntheticScorer(3, 2, 8, 1000);
        Path file = folder.resolve("whole.jsonl");
        SearchResult expected = run(new Greedy(), whole, file);
        byte[] all = Files.readAllBytes(file);
        for (int cut = 0; cut < all.length; cut += 7) {
            Path part = folder.resolve("part.jsonl");
            Files.write(part, Arrays.copyOf(all, cut));
            String kept = new String(all, 0, cut, StandardCharsets.UTF_8);
            long lines =
                    kept.substring(0, kept.lastIndexOf('\n') + 1)
                            .lines()
                            .filter(l -> l.startsWith("{\"shares\""))
                            .count();
            SyntheticScorer rest = whole.again();
            SearchResult r = run(new Greedy(), rest, part);
            assertThat(r.best()).isEqualTo(expected.best());
            assertThat(rest.asked).hasSize(whole.asked.size() - (int) lines);
            assertThat(Files.readAllBytes(part)).isEqualTo(all);
        }
    }

    @Test
    void methodsShareAJournal() {
        SyntheticScorer s = new SyntheticScorer(4, 3, 2, 1000);
        Path file = folder.resolve("shared.jsonl");
        run(new Greedy(), s, file);
        SyntheticScorer again = s.again();
        SearchResult r = run(new ReverseGreedy(), again, file);
        assertThat(again.asked).allMatch(c -> c.members().size() > 1);
        assertThat(r.scored()).isEqualTo(again.asked.size()).isLessThan(r.evaluations().size());
    }

    @Test
    void anotherSearchsJournalIsRefusedInOneSentence() {
        Path file = folder.resolve("j.jsonl");
        run(new Greedy(), new SyntheticScorer(3, 2, 8, 1000), file);
        assertThatThrownBy(() -> run(new Greedy(), new SyntheticScorer(4, 2, 8, 1000), file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("j.jsonl is not of this search")
                .hasMessageContaining("ingredients");
        assertThatThrownBy(() -> run(new Greedy(), new SyntheticScorer(3, 2, 9, 1000), file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(
                        "its scores were made with other settings (seed 8/1000, now 9/1000); name");
    }

    @Test
    void whereNothingWasNotedNothingIsLeft() throws IOException {
        SyntheticScorer dying = new SyntheticScorer(3, 2, 8, 1000);
        dying.dieAt = 0;
        Path file = folder.resolve("nothing.jsonl");
        assertThatThrownBy(() -> run(new Greedy(), dying, file))
                .isInstanceOf(SyntheticScorer.Killed.class);
        assertThat(file).doesNotExist();
        SearchJournal.open(file).close();
        assertThat(file).doesNotExist();

        // A process that ends at once closes nothing: what it leaves is a first line at most.
        Path noted = folder.resolve("noted.jsonl");
        run(new Greedy(), new SyntheticScorer(3, 2, 8, 1000), noted);
        Files.write(file, Files.readAllLines(noted).subList(0, 1));
        Path empty = folder.resolve("nothing.jsonl.test");
        Files.createFile(empty);
        Path notes = folder.resolve("my-notes.txt");
        Files.writeString(notes, "my notes");
        assertThat(JournalNotes.areIn(file)).isFalse();
        assertThat(JournalNotes.areIn(noted)).isTrue();
        List.of(file, empty, noted, notes, folder.resolve("none"))
                .forEach(JournalNotes::removeWithout);
        assertThat(file).doesNotExist();
        assertThat(empty).doesNotExist();
        assertThat(noted).exists();
        assertThat(notes).exists();
    }

    @Test
    void whatIsNoJournalIsRefusedAndLeftAlone() throws IOException {
        Path file = folder.resolve("notes.txt");
        Files.writeString(file, "my notes");
        assertThatThrownBy(() -> SearchJournal.open(file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("no search journal");
        assertThat(file).hasContent("my notes");
        run(new Greedy(), new SyntheticScorer(2, 2, 8, 10), folder.resolve("d.jsonl"));
        List<String> lines =
                new java.util.ArrayList<>(Files.readAllLines(folder.resolve("d.jsonl")));
        lines.set(1, lines.get(1).replace("scores", "score"));
        Path damaged = folder.resolve("damaged.jsonl");
        Files.write(damaged, lines);
        assertThatThrownBy(() -> SearchJournal.open(damaged))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("line 2", "scores");
    }

    @Test
    void aChangedLineIsRefusedByFileAndNumber() throws IOException {
        Path whole = folder.resolve("right.jsonl");
        run(new Greedy(), new SyntheticScorer(3, 2, 8, 1000), whole);
        Path other = folder.resolve("other.jsonl");
        run(new Greedy(), new SyntheticScorer(3, 2, 9, 1000), other);
        List<String> lines = Files.readAllLines(whole);
        String decision =
                lines.stream().filter(l -> l.contains("\"verdict\"")).findFirst().orElseThrow();
        List<List<String>> changes =
                List.of(
                        List.of(lines.get(1), lines.get(1).replaceFirst("mean\":", "mean\":1")),
                        List.of(
                                lines.get(2),
                                lines.get(2).replaceFirst("scores\":\\[[^,]+", "scores\":[5.0")),
                        List.of(lines.get(3), lines.get(3).replaceAll(",\"sha256\".*", "}")),
                        List.of(lines.get(1), Files.readAllLines(other).get(1)),
                        List.of(
                                decision,
                                decision.contains("\"accepted\":true")
                                        ? decision.replace(
                                                "\"accepted\":true", "\"accepted\":false")
                                        : decision.replace(
                                                "\"accepted\":false", "\"accepted\":true")));
        for (List<String> change : changes) {
            assertThat(change.get(1)).isNotEqualTo(change.get(0));
            List<String> damaged = new java.util.ArrayList<>(lines);
            int at = lines.indexOf(change.get(0));
            damaged.set(at, change.get(1));
            Path file = folder.resolve("changed.jsonl");
            Files.write(file, damaged);
            assertThatThrownBy(() -> SearchJournal.open(file))
                    .as(change.get(1))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("line " + (at + 1) + " of the journal " + file)
                    .hasMessageContaining("is damaged")
                    .hasMessageContaining("remove this line");
            assertThat(Files.readAllLines(file)).isEqualTo(damaged);
            damaged.remove(at);
            Files.write(file, damaged);
            run(new Greedy(), new SyntheticScorer(3, 2, 8, 1000), file);
            assertThat(Files.readAllLines(file)).containsExactlyInAnyOrderElementsOf(lines);
        }
    }

    @Test
    void aJournalOfAnEarlierVersionIsGoneOnWith() throws IOException {
        SyntheticScorer s = new SyntheticScorer(3, 2, 8, 1000);
        Path file = folder.resolve("old.jsonl");
        SearchResult expected = run(new Greedy(), s, file);
        List<String> lines = new java.util.ArrayList<>(Files.readAllLines(file));
        int kept = lines.size() - 2;
        List<String> old = new java.util.ArrayList<>(lines.subList(0, 1));
        lines.subList(1, kept).forEach(l -> old.add(l.replaceAll(",\"sha256\".*", "}")));
        Files.write(file, old);
        SearchResult again = run(new Greedy(), s.again(), file);
        assertThat(again.best()).isEqualTo(expected.best());
        List<String> mixed = Files.readAllLines(file);
        assertThat(mixed.subList(0, kept)).isEqualTo(old);
        assertThat(mixed.subList(kept, mixed.size())).isEqualTo(lines.subList(kept, lines.size()));

        old.set(1, old.get(1).replaceFirst("mean\":", "mean\":1"));
        Files.write(file, old);
        assertThatThrownBy(() -> SearchJournal.open(file))
                .hasMessageContaining("line 2 of the journal")
                .hasMessageContaining("its mean is not that of its scores");
    }

    @Test
    void twoSearchesCannotUseOneJournalAtOnce() {
        Path file = folder.resolve("busy.jsonl");
        try (SearchJournal held = SearchJournal.open(file)) {
            assertThat(held.size()).isZero();
            assertThatThrownBy(() -> SearchJournal.open(file))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("in use");
        }
    }
}
