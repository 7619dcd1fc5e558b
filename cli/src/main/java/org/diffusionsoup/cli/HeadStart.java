package org.diffusionsoup.cli;

import java.math.BigDecimal;
import java.util.Set;

/**
 * What a merge would wait for, begun while the command line is read: the JSON parser of headers
 * needs {@link BigDecimal}, whose constants are powers of 5 of up to 150,000 bits, and multiplying
 * those takes a tenth of a small merge.
 */
final class HeadStart implements Runnable {
    private static final Set<String> COMMANDS = Set.of("merge", "adjust", "make");

    private HeadStart() {}

    static void begin(String[] args) {
        if (args.length > 2 && COMMANDS.contains(args[0])) {
            Thread.ofPlatform().daemon().name("soup-head-start").start(new HeadStart());
        }
    }

    @Override
    public void run() {
        var _ = BigDecimal.valueOf(1);
    }
}
