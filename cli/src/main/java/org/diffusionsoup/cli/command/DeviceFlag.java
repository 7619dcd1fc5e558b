package org.diffusionsoup.cli.command;

import org.diffusionsoup.diffusion.torch.Device;
import org.diffusionsoup.diffusion.torch.Torch;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;

/** Where models are computed; a mixin of the commands that run some. */
public final class DeviceFlag {
    static final String OPTION = "--device";

    @Option(
            names = OPTION,
            defaultValue = "auto",
            paramLabel = "DEVICE",
            order = 99, // after a command's own, before what all have
            description =
                    "Where models are computed: auto, cpu, cuda or cuda:N; auto is an accelerator"
                            + " where this build and this machine have one (default:"
                            + " ${DEFAULT-VALUE}).")
    private String name = "auto";

    /**
     * Makes this process compute where a command line says; to be called before any model is
     * loaded. Where it says nothing, libtorch is not even loaded.
     *
     * @throws org.diffusionsoup.diffusion.torch.TorchException if the device is not there
     */
    static void use(ParseResult parsed) {
        if (parsed.hasMatchedOption(OPTION)) {
            Torch.use(Device.parse(parsed.matchedOption(OPTION).getValue()));
        }
    }
}
