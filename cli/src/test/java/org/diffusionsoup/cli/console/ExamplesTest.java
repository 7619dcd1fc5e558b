package org.diffusionsoup.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExamplesTest {
    @Test
    void aLineThatFitsStays() {
        String line = "  soup data list";
        assertThat(Examples.wrapped(line, 40)).isEqualTo(line);
    }

    @Test
    void aLongerOneIsBrokenBetweenArgumentsAsAShellReadsIt() {
        String line = "  soup generate --prompt 'a red apple, on white' --seeds 0-3 -o grid.png";
        String wrapped = Examples.wrapped(line, 40);
        assertThat(wrapped.lines()).allMatch(l -> l.length() <= 40).hasSizeGreaterThan(1);
        assertThat(wrapped).contains("'a red apple, on white'");
        String joined = wrapped.replace(" \\\n", " ").replaceAll(" +", " ");
        assertThat(joined).isEqualTo(line.replaceAll(" +", " "));
    }

    @Test
    void proseIsLeftAlone() {
        String prose = "'soup COMMAND --help' tells more about a command, with examples.";
        assertThat(Examples.wrapped(prose, 20)).isEqualTo(prose);
    }
}
