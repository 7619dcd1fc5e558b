package org.diffusionsoup.registry.store;

import java.util.TreeMap;

/**
 * A soup that was stored with its sum.
 *
 * @param checkpoint its id
 * @param sumHashes SHA-256 of its sum's files by name, empty if another sum of it was kept already
 */
public record Adjusted(String checkpoint, TreeMap<String, String> sumHashes) {}
