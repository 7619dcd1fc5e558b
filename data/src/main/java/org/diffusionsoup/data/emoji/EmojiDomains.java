package org.diffusionsoup.data.emoji;

import java.util.HashMap;
import java.util.Map;
import org.diffusionsoup.data.Domains;

/** Unicode subgroups and single names to the paper's nine domains. */
final class EmojiDomains {
    private static final Map<String, String> BY_SUBGROUP = new HashMap<>();
    private static final Map<String, String> BY_NAME = new HashMap<>();

    static {
        subgroups(
                "animals",
                "animal-mammal, animal-bird, animal-amphibian, animal-reptile, animal-marine,"
                        + " animal-bug");
        subgroups(
                "body-parts",
                "hand-fingers-open, hand-fingers-partial, hand-single-finger, hand-fingers-closed,"
                        + " hands, hand-prop, body-parts");
        subgroups(
                "food",
                "food-fruit, food-vegetable, food-prepared, food-asian, food-sweet, drink,"
                        + " dishware");
        subgroups("clothes", "clothing");
        subgroups("electronics", "phone, computer, light-video");
        subgroups("vehicles", "transport-ground, transport-water, transport-air");
        subgroups("hardlines", "tool, lock, household, sport");
        subgroups(
                "products",
                "office, writing, book-paper, mail, money, musical-instrument, game, arts-crafts,"
                        + " science, medical, other-object, award-medal, hotel");
        names(
                "accessories",
                "glasses, sunglasses, goggles, folding hand fan, purse, handbag, clutch bag,"
                        + " shopping bags, backpack, hair pick, crown, woman's hat, top hat,"
                        + " graduation cap, billed cap, military helmet, rescue worker's helmet,"
                        + " prayer beads, lipstick, ring, gem stone, watch, closed umbrella,"
                        + " umbrella, luggage, briefcase, ribbon, nazar amulet");
        names("clothes", "martial arts uniform, running shirt");
        names(
                "electronics",
                "loudspeaker, speaker high volume, muted speaker, studio microphone, level slider,"
                        + " control knobs, microphone, headphone, radio, video game, joystick,"
                        + " slot machine, satellite antenna");
        names(
                "products",
                "abacus, candle, red paper lantern, diya lamp, magnifying glass tilted left, bell,"
                        + " megaphone, postal horn, hourglass done, hourglass not done, alarm clock,"
                        + " stopwatch, timer clock, mantelpiece clock, wrapped gift, balloon,"
                        + " red envelope, ticket, admission tickets");
        names(
                Domains.OTHER,
                "station, bus stop, motorway, railway track, oil drum, fuel pump,"
                        + " police car light, horizontal traffic light, vertical traffic light,"
                        + " stop sign, construction, anchor, ring buoy, seat, moai, selfie,"
                        + " paw prints, spider web, feather");
    }

    private EmojiDomains() {}

    static String of(String name, String subgroup) {
        String named = BY_NAME.get(name);
        return named != null ? named : BY_SUBGROUP.getOrDefault(subgroup, Domains.OTHER);
    }

    private static void subgroups(String domain, String list) {
        for (String subgroup : list.split(", ")) {
            BY_SUBGROUP.put(subgroup, domain);
        }
    }

    private static void names(String domain, String list) {
        for (String name : list.split(", ")) {
            BY_NAME.put(name, domain);
        }
    }
}
