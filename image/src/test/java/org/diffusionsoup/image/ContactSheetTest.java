package org.diffusionsoup.image;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ContactSheetTest {
    /**
     * About square: never higher than wide by more than a row, never wider than half as wide again.
     */
    @Test
    void rowsMakeTheSheetAboutSquare() {
        assertThat(ContactSheet.columns(1)).isEqualTo(1);
        assertThat(ContactSheet.columns(12)).isEqualTo(4);
        assertThat(ContactSheet.columns(58)).as("six rows, two places empty").isEqualTo(10);
        assertThat(ContactSheet.columns(400)).isEqualTo(20);
        for (int n = 1; n <= 500; n++) {
            int columns = ContactSheet.columns(n);
            assertThat(columns).isBetween((int) Math.sqrt(n), 1 + (int) (1.5 * Math.sqrt(n)));
            assertThat(Math.ceilDiv(n, columns)).as("rows of %d", n).isLessThanOrEqualTo(columns);
        }
    }
}
