package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;

/** Reading and writing tables of comma-separated values. */
class CsvTest {
    private static List<List<String>> fields(String text) {
        return Csv.parse(text, "t.csv").stream().map(Csv.Record::fields).toList();
    }

    @Test
    void quotesLineEndsAndBlankLines() {
        String text = "a,b\r\n\r\n\"one, \"\"two\"\"\nthree\",\n  \n\"\",x\ny\"z, \"q\"\n5,6";
        assertThat(fields(text))
                .containsExactly(
                        List.of("a", "b"),
                        List.of("one, \"two\"\nthree", ""),
                        List.of("", "x"),
                        List.of("y\"z", " \"q\""),
                        List.of("5", "6"));
        assertThat(Csv.parse(text, "t.csv"))
                .extracting(Csv.Record::line)
                .containsExactly(1L, 3L, 6L, 7L, 8L);
        assertThat(fields("")).isEmpty();
        assertThat(fields("a,b\n1\n1,2,3\n")).as("callers count").hasSize(3);
    }

    @Test
    void malformedQuotesAreRefusedWithFileAndLine() {
        refused("a,b\n\n\"a\"b,2\n", "t.csv line 3 has text after a closing quote");
        refused("\"a\" ,2\n", "t.csv line 1 has text after a closing quote");
        refused("a,b\n1,\"x\n2,3\n", "t.csv line 2 opens a quote that is never closed");
    }

    private static void refused(String text, String message) {
        assertThatThrownBy(() -> Csv.parse(text, "t.csv"))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith(message);
    }

    /** Byte for byte what tables had before a library wrote them. */
    @Test
    void textsAreQuotedAndNumbersAreNot() {
        String text =
                Csv.table("judge,score,error,n,loss")
                        .row("plain", 0.1, OptionalDouble.empty(), 7L, 1e-4f)
                        .row("", Double.NaN, OptionalDouble.of(1e-5), -1, 0.1f + 0.2f)
                        .row("a \"b\", ü\r\n", 1.0, OptionalDouble.of(2), 0, 5)
                        .text();
        assertThat(text)
                .isEqualTo(
                        """
                        judge,score,error,n,loss
                        "plain",0.1,,7,1.0E-4
                        "",NaN,1.0E-5,-1,0.3
                        "a ""b"", ü\r
                        ",1.0,2.0,0,5
                        """
                                .replace("0.3\n", String.valueOf(0.1f + 0.2f) + "\n"));
        assertThat(Csv.table("").row(1L, 0.5).text()).isEqualTo("1,0.5\n");
    }

    /** Whatever is written is read again. */
    @Test
    void tablesOfRandomTexts() {
        Random random = new Random(20261130);
        for (int run = 0; run < 500; run++) {
            List<List<String>> rows = new ArrayList<>();
            int columns = 2 + random.nextInt(3);
            Csv table = Csv.table("");
            for (int i = random.nextInt(6); i > 0; i--) {
                List<String> row = new ArrayList<>();
                for (int c = 0; c < columns; c++) {
                    StringBuilder text = new StringBuilder();
                    for (int k = random.nextInt(7); k > 0; k--) {
                        text.append("a,\"\r\n #;é'".charAt(random.nextInt(10)));
                    }
                    row.add(text.toString());
                }
                rows.add(row);
                table.row(row.toArray());
            }
            assertThat(fields(table.text())).isEqualTo(rows);
        }
    }
}
