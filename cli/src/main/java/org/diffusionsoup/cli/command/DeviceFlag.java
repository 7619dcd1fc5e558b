package org.diffusionsoup.cli.command;

import org.diffusionsoup.diffusion.torch.Device;
import org.diffusionsoup.diffusion.torch.Torch;
import picocli.CommandLine.Option;

/** Where models are computed; a mixin of the commands that run some. */
final class DeviceFlag {
    @Option(
            names = "--device",
            defaultValue = "auto",
            paramLabel = "DEVICE",
            description =
                    "auto, cpu, cuda or cuda:N; auto is an accelerator where this build and this"
                            + " machine have one (default: ${DEFAULT-VALUE}).")
    private String name = "auto";

    /**
     * Makes this process compute there; to be called before any model is loaded.
     *
     * @throws org.diffusionsoup.diffusion.torch.TorchException if it is not there
     */
    void use() {
        Torch.use(Device.parse(name));
    }
}
