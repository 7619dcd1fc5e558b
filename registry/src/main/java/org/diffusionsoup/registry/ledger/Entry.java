package org.diffusionsoup.registry.ledger;

import java.sql.ResultSet;
import java.sql.SQLException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/**
 * One entry of the ledger.
 *
 * @param seq its number, from 1 without gaps
 * @param prev hash of the entry before, 64 zeros for the first
 * @param time when, ISO 8601 in UTC; never before the entry ahead of it
 * @param kind what it tells
 * @param body the facts
 * @param hash SHA-256 over the canonical JSON of all of the above
 * @param signature of the hash, by the registry's key
 */
public record Entry(
        long seq,
        String prev,
        String time,
        Kind kind,
        JsonObject body,
        String hash,
        String signature) {
    static final String START = "0".repeat(64);
    private static final String DOMAIN = "diffusion-soup ledger entry v1 ";

    /** Reads one from a row of all its columns. */
    static Entry of(ResultSet r) throws SQLException {
        long seq = r.getLong("seq");
        return new Entry(
                seq,
                r.getString("prev"),
                r.getString("time"),
                Kind.of(r.getString("kind")),
                Json.parse(r.getString("body"), "entry " + seq + " of the ledger"),
                r.getString("hash"),
                r.getString("signature"));
    }

    static Entry sign(
            long seq, String prev, String time, Kind kind, JsonObject body, SigningKey key) {
        String hash = hash(seq, prev, time, kind.word(), Json.canonical(body));
        return new Entry(seq, prev, time, kind, body, hash, key.sign(DOMAIN + hash));
    }

    static String hash(long seq, String prev, String time, String kind, String body) {
        // Put together by hand so that a stored body need not be parsed to check it: it is
        // canonical already, and these are its siblings' canonical forms.
        return Hashes.sha256Hex(
                ("{\"body\":"
                                + body
                                + ",\"kind\":\""
                                + kind
                                + "\",\"prev\":\""
                                + prev
                                + "\",\"seq\":"
                                + seq
                                + ",\"time\":\""
                                + time
                                + "\"}")
                        .getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    /** When it says it was written. */
    java.time.Instant instant() {
        return java.time.Instant.parse(time);
    }

    /**
     * Whether its hash is that of its content.
     *
     * @param stored the body's text as it is stored
     */
    boolean fits(String stored) {
        return hash(seq, prev, time, kind.word(), stored).equals(hash);
    }

    /** Whether its hash fits its content, and the signature is a key's. */
    public boolean isSignedBy(PublicKeyFile key) {
        return hash(seq, prev, time, kind.word(), Json.canonical(body)).equals(hash)
                && signed(hash, signature, key);
    }

    /** Whether a signature is a key's under the hash of an entry. */
    public static boolean signed(String hash, String signature, PublicKeyFile key) {
        return key.verifies(DOMAIN + hash, signature);
    }
}
