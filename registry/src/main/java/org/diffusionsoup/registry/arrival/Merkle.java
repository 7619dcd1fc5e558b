package org.diffusionsoup.registry.arrival;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;

/**
 * The root of a Merkle tree over a set of hashes, with the leaf and node prefixes of RFC 6962, so
 * that no inner node passes for a leaf. Leaves are sorted and distinct: a set has one root.
 */
public final class Merkle {
    private static final byte LEAF = 0;
    private static final byte NODE = 1;

    private Merkle() {}

    /** Root over hashes of 64 hexadecimal digits, itself such a hash. */
    public static String root(Collection<String> hashes) {
        List<byte[]> level = new ArrayList<>();
        for (String h : new TreeSet<>(hashes)) {
            level.add(hash(LEAF, HexFormat.of().parseHex(h), new byte[0]));
        }
        if (level.isEmpty()) {
            return HexFormat.of().formatHex(digest().digest());
        }
        while (level.size() > 1) {
            List<byte[]> up = new ArrayList<>();
            for (int i = 0; i + 1 < level.size(); i += 2) {
                up.add(hash(NODE, level.get(i), level.get(i + 1)));
            }
            if (level.size() % 2 == 1) {
                up.add(level.getLast()); // moves up unpaired, as in RFC 6962
            }
            level = up;
        }
        return HexFormat.of().formatHex(level.getFirst());
    }

    private static byte[] hash(byte prefix, byte[] a, byte[] b) {
        MessageDigest d = digest();
        d.update(prefix);
        d.update(a);
        d.update(b);
        return d.digest();
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
