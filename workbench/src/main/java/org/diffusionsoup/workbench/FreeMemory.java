package org.diffusionsoup.workbench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Memory that this process may still take without pushing others out. */
public final class FreeMemory {
    private static final Path MEMINFO = Path.of("/proc/meminfo");
    private static final Path LIMIT = Path.of("/sys/fs/cgroup/memory.max");
    private static final Path USED = Path.of("/sys/fs/cgroup/memory.current");

    private FreeMemory() {}

    /** In bytes: what the system calls available, within the limit of a container. */
    public static double bytes() {
        double free = available();
        try {
            String limit = Files.readString(LIMIT).strip();
            if (!limit.equals("max")) {
                double left =
                        Double.parseDouble(limit)
                                - Double.parseDouble(Files.readString(USED).strip());
                free = Math.min(free, Math.max(0, left));
            }
        } catch (IOException | NumberFormatException e) {
            return free; // no container, or none that says
        }
        return free;
    }

    private static double available() {
        try {
            for (String line : Files.readAllLines(MEMINFO)) {
                if (line.startsWith("MemAvailable:")) {
                    return 1024.0 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            return total(); // not Linux
        }
        return total();
    }

    private static double total() {
        var system =
                ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class);
        return system.getTotalMemorySize();
    }

    /** Bytes as a person says them: 640 MB, 3.1 TB. */
    public static String text(double bytes) {
        String[] units = {"MB", "GB", "TB", "PB"};
        double value = bytes / 1e6;
        int unit = 0;
        while (value >= 1000 && unit < units.length - 1) {
            value /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, value < 10 ? "%.1f %s" : "%,.0f %s", value, units[unit]);
    }
}
