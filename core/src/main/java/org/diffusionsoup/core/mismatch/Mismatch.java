package org.diffusionsoup.core.mismatch;

/**
 * One respect in which a checkpoint differs from the first of those to be averaged.
 *
 * @param cause what kind of difference
 * @param input index of the checkpoint that differs, at least 1; the first is 0
 * @param part the component, empty for a checkpoint of one file
 * @param name the tensor's key or the file's path; empty where a whole component or checkpoint
 *     differs
 * @param expected what the first has, in words, such as {@code F16[320, 4, 3, 3]}; may be empty
 * @param actual what this one has, or of a key what becomes of it, {@code dropped} or {@code kept},
 *     where the output does not have the first's; may be empty
 * @param refused whether the policy refuses to average because of it
 */
public record Mismatch(
        Cause cause,
        int input,
        String part,
        String name,
        String expected,
        String actual,
        boolean refused) {
    /** Kinds of difference, the gravest first. */
    public enum Cause {
        /** Another kind of checkpoint: a folder beside a file. */
        LAYOUT("another layout"),
        /** Another model: SDXL beside SD 1.5. */
        ARCHITECTURE("another architecture"),
        /** A component of the first is not there. */
        MISSING_PART("missing components"),
        /** A component that the first lacks. */
        EXTRA_PART("components that the first lacks"),
        /** A tensor of the first is not there. */
        MISSING_KEY("missing keys"),
        /** A tensor that the first lacks. */
        EXTRA_KEY("keys that the first lacks"),
        /** A tensor of another shape. */
        SHAPE("other shapes"),
        /** A tensor of another floating-point dtype. */
        DTYPE("other dtypes"),
        /** Integers in one, floating-point numbers or other integers in the other. */
        INTEGER("integers beside another dtype"),
        /** A file without weights is missing, extra, or has another content. */
        FILE("other files");

        private final String heading;

        Cause(String heading) {
            this.heading = heading;
        }

        /** The kind in words, such as {@code missing keys}. */
        public String heading() {
            return heading;
        }
    }

    /** The tensor or file with its component, such as {@code unet/conv_in.weight}. */
    public String place() {
        return part.isEmpty() || name.isEmpty() ? part + name : part + "/" + name;
    }
}
