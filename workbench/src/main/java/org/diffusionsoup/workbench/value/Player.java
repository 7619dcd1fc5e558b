package org.diffusionsoup.workbench.value;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.SoupException;

/**
 * Who is valued: an ingredient, or a group of them that come and go together.
 *
 * @param name unique among the players
 * @param members positions of its ingredients, at least one
 */
public record Player(String name, List<Integer> members) {
    public Player {
        members = List.copyOf(members);
    }

    /** Every ingredient by itself. */
    public static List<Player> each(List<String> ingredients) {
        return grouped(ingredients, List.of());
    }

    /**
     * Groups as a command line names them; who is in none is a player alone.
     *
     * @param ingredients their names
     * @param groups each {@code NAME=a,b}
     * @throws SoupException if a group is not of that form or names who is not there, somebody is
     *     in two, or two players have one name
     */
    public static List<Player> grouped(List<String> ingredients, List<String> groups) {
        Map<String, String> groupOf = new LinkedHashMap<>();
        Set<String> names = new LinkedHashSet<>();
        for (String text : groups) {
            int at = text.indexOf('=');
            String name = at < 0 ? "" : text.substring(0, at).strip();
            List<String> members = at < 0 ? List.of() : List.of(text.substring(at + 1).split(","));
            if (name.isEmpty() || members.stream().anyMatch(String::isBlank)) {
                throw new SoupException(
                        "`group` '%s' is not of the form NAME=a,b; name the group and its ingredients."
                                .formatted(text));
            }
            if (!names.add(name)) {
                throw new SoupException(
                        "`group` '" + name + "' is given twice; give all of it once.");
            }
            for (String m : members) {
                String member = m.strip();
                if (!ingredients.contains(member)) {
                    throw new SoupException(
                            "`group` %s names '%s', which is none of the ingredients %s."
                                    .formatted(name, member, ingredients));
                }
                String other = groupOf.putIfAbsent(member, name);
                if (other != null) {
                    throw new SoupException(
                            "'%s' is in the group %s and in %s; an ingredient is in one at most."
                                    .formatted(member, other, name));
                }
            }
        }
        Set<String> once = new HashSet<>();
        for (String i : ingredients) {
            if (!once.add(i)) {
                throw new SoupException(
                        "Two ingredients are called '%s': one is given twice, or two folders have one name, which their values could not be told apart by."
                                .formatted(i));
            }
            if (!groupOf.containsKey(i) && !names.add(i)) {
                throw new SoupException(
                        "The group '%s' has the name of an ingredient that is not in it; name it otherwise."
                                .formatted(i));
            }
        }
        return of(ingredients.stream().map(i -> groupOf.getOrDefault(i, i)).toList());
    }

    /**
     * Players by who each ingredient belongs to, in the order of their first ingredients.
     *
     * @param owners one per ingredient
     */
    public static List<Player> of(List<String> owners) {
        Map<String, List<Integer>> members = new LinkedHashMap<>();
        for (int i = 0; i < owners.size(); i++) {
            members.computeIfAbsent(owners.get(i), k -> new ArrayList<>()).add(i);
        }
        return members.entrySet().stream().map(e -> new Player(e.getKey(), e.getValue())).toList();
    }
}
