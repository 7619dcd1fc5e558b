package org.diffusionsoup.cli.data;

/** What the data commands have in common about what they print. */
final class DataOutput {
    private DataOutput() {}

    /** A provider or licence in words: tars of other tools may state none. */
    static String orUnstated(String value) {
        return value.isEmpty() ? "(not stated)" : value;
    }
}
