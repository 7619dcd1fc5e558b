package org.diffusionsoup.core.method.tensor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** What planning a merge of one tensor needs to know, and first passes over its values. */
public final class TensorScope {
    private final TensorInputs tensor;
    private final List<String> inputs;
    private final Pieces pieces;

    public TensorScope(TensorInputs tensor, List<String> inputs, Pieces pieces) {
        this.tensor = tensor;
        this.inputs = inputs;
        this.pieces = pieces;
    }

    /** The tensor's full name, as patterns see it. */
    public String name() {
        return tensor.name();
    }

    public long elements() {
        return tensor.elements();
    }

    /** The number of an input. */
    public int index(String input) {
        return inputs.indexOf(input);
    }

    /** How many windows there are; {@link Window#slot} is below it. */
    public int slots() {
        return pieces.slots();
    }

    /** Goes over the whole tensor; the results of blocks come in their order, one at a time. */
    public <R> void scan(Function<Window, R> block, Consumer<R> inOrder) {
        try {
            pieces.run(
                    tensor,
                    w -> {
                        List<R> results = new ArrayList<>();
                        while (w.next()) {
                            results.add(block.apply(w));
                        }
                        return results;
                    },
                    (w, results) -> results.forEach(inOrder));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
