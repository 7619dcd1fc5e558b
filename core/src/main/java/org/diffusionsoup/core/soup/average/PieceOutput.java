package org.diffusionsoup.core.soup.average;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.diffusionsoup.core.io.EarlyFlush;

/**
 * The file that pieces are written to, by one worker at a time: the operating system's kernel lets
 * no more than one thread write to a file, and others would spin.
 */
final class PieceOutput implements AutoCloseable {
    private final FileChannel file;
    private final EarlyFlush flush;
    private final LongConsumer written;
    private final ReentrantLock turn = new ReentrantLock();

    /**
     * @param file which stays open
     * @param written told the size of every piece written
     */
    PieceOutput(FileChannel file, LongConsumer written) {
        this.file = file;
        this.flush = new EarlyFlush(file);
        this.written = written;
    }

    /** Waits for the file; {@link #give} has to follow. */
    void take() {
        turn.lock();
    }

    /** Takes the file unless another worker has it. */
    boolean tryTake() {
        return turn.tryLock();
    }

    /** Lets others have the file. */
    void give() {
        turn.unlock();
    }

    /** Writes a piece to its place; for the worker that has the file. */
    void write(Piece piece, MemorySegment computed) throws IOException {
        ByteBuffer bytes = computed.asSlice(0, piece.bytes()).asByteBuffer();
        long at = piece.position();
        while (bytes.hasRemaining()) {
            at += file.write(bytes, at);
        }
    }

    /** Reports a piece that was written; for the worker that has the file. */
    void report(Piece piece) {
        written.accept(piece.bytes());
        flush.wrote(piece.bytes());
    }

    /** Waits for a flush that is under way. */
    @Override
    public void close() {
        flush.close();
    }
}
