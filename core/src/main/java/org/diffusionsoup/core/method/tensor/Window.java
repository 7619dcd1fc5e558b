package org.diffusionsoup.core.method.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * One piece of one tensor of all inputs, and in it a block that moves from its start to its end.
 * Inputs are read when they are first asked for, once. Used by one worker at a time.
 */
public final class Window {
    /**
     * Elements of a block. Sums over a tensor are made per block and then over blocks, so this
     * number, unlike the size of a piece, is part of what a merge computes.
     */
    public static final int BLOCK = 4096;

    private final int slot;
    private final int pieceElements;
    private final Arena arena;
    private final MemorySegment[] buffers;
    private final boolean[] isLoaded;
    private final Deque<double[]> spare = new ArrayDeque<>();
    private final MemorySegment out;
    private TensorInputs tensor = new TensorInputs("", "", 0, List.of());
    private long from;
    private int elements;
    private int at;
    private int count;

    /**
     * @param slot its number, from 0
     * @param pieceElements most elements of a piece, a multiple of {@link #BLOCK}
     */
    Window(int slot, int pieceElements, Arena arena, int inputs) {
        this.slot = slot;
        this.pieceElements = pieceElements;
        this.arena = arena;
        this.buffers = new MemorySegment[inputs];
        this.isLoaded = new boolean[inputs];
        this.out = arena.allocate(8L * pieceElements, 64);
    }

    /** Starts over with a piece. */
    void open(TensorInputs of, long firstElement, int elementCount) {
        tensor = of;
        from = firstElement;
        elements = elementCount;
        Arrays.fill(isLoaded, false);
        at = 0;
        count = 0;
    }

    /** Moves to the next block; false if there is none. */
    public boolean next() {
        at += count;
        count = Math.min(BLOCK, elements - at);
        return count > 0;
    }

    /** Which of the windows this is. */
    public int slot() {
        return slot;
    }

    /** Index in the tensor of the block's first element. */
    public long first() {
        return from + at;
    }

    /** Elements of the block, at least 1. */
    public int count() {
        return count;
    }

    /** Elements of the piece. */
    public int pieceCount() {
        return elements;
    }

    /** Where the piece's result goes. */
    public MemorySegment out() {
        return out;
    }

    /** Where the block's result goes. */
    public MemorySegment outBlock(DType dtype) {
        return out.asSlice((long) at * dtype.bytes(), (long) count * dtype.bytes());
    }

    /** The piece of an input as stored. */
    public MemorySegment piece(int input) {
        int bytes = tensor.dtype(input).bytes();
        MemorySegment buffer = buffers[input];
        if (buffer == null) {
            buffer = arena.allocate(8L * pieceElements, 64);
            buffers[input] = buffer;
        }
        MemorySegment piece = buffer.asSlice(0, (long) elements * bytes);
        if (!isLoaded[input]) {
            TensorSource source = tensor.source(input);
            source.read(tensor.key(), from * bytes, piece);
            isLoaded[input] = true;
        }
        return piece;
    }

    /**
     * The block of an input as doubles.
     *
     * @throws NonFinite if it holds NaN or an infinity
     */
    public void load(int input, double[] into) {
        DType dtype = tensor.dtype(input);
        MemorySegment block =
                piece(input).asSlice((long) at * dtype.bytes(), (long) count * dtype.bytes());
        Elements.decode(dtype, block, into, count);
        double check = 0;
        for (int i = 0; i < count; i++) {
            check += 0 * into[i];
        }
        if (check != 0) { // NaN: 0 times NaN or an infinity
            throw new NonFinite(input);
        }
    }

    /** An array for a block, to be given back. */
    public double[] take() {
        double[] array = spare.poll();
        return array == null ? new double[BLOCK] : array;
    }

    /** Takes back an array. */
    public void give(double[] array) {
        spare.push(array);
    }

    /** Sets the block's part of an array to 0. */
    public void clear(double[] array) {
        Arrays.fill(array, 0, count, 0);
    }

    /** An input holds NaN or an infinity; who catches this counts them. */
    public static final class NonFinite extends SoupException {
        private static final long serialVersionUID = 1L;
        private final int input;

        NonFinite(int input) {
            super("an input is not finite", false);
            this.input = input;
        }

        int input() {
            return input;
        }
    }
}
