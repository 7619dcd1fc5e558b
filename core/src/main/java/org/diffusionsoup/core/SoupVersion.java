package org.diffusionsoup.core;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;

/** The program's name, and the version of it that is running. */
public final class SoupVersion {
    /** What files of ours name as their maker. */
    public static final String PROGRAM = "Diffusion Soup";

    private static final String CURRENT = load();

    private SoupVersion() {}

    /** Such as {@code 0.1.0}; the same in every module. */
    public static String current() {
        return CURRENT;
    }

    private static String load() {
        Properties p = new Properties();
        try (InputStream in = SoupVersion.class.getResourceAsStream("version.properties")) {
            if (in != null) {
                p.load(in);
            }
        } catch (IOException e) {
            throw new SoupException("Cannot read the program's own version; build it again.", e);
        }
        return p.getProperty("version", "unknown");
    }
}
