package org.diffusionsoup.cli.start;

import java.io.File;
import java.math.BigDecimal;
import java.util.Set;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.Hashes;

/**
 * What a command that averages would wait for, begun while the command line is read. The version,
 * for the output's header, stands in a jar, and SHA-256, for what is known of the ingredients, is
 * looked for among the security providers. JSON other than headers needs {@link BigDecimal}, whose
 * constants are powers of 5 of up to 150,000 bits, and multiplying those takes a tenth of a small
 * merge; files alone have no such JSON.
 */
public final class HeadStart implements Runnable {
    private static final Set<String> COMMANDS = Set.of("merge", "adjust", "make");

    private final String[] args;

    private HeadStart(String[] args) {
        this.args = args;
    }

    public static void begin(String[] args) {
        if (args.length > 2 && COMMANDS.contains(args[0])) {
            Thread.ofPlatform().daemon().name("soup-head-start").start(new HeadStart(args));
        }
    }

    @Override
    public void run() {
        if (hasJson()) {
            var _ = BigDecimal.valueOf(1);
        }
        var _ = SoupVersion.current();
        var _ = Hashes.sha256Hex(new byte[0]);
    }

    /** Whether there are kept sums or folders to be read. */
    private boolean hasJson() {
        if (!args[0].equals("merge")) {
            return true;
        }
        for (String arg : args) {
            if (new File(arg).isDirectory()) {
                return true;
            }
        }
        return false;
    }
}
