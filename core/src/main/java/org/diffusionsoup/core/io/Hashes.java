package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import org.diffusionsoup.core.SoupIoException;

/** SHA-256, as 64 lower-case hexadecimal digits. */
public final class Hashes {
    private Hashes() {}

    /**
     * Hash of a file's bytes.
     *
     * @throws SoupIoException if the file cannot be read
     */
    public static String sha256(Path file) {
        MessageDigest digest = newSha256();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer buffer = ByteBuffer.allocate(1 << 18);
            while (channel.read(buffer) >= 0) {
                digest.update(buffer.flip());
                buffer.clear();
            }
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        return hex(digest);
    }

    /** Hash of these bytes. */
    public static String sha256Hex(byte[] bytes) {
        MessageDigest digest = newSha256();
        digest.update(bytes);
        return hex(digest);
    }

    /**
     * Hash of a set of weight files: of one file its own, of several SHA-256 over a line {@code
     * hash name} each, with two spaces between.
     *
     * @param of gives a file's hash
     */
    public static String ofFiles(List<Path> files, Function<Path, String> of) {
        if (files.size() == 1) {
            return of.apply(files.getFirst());
        }
        StringBuilder lines = new StringBuilder();
        for (Path f : files) {
            lines.append(of.apply(f)).append("  ").append(f.getFileName()).append('\n');
        }
        return sha256Hex(lines.toString().getBytes(StandardCharsets.UTF_8));
    }

    public static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    public static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }
}
