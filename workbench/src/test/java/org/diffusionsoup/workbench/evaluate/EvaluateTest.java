package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.workbench.generate.Prompts;
import org.junit.jupiter.api.Test;

class EvaluateTest {
    private static final Shard EMOJI =
            ShardRef.parse(
                            Path.of(System.getProperty("basedir", ""))
                                    .toAbsolutePath()
                                    .resolveSibling("shards/emoji")
                                    .toString())
                    .open();

    private static List<String> keys(Shard shard) {
        return shard.infos().stream().map(SampleInfo::key).toList();
    }

    @Test
    void psnrOfAKnownErrorIsTheFormulas() {
        // Errors of 0.1 and 0.01 of the range: 20 dB and 40 dB.
        PsnrCheck check = PsnrCheck.of(List.of(0.01, 0.0001));
        assertThat(check.meanPsnr()).isCloseTo(30, within(1e-9));
        assertThat(check.psnrOfMeanMse()).isCloseTo(-10 * Math.log10(0.00505), within(1e-9));
        assertThat(check.worstPsnr()).isCloseTo(20, within(1e-9));
    }

    @Test
    void aPerfectPictureHasAFiniteFigure() {
        assertThat(PsnrCheck.of(List.of(0.0)).meanPsnr()).isCloseTo(120, within(1e-9));
    }

    @Test
    void chosenRowsHaveDifferentSubjectsAndPromptsAndDependOnTheSeedAlone() {
        Shard chosen = SubjectChoice.choose(EMOJI, 300, 1);
        assertThat(chosen.size()).isEqualTo(300);
        assertThat(chosen.infos().stream().map(SampleInfo::subject).distinct()).hasSize(300);
        assertThat(chosen.infos().stream().map(SampleInfo::prompt).distinct()).hasSize(300);
        assertThat(keys(SubjectChoice.choose(EMOJI, 300, 1))).isEqualTo(keys(chosen));
        assertThat(keys(SubjectChoice.choose(EMOJI, 300, 2))).isNotEqualTo(keys(chosen));
        // Several providers: not the first one's rows for every subject.
        assertThat(chosen.infos().stream().map(SampleInfo::provider).distinct())
                .hasSizeGreaterThan(2);
    }

    @Test
    void moreSubjectsThanThereAreIsRefused() {
        assertThatThrownBy(() -> SubjectChoice.choose(EMOJI, 50_000, 0))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`subjects` asks for 50000");
    }

    @Test
    void retrievalCountsRanksOfThePicturesOwnPrompts() {
        double[][] cosines = {
            {0.9, 0.1, 0.2, 0.3}, // first
            {0.8, 0.7, 0.1, 0.0}, // second
            {0.5, 0.5, 0.5, 0.5}, // all the same: last
            {0.1, 0.2, 0.3, 0.4} // first
        };
        SubjectRetrieval r = SubjectRetrieval.of("m", cosines, 2);
        assertThat(r.found().hits()).isEqualTo(3);
        assertThat(r.first().hits()).isEqualTo(2);
        assertThat(r.medianRank()).isEqualTo(1.5);
        assertThat(r.meanCosine()).isCloseTo((0.9 + 0.7 + 0.5 + 0.4) / 4, within(1e-12));
        assertThat(r.chance()).isEqualTo(0.5);
    }

    @Test
    void aKOutOfRangeIsRefused() {
        double[][] cosines = {{1, 0}, {0, 1}};
        assertThatThrownBy(() -> SubjectRetrieval.of("m", cosines, 3))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("number of subjects, 2");
    }

    @Test
    void seedsAreNumbersAndRanges() {
        assertThat(Prompts.seeds("7, 10-12,-3")).containsExactly(7L, 10L, 11L, 12L, -3L);
        assertThatThrownBy(() -> Prompts.seeds("0-99999999999")).isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> Prompts.seeds("")).isInstanceOf(SoupException.class);
    }
}
