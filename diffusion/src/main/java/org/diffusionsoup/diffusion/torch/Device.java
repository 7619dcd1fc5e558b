package org.diffusionsoup.diffusion.torch;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where tensors live and are computed: the processor, or one of NVIDIA's accelerators.
 *
 * @param kind which of the two
 * @param index of the accelerator, from 0, in CUDA's order; 0 for the processor
 */
public record Device(Kind kind, int index) {
    /** The two kinds of device. */
    public enum Kind {
        /** The processor and its memory. */
        CPU,
        /** An NVIDIA accelerator, by a build with CUDA. */
        CUDA
    }

    /** The processor. */
    public static final Device CPU = new Device(Kind.CPU, 0);

    private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,3}))?");

    public Device {
        if (index < 0 || kind == Kind.CPU && index != 0) {
            throw new TorchException("there is no device " + kind + " " + index);
        }
    }

    /**
     * A device by name: {@code cpu}, {@code cuda} (the first accelerator), {@code cuda:N}, or
     * {@code auto}: the first accelerator where there is one that this build can use, else the
     * processor.
     *
     * @throws TorchException if the name is none of these, or names an accelerator that is not
     *     there
     */
    public static Device parse(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (lower.equals("cpu")) {
            return CPU;
        }
        if (lower.equals("auto")) {
            return Torch.accelerators() > 0 ? new Device(Kind.CUDA, 0) : CPU;
        }
        Matcher m = CUDA.matcher(lower);
        if (!m.matches()) {
            throw new TorchException(
                    "`device` '" + name + "' is none; name auto, cpu, cuda or cuda:N");
        }
        int index = m.group(1) == null ? 0 : Integer.parseInt(m.group(1));
        int count = Torch.accelerators();
        if (index >= count) {
            throw new TorchException(name + " is not there: " + reason(count));
        }
        return new Device(Kind.CUDA, index);
    }

    private static String reason(int count) {
        if (!Natives.hasCuda()) {
            return "this build computes on the processor alone; build with SOUP_CUDA=1, or leave"
                    + " `device` out";
        }
        return count == 0
                ? "no NVIDIA accelerator, or no driver for it, was found; leave `device` out"
                : "this machine's accelerators are cuda:0 to cuda:" + (count - 1);
    }

    /** Whether this is the processor. */
    public boolean isCpu() {
        return kind == Kind.CPU;
    }

    /** The name that {@link #parse} reads. */
    @Override
    public String toString() {
        return isCpu() ? "cpu" : "cuda:" + index;
    }
}
