package org.diffusionsoup.workbench.value;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlayerTest {
    private static final List<String> ABC = List.of("a", "b", "c");

    @Test
    void everyIngredientIsAPlayerUnlessGrouped() {
        assertThat(Player.each(ABC))
                .containsExactly(
                        new Player("a", List.of(0)),
                        new Player("b", List.of(1)),
                        new Player("c", List.of(2)));
        assertThat(Player.grouped(ABC, List.of(" G = c , a ")))
                .containsExactly(new Player("G", List.of(0, 2)), new Player("b", List.of(1)));
    }

    @Test
    void aGroupMayHaveTheNameOfItsOwnMember() {
        assertThat(Player.grouped(ABC, List.of("a=a,b")))
                .containsExactly(new Player("a", List.of(0, 1)), new Player("c", List.of(2)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ab | '' | `group` 'ab' is not of the form NAME=a,b",
                "=a | '' | `group` '=a' is not of the form NAME=a,b",
                "G=a,,b | '' | is not of the form NAME=a,b",
                "G=a | G=b | `group` 'G' is given twice",
                "G=d | '' | `group` G names 'd', which is none of the ingredients [a, b, c]",
                "G=a | H=a | is in the group G and in H",
                "b=a | '' | The group 'b' has the name of an ingredient that is not in it",
            })
    void whatIsNoGroupIsRefused(String one, String other, String why) {
        List<String> groups = other.isEmpty() ? List.of(one) : List.of(one, other);
        assertThatThrownBy(() -> Player.grouped(ABC, groups))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(why);
    }

    @Test
    void ingredientsOfOneNameAreRefused() {
        assertThatThrownBy(() -> Player.each(List.of("a", "a")))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("Two ingredients are called 'a'");
    }

    @Test
    void playersHoldEveryIngredientOnceInTheOrderOfTheirFirst() {
        Random random = new Random(3);
        for (int round = 0; round < 200; round++) {
            List<String> owners = new ArrayList<>();
            int n = 1 + random.nextInt(9);
            for (int i = 0; i < n; i++) {
                owners.add("p" + random.nextInt(4));
            }
            List<Player> players = Player.of(owners);
            assertThat(players.stream().flatMap(p -> p.members().stream()))
                    .containsExactlyInAnyOrderElementsOf(IntStream.range(0, n).boxed().toList());
            assertThat(players).extracting(p -> p.members().getFirst()).isSorted();
            for (Player p : players) {
                assertThat(p.members())
                        .allSatisfy(i -> assertThat(owners.get(i)).isEqualTo(p.name()));
            }
        }
    }
}
