package org.diffusionsoup.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;

/**
 * A process that adds shards and ingredients, updates a soup and withdraws shards until it is
 * killed, or the test that started it is gone. What the registry acknowledged is written to a file,
 * one line each.
 */
final class CrashWorker {
    private CrashWorker() {}

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        String name = args[1];
        Random random = new Random(Long.parseLong(args[2]));
        Registry r =
                Registry.open(folder.resolve("registry")).with(SoupOptions.DEFAULT.withThreads(1));
        Path acknowledged = folder.resolve(name + ".acknowledged");
        Path weights = Files.createTempDirectory(folder, name);
        ProcessHandle test = ProcessHandle.current().parent().orElseThrow();
        for (int i = 0; test.isAlive(); i++) {
            String shard = name + "-" + i;
            Small.add(r, weights, shard, random.nextInt(1 << 20));
            tell(acknowledged, "added " + shard);
            try {
                tell(acknowledged, "soup " + r.update("soup").id());
                if (i % 3 == 2) {
                    String gone = name + "-" + (i - 1);
                    r.withdraw(WithdrawRequest.ofShards(List.of(gone), "test"));
                    tell(acknowledged, "withdrawn " + gone);
                }
            } catch (RegistryException e) {
                if (!String.valueOf(e.getMessage()).contains("kept changing")) {
                    throw e;
                }
            }
        }
    }

    private static void tell(Path file, String line) throws Exception {
        Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
