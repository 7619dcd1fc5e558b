package org.diffusionsoup.core.method.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.diffusionsoup.core.method.MergeRecipe;
import org.diffusionsoup.core.method.Rational;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Recipes as JSON: every word, and what is refused in which line. */
class RecipeReaderTest {
    private static MergeRecipe read(String json) {
        try (JsonParser p = new JsonFactory().createParser(json)) {
            return RecipeReader.read(p, "r.json", Path.of("/models"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static MergeRecipe ofMerge(String merge) {
        return read("{\"inputs\": {\"a\": \"a\", \"b\": \"b\"},\n\"merge\":\n" + merge + "}");
    }

    @Test
    void everyWordIsReadAndWritten() {
        MergeRecipe r =
                read(
                        """
                        {"inputs": {"a": "x/a", "b": "/abs/b", "base": "base", "fa": "fa"},
                         "merge": {"slerp": {
                           "from": {"add": {"to": "base", "scale": -0.5, "delta":
                              {"sum": [
                                 {"difference": {"of": "a", "from": "base"}},
                                 {"delta": {"ties": {"density": "1/5", "deltas": [
                                     {"dare": {"delta": {"difference": {"of": "b", "from": "base"}},
                                               "drop": 0.9, "seed": 7, "rescale": false}}]}},
                                  "scale": {"blocks": [{"match": "unet.*", "value": 2},
                                                       {"regex": "vae.+", "value": "1/3"}],
                                            "default": 0}}]}}},
                           "to": {"mean": ["a", {"of": {"fisher": {"floor": 1e-8, "terms": [
                                 {"of": "a", "fisher": "fa", "weight": 3}]}}, "weight": 2}]},
                           "t": 0.25}}}
                        """);
        assertThat(r.inputs().values())
                .containsExactly(
                        Path.of("/models/x/a"),
                        Path.of("/abs/b"),
                        Path.of("/models/base"),
                        Path.of("/models/fa"));
        assertThat(r.json())
                .isEqualTo(
                        """
                        {"slerp":{"from":{"add":{"to":"base","scale":"-1/2","delta":{"sum":[
                        {"delta":{"difference":{"of":"a","from":"base"}},"scale":"1"},
                        {"delta":{"ties":{"density":"1/5","deltas":[{"dare":{"delta":
                        {"difference":{"of":"b","from":"base"}},"drop":"9/10","seed":"7",
                        "rescale":false}}]}},"scale":{"blocks":[{"match":"unet.*","value":"2"},
                        {"regex":"vae.+","value":"1/3"}],"default":"0"}}]}}},
                        "to":{"mean":[{"of":"a","weight":"1"},{"of":{"fisher":{"floor":
                        "1/100000000","terms":[{"of":"a","fisher":"fa","weight":"3"}]}},
                        "weight":"2"}]},"t":"1/4"}}
                        """
                                .replace("\n", ""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            commentCharacter = '$',
            value = {
                "{\"mean\": [{\"of\": \"a\",#\"wieght\": 2}]} | 4 | unknown key 'wieght' in a term of a"
                        + " mean; it has of, weight",
                "{\"mean\": [{\"of\": \"a\",#\"of\": \"b\"}]} | 4 | the key 'of' stands there twice",
                "{\"ties\": {}} | 3 | 'ties' gives a delta, and weights are due here",
                "{\"add\": {\"to\": \"a\",#\"delta\": \"b\"}} | 4 | 'b' are weights, and a delta is due",
                "{\"add\": {\"to\": \"a\",#\"delta\": {\"mean\": []}}} | 4 | gives weights, and a delta",
                "{\"average\": []} | 3 | unknown method 'average'",
                "{\"mean\": [\"a\"], \"slerp\": 1} | 3 | one method is due here",
                "{\"slerp\": {\"from\": \"a\", \"to\": \"b\"}} | 3 | slerp needs 't'",
                "{\"slerp\": {\"from\": \"a\", \"to\": \"b\",#\"t\": 2}} | 3 | from 0 to 1, not 2",
                "{\"mean\": [{\"of\": \"a\",#\"weight\": \"many\"}]} | 4 | 'many' is no number",
                "{\"mean\": [{\"of\": \"a\",#\"weight\": -1}]} | 3 | at least 0, not -1",
                "{\"mean\": [\"a\",#null]} | 4 | a value is missing",
                "{\"mean\": \"a\"} | 3 | a list is due here",
                "[\"a\"] | 3 | keys with values are due here",
                "{\"mean\": [\"a\",#\"../b\"]} | 4 | no name of an input",
                "{\"mean\": [\"a\",#\"c\"]} | 3 | which is none of its inputs",
                "\"a\" | 3 | Input 'b' is not used",
            })
    void mistakesAreToldWithTheirLine(String merge, int line, String problem) {
        assertThatThrownBy(() -> ofMerge(merge.replace('#', '\n')))
                .isInstanceOf(RecipeException.class)
                .hasMessageStartingWith("r.json, line " + line + ": ")
                .hasMessageContaining(problem)
                .hasMessageEndingWith(".");
    }

    @Test
    void dareNeedsASeedThatIsAWholeNumber() {
        String dare =
                "{\"add\": {\"to\": \"a\", \"delta\": {\"dare\": {\"drop\": 0.5, \"seed\": SEED,"
                        + "\"delta\": {\"difference\": {\"of\": \"b\", \"from\": \"a\"}}}}}}";
        assertThat(ofMerge(dare.replace("SEED", "-3")).json()).contains("\"seed\":\"-3\"");
        assertThatThrownBy(() -> ofMerge(dare.replace("SEED", "1.5")))
                .hasMessageContaining("whole number");
        assertThatThrownBy(() -> ofMerge(dare.replace("\"seed\": SEED,", "")))
                .hasMessageContaining("dare needs 'seed'");
    }

    @Test
    void textsThatAreNoRecipeAreRefusedQuickly() {
        assertThatThrownBy(() -> read("{\"inputs\": {")).isInstanceOf(RecipeException.class);
        assertThatThrownBy(() -> read("")).isInstanceOf(RecipeException.class);
        assertThatThrownBy(() -> read("{} {}")).hasMessageContaining("one recipe to a file");
        String deep = IntStream.range(0, 900).mapToObj(i -> "[").collect(Collectors.joining());
        assertThatThrownBy(() -> read("{\"inputs\": " + deep))
                .hasMessageContaining("nested deeper");
    }

    @Test
    void numbersAreExact() {
        assertThat(Rational.parse("0.1")).isEqualTo(Rational.parse("1/10"));
        assertThat(Rational.parse("-1e-6")).hasToString("-1/1000000");
        assertThat(Rational.parse("2/-4")).hasToString("-1/2");
        assertThat(Rational.parse("0.1").doubleValue()).isEqualTo(0.1);
        assertThatThrownBy(() -> Rational.parse("1/0")).hasMessageContaining("'1/0' is no number");
        assertThatThrownBy(() -> Rational.parse("1e999")).hasMessageContaining("too large");
        assertThatThrownBy(() -> Rational.parse("NaN")).hasMessageContaining("no number");
    }
}
