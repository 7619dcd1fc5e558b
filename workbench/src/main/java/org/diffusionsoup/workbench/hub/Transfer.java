package org.diffusionsoup.workbench.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/**
 * One file on its way: in pieces that may come side by side and in any order. Which pieces are
 * there stands in a file beside, so that a run that was ended goes on; what has arrived takes its
 * name only when its hash is the one the hub lists.
 */
final class Transfer implements AutoCloseable {
    /** Bytes of a piece. */
    static final int PIECE = 16 << 20;

    /** Attempts without a single new byte before a transfer is given up. */
    private static final int ATTEMPTS = 6;

    private static final int BUFFER = 1 << 16;

    private final Http http;
    private final URI uri;
    private final RemoteFile file;
    private final Path blob;
    private final Path partial;
    private final Path done;
    private final LongConsumer arrived;
    private final FileChannel channel;
    private final BitSet pieces = new BitSet();
    private boolean comesWhole;

    /**
     * @param arrived hears of bytes, also of those an earlier run had fetched
     */
    Transfer(Http http, URI uri, RemoteFile file, Path blob, LongConsumer arrived) {
        this.http = http;
        this.uri = uri;
        this.file = file;
        this.blob = blob;
        this.arrived = arrived;
        partial = blob.resolveSibling(blob.getFileName() + ".soup-incomplete");
        done = blob.resolveSibling(blob.getFileName() + ".soup-pieces");
        try {
            channel =
                    FileChannel.open(
                            partial,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE);
            if (channel.tryLock() == null) {
                channel.close();
                throw new SoupException(
                        "Another process is fetching %s; wait for it, then start again."
                                .formatted(file.path()));
            }
            recall();
        } catch (IOException e) {
            throw new SoupIoException("write", partial, e);
        }
    }

    /** Takes up the pieces of an earlier run. */
    private void recall() throws IOException {
        if (!Files.exists(done)) {
            return;
        }
        for (String line : Files.readAllLines(done, StandardCharsets.UTF_8)) {
            // a line that was being written when the run ended may be half there
            if (line.matches("\\d{1,7}\\.")) {
                int piece = Integer.parseInt(line.substring(0, line.length() - 1));
                if (piece < count() && !pieces.get(piece)) {
                    pieces.set(piece);
                    arrived.accept(end(piece) - start(piece));
                }
            }
        }
    }

    /** Number of pieces; an empty file has none. */
    int count() {
        return Math.toIntExact((file.size() + PIECE - 1) / PIECE);
    }

    private static long start(int piece) {
        return (long) piece * PIECE;
    }

    private long end(int piece) {
        return Math.min(file.size(), start(piece) + PIECE);
    }

    /** Fetches a piece, unless it is there. */
    void fetch(int piece) {
        synchronized (pieces) {
            if (pieces.get(piece) || comesWhole) {
                return;
            }
        }
        long at = start(piece);
        long end = end(piece);
        int attempt = 0;
        while (at < end) {
            Optional<String> wait = Optional.empty();
            long before = at;
            String trouble;
            String range = "bytes=" + at + "-" + (end - 1);
            try (Http.Answer answer = http.get(uri, Map.of("Range", range))) {
                int status = answer.status();
                if (status == 200 && !isWhole(answer)) {
                    trouble = "the server sent something else";
                } else if (status == 200) {
                    if (at == 0 && end == file.size()) {
                        at += copy(answer, at, end);
                    } else if (claimWhole()) {
                        fetchWhole();
                        return;
                    } else {
                        return; // another piece's request brings all of it
                    }
                    trouble = "the connection ended early";
                } else if (status == 206 && startsAt(answer, at)) {
                    at += copy(answer, at, end);
                    trouble = "the connection ended early";
                } else if (status == 206) {
                    trouble = "the server sent another part than was asked for";
                } else if (Http.mayPass(status)) {
                    wait = answer.header("Retry-After");
                    trouble = "status " + status;
                } else {
                    throw new SoupException(
                            "%s answers with status %d for %s; start again later, or set HF_TOKEN where the model is gated."
                                    .formatted(uri.getHost(), status, file.path()));
                }
            } catch (Stopped e) {
                at += e.copied;
                trouble = Http.words(e);
            } catch (SoupIoException e) {
                throw e; // of our own disk
            } catch (IOException e) {
                trouble = Http.words(e);
            }
            if (at == end) {
                break;
            }
            attempt = at > before ? 0 : attempt + 1;
            if (attempt == ATTEMPTS) {
                throw givenUp(trouble);
            }
            http.pause(attempt, wait);
        }
        remember(piece);
    }

