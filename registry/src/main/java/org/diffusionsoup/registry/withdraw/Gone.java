package org.diffusionsoup.registry.withdraw;

/**
 * Something that a withdrawal takes out, and why.
 *
 * @param kind {@code ingredient}, {@code base} or {@code soup}
 * @param entry its number in the ledger
 * @param name of an ingredient or a base; of a soup its label
 * @param why in words, such as {@code trained on shard acme}
 * @param beyond whether it was neither trained on nor made from what was named: it leaves because
 *     it holds the weights of something that does
 * @param again whether it is an ingredient that is trained again without the pictures that leave
 */
public record Gone(
        String kind, long entry, String name, String why, boolean beyond, boolean again) {
    /** As sentences name it. */
    public String label() {
        return kind + " " + name;
    }
}
