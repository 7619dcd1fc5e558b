package org.diffusionsoup.workbench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** Memory that this process has. */
public final class ProcessMemory {
    private static final Path STATUS = Path.of("/proc/self/status");

    private static final Path CLEAR = Path.of("/proc/self/clear_refs");

    private ProcessMemory() {}

    /** Resident size in bytes; empty where the system does not tell. */
    public static OptionalLong resident() {
        return status("VmRSS:");
    }

    /**
     * The largest resident size in bytes since the process began, or since {@link #forgetPeak};
     * empty where the system does not tell.
     */
    public static OptionalLong peak() {
        return status("VmHWM:");
    }

    /** Lets {@link #peak} begin anew; does nothing where the system does not offer it. */
    public static void forgetPeak() {
        try {
            Files.writeString(CLEAR, "5");
        } catch (IOException e) {
            // the peak is then that of the whole process, which is at least as large
        }
    }

    private static OptionalLong status(String field) {
        if (!Files.isReadable(STATUS)) {
            return OptionalLong.empty();
        }
        try {
            for (String line : Files.readAllLines(STATUS)) {
                if (line.startsWith(field)) {
                    return OptionalLong.of(Long.parseLong(line.replaceAll("\\D", "")) * 1024);
                }
            }
        } catch (IOException e) {
            return OptionalLong.empty();
        }
        return OptionalLong.empty();
    }
}
