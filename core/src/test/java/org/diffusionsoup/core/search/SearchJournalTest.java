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
                .hasMessageContaining("j.jsonl belongs to another search")
                .hasMessageContaining("ingredients");
        assertThatThrownBy(() -> run(new Greedy(), new SyntheticScorer(3, 2, 9, 1000), file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("its scores have another seed");
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
