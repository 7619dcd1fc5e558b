package org.diffusionsoup.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.registry.ledger.Queries;

/** A process that looks at a registry where it may write nothing. */
final class ReadOnlyWorker {
    private ReadOnlyWorker() {}

    /**
     * What it says in the end; the superuser, who may write anywhere, gives up that power first.
     */
    static String run(Path registry, Path out) throws Exception {
        List<String> words = new ArrayList<>();
        if (System.getProperty("user.name").equals("root")) {
            words.addAll(List.of("setpriv", "--bounding-set=-all", "--inh-caps=-all"));
        }
        words.addAll(
                List.of(
                        System.getProperty("java.home") + "/bin/java",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ReadOnlyWorker.class.getName(),
                        registry.toString(),
                        out.toString()));
        Path said = Files.createTempFile("read-only", ".txt");
        ProcessBuilder b =
                new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(said.toFile());
        b.environment().remove("JAVA_TOOL_OPTIONS");
        Process p = b.start();
        boolean ended = p.waitFor(120, TimeUnit.SECONDS);
        List<String> lines = Files.readAllLines(said);
        Files.delete(said);
        return ended && p.exitValue() == 0 ? lines.getLast() : String.join("\n", lines);
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        try {
            Files.createFile(folder.resolve("probe"));
            throw new AssertionError("the folder can be written");
        } catch (java.nio.file.AccessDeniedException e) {
            // as it should be
        }
        Registry r = Registry.openToRead(folder);
        if (!r.check().isEmpty()) {
            throw new AssertionError(r.check());
        }
        String soup = r.read(q -> q.soup("soup").orElseThrow().checkpoint());
        long size = Files.size(r.export(soup, Path.of(args[1])));
        long entries = r.read(Queries::entries).size();
        if (size < 1000 || entries < 10) {
            throw new AssertionError(size + " bytes, " + entries + " entries");
        }
        try {
            r.repair();
        } catch (org.diffusionsoup.core.SoupException e) {
            System.out.println(e.getMessage());
        }
        System.out.println("done");
    }
}
