package org.diffusionsoup.data.scene;

/**
 * A thing that everyone knows and that several artists drew.
 *
 * @param name English, lower case, singular, such as {@code ice cream}
 * @param plural the name of several of it
 * @param domain one of {@link org.diffusionsoup.data.Domains#PAPER}
 * @param tintable whether it may be of any colour, and most drawings of it have one saturated main
 *     colour, so that a generator may shift its hue
 * @param heldOut whether no model may ever learn from it
 */
public record Subject(
        String name, String plural, String domain, boolean tintable, boolean heldOut) {}
