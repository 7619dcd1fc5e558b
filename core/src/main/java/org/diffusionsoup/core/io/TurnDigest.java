package org.diffusionsoup.core.io;

import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import org.diffusionsoup.core.SoupException;

/**
 * SHA-256 of bytes that several threads hold in pieces: each waits with its piece until those
 * before it are in. So a file is hashed while it is read or written, in one pass.
 */
public final class TurnDigest {
    private static final int PIECE = 1 << 30;

    private final MessageDigest digest = Hashes.newSha256();
    private long turn;
    private long bytes;
    private long endsAt = Long.MAX_VALUE;

    /** A piece will not come, since one before it could not be had. */
    static final class Ended extends SoupException {
        private static final long serialVersionUID = 1L;

        Ended() {
            super("What was being read or written could not be finished.");
        }
    }

    /**
     * Takes the next piece, once its turn has come.
     *
     * @param number counted from 0
     * @param piece native memory
     * @throws SoupException if a piece before this one failed
     */
    public void update(long number, MemorySegment piece) {
        await(number);
        for (long at = 0; at < piece.byteSize(); at += PIECE) {
            long n = Math.min(PIECE, piece.byteSize() - at);
            digest.update(piece.asSlice(at, n).asByteBuffer());
        }
        done(piece.byteSize());
    }

    private synchronized void await(long number) {
        boolean interrupted = false;
        while (turn != number) {
            if (number > endsAt) {
                throw new Ended();
            }
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true; // those before need no more than their own work, and end
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void done(long n) {
        turn++;
        bytes += n;
        notifyAll();
    }

    /** Tells those who wait, and will wait, with later pieces that this one failed. */
    public synchronized void failed(long number) {
        endsAt = Math.min(endsAt, number);
        notifyAll();
    }

    /** Bytes taken so far. */
    public synchronized long bytes() {
        return bytes;
    }

    /** SHA-256 of all, in hexadecimal digits; to be called once, at the end. */
    public synchronized String hex() {
        return Hashes.hex(digest);
    }
}
