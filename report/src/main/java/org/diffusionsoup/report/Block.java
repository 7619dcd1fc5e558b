package org.diffusionsoup.report;

import java.util.List;

/**
 * One thing in a section. All texts are plain text and escaped when written; in prose, {@code
 * `code`} and {@code **strong**} are marked up.
 */
public sealed interface Block
        permits Block.Prose,
                Block.Bullets,
                Block.Code,
                Block.Columns,
                Block.Details,
                Block.Drawing,
                Callout,
                Table,
                ImageGrid,
                LineChart,
                BarChart {

    /** A paragraph. */
    record Prose(String text) implements Block {}

    /** A bulleted list. */
    record Bullets(List<String> items) implements Block {
        public Bullets {
            items = List.copyOf(items);
        }
    }

    /** Preformatted text, such as the command that reproduces a number. */
    record Code(String text) implements Block {}

    /** Blocks beside each other where the window is wide enough, below each other elsewhere. */
    record Columns(List<Block> blocks) implements Block {
        public Columns {
            blocks = List.copyOf(blocks);
        }
    }

    /**
     * A drawing of its own kind, as large as it says and no wider than the page.
     *
     * @param svg one svg element, whose texts are escaped; the page's style colours its classes:
     *     heading, box, name, about and line, and what is in a group of class gone
     * @param caption what it shows, and how it is read
     */
    record Drawing(String svg, String caption) implements Block {}

    /** Blocks that are folded away until the summary line is clicked; always open on paper. */
    record Details(String summary, List<Block> blocks) implements Block {
        public Details {
            blocks = List.copyOf(blocks);
        }
    }
}
