package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Options in code. Their {@code getValue()} is what a command line gave, or the initial value. */
public final class Options {
    private Options() {}

    /** A boolean that is false where it is not given. */
    public static OptionSpec.Builder flag(String description, String... names) {
        return OptionSpec.builder(names)
                .type(boolean.class)
                .initialValue(false)
                .description(description);
    }

    /** An option with one value, and null where it is not given. */
    public static OptionSpec.Builder value(Class<?> type, String label, String... names) {
        return OptionSpec.builder(names).type(type).paramLabel(label);
    }

    /** An option that may be given more than once; a list, empty where it is not given. */
    public static OptionSpec.Builder list(Class<?> element, String label, String... names) {
        return OptionSpec.builder(names)
                .type(List.class)
                .auxiliaryTypes(element)
                .initialValue(List.of())
                .paramLabel(label);
    }

    /** The output, which has to be named. */
    public static OptionSpec out(String description) {
        return value(Path.class, "OUT", "-o", "--out")
                .required(true)
                .description(description)
                .build();
    }

    /** A path that has to be given, without an option's name. */
    public static PositionalParamSpec path(String label, String description) {
        return PositionalParamSpec.builder()
                .required(true)
                .type(Path.class)
                .paramLabel(label)
                .description(description)
                .build();
    }
}
