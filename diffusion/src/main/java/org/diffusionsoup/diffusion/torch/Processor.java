package org.diffusionsoup.diffusion.torch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The kind of processor that this is. Libraries choose their loops by it, and so the order in which
 * they add: the same training ends in other last bits on another kind.
 */
public final class Processor {
    private static final Path LINUX = Path.of("/proc/cpuinfo");

    /** Vector instructions that libraries choose loops by, the widest first. */
    private static final List<String> VECTORS =
            List.of("amx_tile", "avx512_bf16", "avx512f", "avx2", "sve2", "sve", "asimd");

    private static final String NAME = name(read());

    private Processor() {}

    /**
     * Its name, such as {@code AMD EPYC, family 26, model 2, avx512_bf16}: the same text on the
     * same kind of processor. Where the system tells nothing of it, what Java says of the machine.
     */
    public static String name() {
        return NAME;
    }

    private static List<String> read() {
        try (Stream<String> lines = Files.lines(LINUX)) {
            return lines.takeWhile(l -> !l.isBlank()).toList(); // the first core's
        } catch (IOException | java.io.UncheckedIOException e) {
            return List.of(); // not Linux
        }
    }

    /**
     * The same of another machine.
     *
     * @param cpuinfo lines of the first core in Linux's {@code /proc/cpuinfo}; none elsewhere
     */
    static String name(List<String> cpuinfo) {
        Map<String, String> fields = new HashMap<>();
        for (String line : cpuinfo) {
            String[] parts = line.split(":", 2);
            if (parts.length == 2) {
                fields.put(parts[0].strip(), parts[1].strip());
            }
        }
        // Of Arm there is no name, but numbers of who made it, and which.
        Optional<String> made =
                Optional.ofNullable(fields.get("model name"))
                        .or(() ->
                                Optional.ofNullable(fields.get("CPU implementer"))
                                        .map(i -> i + " " + fields.get("CPU part")));
        if (made.isEmpty()) {
            String windows = System.getenv().getOrDefault("PROCESSOR_IDENTIFIER", "");
            return windows.isBlank()
                    ? System.getProperty("os.name") + " " + System.getProperty("os.arch")
                    : windows;
        }
        StringBuilder name = new StringBuilder(made.get());
        // Virtual machines often hide the model in the name, and not in the numbers.
        for (String number : List.of("family", "model")) {
            String value = fields.get(number.equals("family") ? "cpu family" : number);
            if (value != null) {
                name.append(", ").append(number).append(' ').append(value);
            }
        }
        List<String> can =
                List.of(
                        (fields.getOrDefault("flags", "")
                                        + " "
                                        + fields.getOrDefault("Features", ""))
                                .split(" "));
        VECTORS.stream()
                .filter(can::contains)
                .findFirst()
                .ifPresent(v -> name.append(", ").append(v));
        return name.toString();
    }
}
