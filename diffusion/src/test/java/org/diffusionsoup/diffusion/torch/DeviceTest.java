package org.diffusionsoup.diffusion.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of devices, and the same numbers on each of them. */
class DeviceTest {
    @AfterEach
    void backToTheProcessor() {
        Torch.use(Device.CPU);
    }

    @Test
    void theProcessorHasAName() {
        assertThat(Device.parse("cpu")).isEqualTo(Device.CPU);
        assertThat(Device.parse("CPU")).hasToString("cpu");
        assertThat(new Device(Device.Kind.CUDA, 2)).hasToString("cuda:2");
    }

    @Test
    void autoTakesAnAcceleratorWhereThereIsOne() {
        assertThat(Device.parse("auto").isCpu()).isEqualTo(Torch.accelerators() == 0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "gpu", "cuda:", "cuda:-1", "cuda:1:2", "cuda0", "mps"})
    void whatIsNoDeviceIsRefusedWithWhatIsOne(String name) {
        assertThatThrownBy(() -> Device.parse(name))
                .isInstanceOf(TorchException.class)
                .hasMessage("`device` '%s' is none; name auto, cpu, cuda or cuda:N", name);
    }

    @Test
    void anAcceleratorThatIsNotThereIsRefusedWithTheReason() {
        assertThatThrownBy(() -> Device.parse("cuda:" + Torch.accelerators()))
                .isInstanceOf(TorchException.class)
                .hasMessageStartingWith("cuda:" + Torch.accelerators() + " is not there: ");
    }

    @Test
    void tensorsOfAnAcceleratorHoldTheSameNumbers() {
        assumeTrue(Torch.accelerators() > 0, "this build and this machine have no accelerator");
        float[] cpu = computed(Device.CPU);
        float[] cuda = computed(new Device(Device.Kind.CUDA, 0));
        assertThat(cuda).hasSameSizeAs(cpu);
        for (int i = 0; i < cpu.length; i++) {
            assertThat(cuda[i]).isCloseTo(cpu[i], within(0.02f)); // TF32
        }
    }

    private static float[] computed(Device device) {
        Torch.use(device);
        try (Scope s = Scope.open();
                Rng rng = new Rng(5);
                Torch.Guard off = Torch.gradients(false)) {
            Tensor x = rng.normal(2, 8, 12, 12);
            Tensor y = Functional.conv2d(x, rng.normal(8, 8, 3, 3).mul(0.1), 1, 1);
            Tensor z = Functional.silu(y).reshape(2, 8, 144).transpose(1, 2);
            Tensor ids = Tensor.of(new long[] {3, 1, 2});
            assertThatThrownOffCpu(device, z);
            return Functional.softmax(z, -1).indexSelect(1, ids).toFloatArray();
        }
    }

    private static void assertThatThrownOffCpu(Device device, Tensor t) {
        if (!device.isCpu()) {
            assertThatThrownBy(() -> t.contiguous().memory()).hasMessageContaining("onCpu()");
        }
    }
}
