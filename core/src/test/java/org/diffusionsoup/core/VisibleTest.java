package org.diffusionsoup.core;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class VisibleTest {
    private static final String ESC = "\u001b";

    @Test
    void whatMovesATerminalBecomesVisible() {
        assertThat(Visible.text("a" + ESC + "[2Jb")).isEqualTo("a\\u001b[2Jb");
        assertThat(Visible.text(ESC + "]0;title\u0007")).isEqualTo("\\u001b]0;title\\u0007");
        assertThat(Visible.text("a\nb\rc\td")).isEqualTo("a\\nb\\rc\\td");
        assertThat(Visible.text("\u009b31m \u007f \u0000")).isEqualTo("\\u009b31m \\u007f \\u0000");
        assertThat(Visible.text("gpj.\u202egnp")).isEqualTo("gpj.\\u202egnp");
        assertThat(Visible.text("\u2066x\u2069\u200f\u2028"))
                .isEqualTo("\\u2066x\\u2069\\u200f\\u2028");
    }

    @Test
    void loneSurrogatesBecomeVisibleAndPairsStay() {
        assertThat(Visible.text("a\ud83d")).isEqualTo("a\\ud83d");
        assertThat(Visible.text("\ude00\ud83d\ude00\ud83d"))
                .isEqualTo("\\ude00\ud83d\ude00\\ud83d");
    }

    @Test
    void writingOfAllKindsStays() {
        String astronaut = "\ud83d\udc69\u200d\ud83d\ude80\ufe0f";
        for (String s : new String[] {"", "plain", "Käse 汉字 عربى", astronaut, "a\\nb"}) {
            assertThat(Visible.text(s)).isEqualTo(s);
        }
        assertThat(Visible.lines("a\n\tb\r" + ESC)).isEqualTo("a\n\tb\\r\\u001b");
    }

    @Test
    void anInputIsRepeatedUpTo200Characters() {
        assertThat(Visible.shortened("x".repeat(200))).isEqualTo("x".repeat(200));
        assertThat(Visible.shortened("x".repeat(300)))
                .isEqualTo("x".repeat(200) + "… (100 more characters)");
        assertThat(Visible.shortened("x".repeat(199) + "\ud83d\ude00"))
                .isEqualTo("x".repeat(199) + "… (2 more characters)");
    }
}
