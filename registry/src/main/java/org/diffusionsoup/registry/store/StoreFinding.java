package org.diffusionsoup.registry.store;

/**
 * Something that is not as it should be in the store.
 *
 * @param checkpoint id of the checkpoint that needs it
 * @param object the damaged object's hash, empty if the manifest is the trouble
 * @param sentence names the file and what is wrong with it
 */
public record StoreFinding(String checkpoint, String object, String sentence) {}
