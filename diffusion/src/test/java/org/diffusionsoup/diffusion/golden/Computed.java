package org.diffusionsoup.diffusion.golden;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicTest;

/** What a model computed, copied out of native memory, by the name the golden has for it. */
public final class Computed {
    private record Value(float[] elements, long[] shape) {}

    private final Map<String, Value> values = new TreeMap<>();

    /**
     * Copies a tensor.
     *
     * @param name golden name
     * @param tensor computed tensor
     */
    public void put(String name, Tensor tensor) {
        values.put(name, new Value(tensor.toFloatArray(), tensor.shape()));
    }

    /**
     * An observer of module outputs that copies those which a golden has.
     *
     * @param golden manifest
     * @param prefix what the golden puts before a module's path, such as {@code case0.act.}
     * @return for {@code Parameters.observe}
     */
    public BiConsumer<String, Tensor> activations(Golden golden, String prefix) {
        return (path, output) -> {
            if (golden.has(prefix + path)) {
                put(prefix + path, output);
            }
        };
    }

    /**
     * The test that one tensor was computed and is close to the golden one.
     *
     * @param golden manifest
     * @param tensor golden name
     * @return a test named after pipeline, component and tensor
     */
    public DynamicTest test(Golden golden, String tensor) {
        return DynamicTest.dynamicTest(
                golden.name() + " " + tensor,
                () -> {
                    Value value = values.get(tensor);
                    if (value == null) {
                        Assertions.fail("The model reports nothing named " + tensor + ".");
                        return;
                    }
                    golden.assertClose(tensor, value.elements(), value.shape());
                });
    }
}
