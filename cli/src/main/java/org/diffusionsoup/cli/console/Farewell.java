package org.diffusionsoup.cli.console;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * What a command says when Ctrl-C or a plain kill ends the process before the command is done.
 * Every command has one, so that none ends without a word. Work that has nothing to save is ended
 * at once, and the sentence in force is said; work that saves its state ({@link Interrupt}) is
 * waited for, and says itself what it has saved.
 */
public final class Farewell implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 120;

    private final Console console;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread hook = new Thread(this::speak, "farewell");
    private volatile Supplier<String> sentence;
    private volatile boolean requested;
    private volatile boolean saving;
    private volatile boolean done;

    /**
     * Waits for the end of the process until closed.
     *
     * @param sentence asked for when the process ends; what is on the disk then is what it left
     */
    Farewell(Console console, Supplier<String> sentence) {
        this.console = console;
        this.sentence = sentence;
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) {
            requested = true; // the process is ending before the command has begun
        }
    }

    /** Says another sentence from now on: the work has come to where something is kept. */
    void change(Supplier<String> other) {
        sentence = other;
    }

    /** Whether the command is waited for, and says itself how it was stopped. */
    void leaveToTheWork(boolean itSaves) {
        saving = itSaves;
    }

    /** Says nothing any more: the command has done its work, or said how it was stopped. */
    public void done() {
        done = true;
    }

    /**
     * Whether the process has been asked to end. A failure of the command is then that of work that
     * was stopped, and the sentence is said once this is closed.
     */
    public boolean isRequested() {
        return requested;
    }

    private void speak() {
        requested = true;
        try {
            if (saving && !ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                console.stopped(
                        "Stopped; the work did not end in time, and its last checkpoint counts.");
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!done) {
            console.stopped(sentence.get());
        }
    }

    @Override
    public void close() {
        ended.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            requested = true; // the process is ending already, and the sentence is being said
        }
    }
}
