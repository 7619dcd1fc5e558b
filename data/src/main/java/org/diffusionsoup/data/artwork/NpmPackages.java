package org.diffusionsoup.data.artwork;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.SoupException;

/** Fetches the pinned emoji packages with the npm command. */
public final class NpmPackages {
    private static final long TIMEOUT_MINUTES = 10;

    private NpmPackages() {}

    /**
     * Makes sure that a folder holds all packages at their pinned versions; nothing is fetched if
     * it does. npm runs no scripts of the packages.
     *
     * @param cache folder to install into; made if missing. About 160 MB.
     * @param pinned npm package to version
     * @return the {@code node_modules} folder
     * @throws SoupException if npm is not there, fails, or takes more than ten minutes
     */
    public static Path fetch(Path cache, Map<String, String> pinned) {
        return fetch(cache, pinned, "npm");
    }

    static Path fetch(Path cache, Map<String, String> pinned, String npm) {
        Path modules = cache.resolve("node_modules");
        if (!complete(modules, pinned)) {
            install(cache, pinned, npm);
            if (!complete(modules, pinned)) {
                throw new SoupException(
                        "npm ended without an error, but %s lacks packages; remove it and try again"
                                .formatted(modules));
            }
        }
        return modules;
    }

    private static boolean complete(Path modules, Map<String, String> pinned) {
        return pinned.entrySet().stream()
                .allMatch(e -> {
                    Path json = modules.resolve(e.getKey()).resolve("package.json");
                    return Files.isRegularFile(json)
                            && JsonFiles.read(json).path("version").asText().equals(e.getValue());
                });
    }

    private static void install(Path cache, Map<String, String> pinned, String npm) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                npm,
                                "install",
                                "--prefix",
                                cache.toAbsolutePath().toString(),
                                "--no-save",
                                "--no-package-lock",
                                "--ignore-scripts",
                                "--no-audit",
                                "--no-fund"));
        pinned.forEach((name, version) -> command.add(name + "@" + version));
        Path log = cache.resolve("npm-output.txt");
        Process process;
        try {
            Files.createDirectories(cache);
            process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(log.toFile())
                            .start();
        } catch (IOException e) {
            throw new SoupException(
                    "npm could not be started; install Node.js, or give a node_modules folder that"
                            + " holds the packages "
                            + pinned.keySet(),
                    e);
        }
        try {
            if (!process.waitFor(TIMEOUT_MINUTES, TimeUnit.MINUTES)) {
                throw new SoupException(
                        "npm did not end within " + TIMEOUT_MINUTES + " minutes; see " + log);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("fetching the emoji packages was interrupted", e);
        } finally {
            process.destroy();
        }
        if (process.exitValue() != 0) {
            throw new SoupException(
                    "npm ended with code %d; its output is in %s"
                            .formatted(process.exitValue(), log));
        }
    }
}
