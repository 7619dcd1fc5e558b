package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A script named soup that runs the classes under test, for commands typed into a shell. */
final class ShellLauncher {
    private ShellLauncher() {}

    static void write(Path script) throws IOException {
        String command =
                "exec '%s/bin/java' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
                        + " --enable-native-access=ALL-UNNAMED -Dsoup.home='%s' -cp '%s' %s \"$@\"";
        Files.writeString(
                script,
                "#!/bin/bash\n"
                        + command.formatted(
                                System.getProperty("java.home"),
                                Path.of("..").toAbsolutePath().normalize(),
                                System.getProperty("java.class.path"),
                                Main.class.getName())
                        + "\n");
        assertThat(script.toFile().setExecutable(true)).isTrue();
    }
}
