package org.diffusionsoup.diffusion.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

@Isolated("it counts the native objects of all")
class ScopeTest {
    @Test
    void aResultOutlivesWhatWasMadeOnTheWay() {
        try (Scope outer = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            Tensor x = Tensor.of(new float[] {1, 2, 3}, 3);
            List<Tensor> inner = new ArrayList<>();
            Tensor y =
                    Scope.result(() -> {
                        inner.add(x.mul(2.0));
                        inner.add(inner.getFirst().add(x));
                        return inner.getLast().mul(inner.getFirst());
                    });
            assertThat(y.toFloatArray()).containsExactly(6, 24, 54);
            assertThat(inner).allMatch(t -> t.raw().isNull());
            assertThat(x.toFloatArray()).containsExactly(1, 2, 3);
        }
    }

    @Test
    void whereGradientsAreRecordedNothingIsFreed() {
        try (Scope outer = Scope.open();
                Torch.Guard on = Torch.gradients(true)) {
            Tensor x = Tensor.of(new float[] {3}, 1).requiresGrad_(true);
            List<Tensor> inner = new ArrayList<>();
            Tensor y =
                    Scope.result(() -> {
                        inner.add(x.mul(x));
                        return inner.getFirst().mul(x);
                    });
            y.sum().backward();
            assertThat(x.grad().toFloatArray()).containsExactly(27);
            assertThat(inner.getFirst().toFloatArray()).containsExactly(9);
        }
    }

    @Test
    void aFailureLeavesNothingBehind() {
        try (Scope outer = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            Tensor x = Tensor.of(new float[] {1}, 1);
            long before = NativeObjects.inUse();
            assertThatThrownBy(() ->
                            Scope.result(() -> {
                                x.mul(2.0);
                                throw new IllegalStateException("meant");
                            }))
                    .hasMessage("meant");
            assertThat(Torch.nativeObjects()).isEqualTo(before);
        }
    }

    @Test
    void aChainHoldsOneLayersWorkAtATime() {
        try (Scope outer = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            Tensor in = Tensor.of(new float[] {1, 2}, 2);
            List<Tensor> taken = new ArrayList<>();
            Tensor out =
                    Scope.chain(
                            in,
                            List.of(
                                    x -> x.mul(2.0),
                                    x -> {
                                        taken.add(x);
                                        return x.add(in);
                                    },
                                    x -> {
                                        taken.add(x);
                                        return x; // itself: a layer that has nothing to do
                                    }));
            assertThat(out.toFloatArray()).containsExactly(3, 6);
            assertThat(taken).allMatch(t -> t.raw().isNull());
            assertThat(in.toFloatArray()).containsExactly(1, 2);
        }
    }
}
