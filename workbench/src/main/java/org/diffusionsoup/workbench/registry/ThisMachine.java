package org.diffusionsoup.workbench.registry;

import org.diffusionsoup.diffusion.torch.Processor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.registry.ledger.TrainedOn;

/** What trainings in this process run on. */
final class ThisMachine {
    private ThisMachine() {}

    static TrainedOn trainedOn() {
        return new TrainedOn(Torch.threads(), Processor.name());
    }
}