    private SoupException givenUp(String trouble) {
        return new SoupException(
                "%s does not come (%s, %d times); the same command goes on from what has arrived."
                        .formatted(file.path(), trouble, ATTEMPTS));
    }

    private boolean startsAt(Http.Answer answer, long at) {
        String want = "bytes " + at + "-";
        return answer.header("Content-Range")
                .map(r -> r.toLowerCase(Locale.ROOT))
                .filter(r -> r.startsWith(want) && r.endsWith("/" + file.size()))
                .isPresent();
    }

    /** Whether an answer of the length it says could be the file. */
    private boolean isWhole(Http.Answer answer) {
        long said = answer.connection().getContentLengthLong();
        return said < 0 || said == file.size();
    }

    private boolean claimWhole() {
        synchronized (pieces) {
            boolean first = !comesWhole;
            comesWhole = true;
            return first;
        }
    }

    /** From a server that knows no ranges: all of it in one answer, from the start each time. */
    private void fetchWhole() {
        String trouble = "";
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Optional<String> wait = Optional.empty();
            try (Http.Answer answer = http.get(uri, Map.of())) {
                if (answer.status() == 200 && isWhole(answer)) {
                    if (copy(answer, 0, file.size()) == file.size()) {
                        for (int i = 0; i < count(); i++) {
                            remember(i);
                        }
                        return;
                    }
                    trouble = "the connection ended early";
                } else {
                    trouble = "status " + answer.status();
                    wait = answer.header("Retry-After");
                }
            } catch (Stopped e) {
                trouble = Http.words(e);
            } catch (SoupIoException e) {
                throw e;
            } catch (IOException e) {
                trouble = Http.words(e);
            }
            http.pause(attempt, wait);
        }
        throw givenUp(trouble);
    }

    /** A connection that broke after some bytes. */
    private static final class Stopped extends IOException {
        private static final long serialVersionUID = 1;
        private final long copied;

        Stopped(long copied, IOException cause) {
            super(Http.words(cause), cause);
            this.copied = copied;
        }
    }

    /** Copies what comes, at most up to {@code end}; how many bytes that were. */
    private long copy(Http.Answer answer, long from, long end) throws IOException {
        byte[] buffer = new byte[BUFFER];
        long at = from;
        try (InputStream body = answer.body()) {
            while (at < end) {
                int n = body.read(buffer, 0, (int) Math.min(BUFFER, end - at));
                if (n < 0) {
                    break;
                }
                write(ByteBuffer.wrap(buffer, 0, n), at);
                at += n;
                arrived.accept(n);
            }
        } catch (SoupException e) {
            throw e;
        } catch (IOException e) {
            throw new Stopped(at - from, e);
        }
        return at - from;
    }

    private void write(ByteBuffer bytes, long at) {
        long to = at;
        try {
            while (bytes.hasRemaining()) {
                to += channel.write(bytes, to);
            }
        } catch (IOException e) {
            throw new SoupIoException("write", partial, e);
        }
    }

    private void remember(int piece) {
        synchronized (pieces) {
            try {
                channel.force(false);
                Files.writeString(
                        done, piece + ".\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new SoupIoException("write", done, e);
            }
            pieces.set(piece);
        }
    }

    /**
     * Gives the file its name, when all pieces are there.
     *
     * @return false if it is not what the hub lists; it is then thrown away
     */
    boolean finish() {
        try {
            boolean right = channel.size() == file.size() && hash().equals(file.blob());
            if (right) {
                Files.move(partial, blob, StandardCopyOption.ATOMIC_MOVE);
            } else {
                Files.delete(partial);
            }
            Files.deleteIfExists(done);
            return right;
        } catch (IOException e) {
            throw new SoupIoException("write", blob, e);
        }
    }

    /** SHA-256 where the hub lists it, else the hash of git's blob. */
    private String hash() throws IOException {
        boolean git = file.sha256().isEmpty();
        try {
            MessageDigest digest = MessageDigest.getInstance(git ? "SHA-1" : "SHA-256");
            if (git) {
                digest.update(("blob " + file.size() + "\0").getBytes(StandardCharsets.UTF_8));
            }
            ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
            for (long at = 0; at < file.size(); ) {
                int n = channel.read(buffer.clear(), at);
                if (n < 0) {
                    break;
                }
                digest.update(buffer.flip());
                at += n;
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-1 and SHA-256", e);
        }
    }

    /** Lets go of the file; what has arrived stays. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new SoupIoException("write", partial, e);
        }
    }
}
