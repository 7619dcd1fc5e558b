package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher in a folder of its own, with a stand-in for Maven that counts its calls and hands
 * out this test's class path.
 */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {
    private static final String JDK = System.getProperty("java.home");
    private static final String FIRST_COMPILER = "-XX:TieredStopAtLevel=1";

    @TempDir private Path temp;
    private Path project;
    private Path tools;
    private Path jdk;

    @BeforeEach
    void layOut() throws IOException {
        project = Files.createDirectories(temp.resolve("a project"));
        tools = Files.createDirectory(temp.resolve("tools"));
        Files.copy(launcher(), project.resolve("soup"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.createDirectories(project.resolve("cli/src/main/java"));
        Files.createDirectories(project.resolve("cli/target"));
        Files.writeString(project.resolve("pom.xml"), "<project/>");
        Files.writeString(project.resolve("cli/pom.xml"), "<project/>");
        Files.writeString(project.resolve("cli/src/main/java/A.java"), "class A {}");
        Files.createFile(project.resolve("cli/target/soup-cli-1.jar"));
        jdk = withoutStartCache();
    }

    /**
     * A JDK that records no start cache. The one of a class path with folders, as this test's, is
     * refused when it is read, and recording one takes longer than everything else here. Where
     * SHOW_WORDS is set it prints the words that it is started with, one a line, and where
     * SHOW_LOCALE is, the locale.
     */
    private Path withoutStartCache() throws IOException {
        Path home = temp.resolve("jdk");
        Files.createDirectories(home.resolve("bin"));
        Files.createSymbolicLink(home.resolve("release"), Path.of(JDK, "release"));
        Files.createSymbolicLink(home.resolve("bin/javac"), Path.of(JDK, "bin", "javac"));
        script(
                home.resolve("bin/java"),
                """
                #!/usr/bin/env bash
                case " $* " in *' -XX:AOTCacheOutput='*) exit 1 ;; esac
                [[ -z ${SHOW_WORDS:-} ]] || { printf '%%s\\n' "$@"; exit; }
                [[ -z ${SHOW_LOCALE:-} ]] || { echo "${LC_ALL:-none}"; exit; }
                exec '%s/bin/java' "$@"
                """
                        .formatted(JDK));
        return home;
    }

    private static Path launcher() {
        Path launcher = Path.of("../soup").toAbsolutePath().normalize();
        assertThat(launcher).isExecutable();
        return launcher;
    }

    private void maven(String body) throws IOException {
        script(
                tools.resolve("mvn"),
                "#!/usr/bin/env bash\necho called >> '" + calls() + "'\n" + body);
    }

    private static void script(Path file, String text) throws IOException {
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private void workingMaven() throws IOException {
        maven(
                "sleep 1\nfor word in \"$@\"; do case $word in -Dsoup.classpath.file=*)"
                        + " printf '%s' '"
                        + System.getProperty("java.class.path")
                        + "' > \"${word#*=}\" ;; esac; done\n");
    }

    private Path calls() {
        return temp.resolve("calls");
    }

    private Started start(Path launcher, Map<String, String> environment, String... args)
            throws IOException {
        List<String> words = new ArrayList<>(List.of(launcher.toString()));
        words.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(words).directory(temp.toFile());
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().put("SOUP_JAVA_HOME", jdk.toString());
        builder.environment().put("PATH", tools + ":/usr/local/bin:/usr/bin:/bin");
        builder.environment().putAll(environment);
        Path err = Files.createTempFile(temp, "err", "");
        return new Started(builder.redirectError(err.toFile()).start(), err);
    }

    private record Started(Process process, Path err) {
        Run end() throws IOException, InterruptedException {
            String out =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
            return new Run(process.exitValue(), out, Files.readString(err));
        }
    }

    @Test
    void twoFirstStartsBuildOnce() throws Exception {
        workingMaven();
        Started first = start(project.resolve("soup"), Map.of(), "--version");
        Started second = start(project.resolve("soup"), Map.of(), "--version");
        assertThat(first.end().ok().out()).startsWith("soup ");
        assertThat(second.end().ok().out()).startsWith("soup ");
        assertThat(calls()).hasContent("called");

        assertThat(start(project.resolve("soup"), Map.of(), "--version").end().ok().err())
                .as("a later start builds nothing and says nothing")
                .isEmpty();

        Path link = Files.createSymbolicLink(temp.resolve("supper"), project.resolve("soup"));
        Run mistake = start(link, Map.of(), "--versoin").end();
        assertThat(mistake.status()).isEqualTo(SoupCli.USAGE);
        assertThat(mistake.err()).contains("did you mean '--version'?");

        Files.setLastModifiedTime(
                project.resolve("cli/src/main/java/A.java"),
                FileTime.from(Instant.now().plusSeconds(1)));
        assertThat(
                        start(project.resolve("soup"), Map.of("SOUP_NO_BUILD", "1"), "--version")
                                .end()
                                .ok()
                                .err())
                .isEmpty();
        assertThat(start(project.resolve("soup"), Map.of(), "--version").end().ok().err())
                .contains("building (sources changed)");
        assertThat(calls()).hasContent("called\ncalled");
    }

    /** What starts with the first compiler alone must be over soon: help, and nothing like it. */
    @Test
    void helpIsKnownByItsFlagAlone() throws Exception {
        workingMaven();
        start(project.resolve("soup"), Map.of(), "--version").end().ok();

        List<List<String>> help =
                List.of(
                        List.of(),
                        List.of("--version"),
                        List.of("-V"),
                        List.of("help", "merge"),
                        List.of("merge", "a", "b", "--help"),
                        List.of("data", "split", "-h"),
                        List.of("train", "--out", "-h")); // refused, as --out has no value
        for (List<String> args : help) {
            assertThat(words(args)).as("%s", args).contains(FIRST_COMPILER);
        }
        Run.of("train", "--out", "-h").fails(SoupCli.USAGE, "missing --out");
        List<List<String>> work =
                List.of(
                        List.of("generate", "--prompt", "x -h y"),
                        List.of("generate", "--prompt", "--help me"),
                        List.of("generate", "--prompt=-h"),
                        List.of("generate", "--prompt", "-h\n-h"),
                        List.of("train", "--out", "./-h"),
                        List.of("inspect", "helper", "version"),
                        List.of("inspect", "--", "-h"),
                        List.of("merge", "a", "-o", "b", "--", "--version"));
        for (List<String> args : work) {
            assertThat(words(args)).as("%s", args).doesNotContain(FIRST_COMPILER);
        }
    }

    /** The words that the JVM is started with; those after soup come last, as they were given. */
    private List<String> words(List<String> args) throws Exception {
        String out =
                start(
                                project.resolve("soup"),
                                Map.of("SHOW_WORDS", "1"),
                                args.toArray(String[]::new))
                        .end()
                        .ok()
                        .out();
        String given = Main.class.getName() + "\n" + String.join("\n", args);
        assertThat(out.strip()).endsWith(given.strip());
        return out.substring(0, out.indexOf(Main.class.getName())).lines().toList();
    }

    /** In a locale that is not installed the C library reads ASCII alone, as in C. */
    @Test
    void textIsReadAsUtf8WhateverLocaleIsAskedFor() throws Exception {
        workingMaven();
        start(project.resolve("soup"), Map.of(), "--version").end().ok();
        for (String locale : List.of("C", "POSIX", "xx_XX.UTF-8", "xx_XX.ISO-8859-1", "")) {
            Map<String, String> asked =
                    Map.of("LC_ALL", "", "LC_CTYPE", "", "LANG", locale, "SHOW_LOCALE", "1");
            assertThat(start(project.resolve("soup"), asked, "inspect").end().ok().out().strip())
                    .as(locale)
                    .isEqualTo("C.UTF-8");
        }
        Map<String, String> installed =
                Map.of("LC_ALL", "", "LC_CTYPE", "", "LANG", "C.UTF-8", "SHOW_LOCALE", "1");
        assertThat(start(project.resolve("soup"), installed, "inspect").end().ok().out().strip())
                .isEqualTo("none");
    }

    @Test
    void aFailedBuildShowsItsOutputAndLeavesNothing() throws Exception {
        maven("echo '[ERROR] no such symbol'; exit 1\n");
        Run run = start(project.resolve("soup"), Map.of(), "--version").end();
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("[ERROR] no such symbol", "soup: the build failed");
        assertThat(project.resolve(".soup/app/current")).doesNotExist();
    }

    /** What one user built, another starts; where a build would be needed, that is said. */
    @Test
    void whatOneUserBuiltAnotherStarts() throws Exception {
        workingMaven();
        start(project.resolve("soup"), Map.of(), "--version").end().ok();
        String build = Files.readString(project.resolve(".soup/app/current")).strip();
        Path classPath = project.resolve(".soup/app/" + build + "/classpath");
        assertThat(Files.readString(classPath).strip().split(":"))
                .as("libraries lie in the build, not in somebody's Maven repository")
                .filteredOn(jar -> jar.endsWith(".jar"))
                .isNotEmpty()
                .allMatch(jar -> jar.startsWith(classPath.getParent() + "/lib/"));
        List<Path> folders;
        try (Stream<Path> all = Files.walk(project.resolve(".soup"))) {
            folders = all.filter(Files::isDirectory).toList();
        }
        for (Path f : folders) {
            Files.setPosixFilePermissions(f, PosixFilePermissions.fromString("r-xr-xr-x"));
        }
        try {
            Run current = start(project.resolve("soup"), Map.of(), "--version").end().ok();
            assertThat(current.err()).isEmpty();
            assumeTrue(!Files.isWritable(folders.getFirst()), "root may write anywhere");
            Files.setLastModifiedTime(
                    project.resolve("cli/src/main/java/A.java"),
                    FileTime.from(Instant.now().plusSeconds(1)));
            start(project.resolve("soup"), Map.of(), "--version")
                    .end()
                    .fails(1, "sources are newer", "set SOUP_NO_BUILD=1 to run what is built");
            start(project.resolve("soup"), Map.of("SOUP_NO_BUILD", "1"), "--version").end().ok();
        } finally {
            for (Path f : folders) {
                Files.setPosixFilePermissions(f, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
        }
    }

    @Test
    void whatIsMissingIsSaidPlainly() throws Exception {
        Run noJdk = start(project.resolve("soup"), Map.of("SOUP_JAVA_HOME", temp.toString())).end();
        assertThat(noJdk.status()).isEqualTo(1);
        assertThat(noJdk.err().lines()).singleElement().asString().contains("is no JDK", "25");

        Path old = Files.createDirectories(temp.resolve("old/bin"));
        script(old.resolve("java"), "#!/bin/sh\n");
        Files.writeString(temp.resolve("old/release"), "JAVA_VERSION=\"21.0.4\"\n");
        Run oldJdk =
                start(
                                project.resolve("soup"),
                                Map.of("SOUP_JAVA_HOME", temp.resolve("old").toString()))
                        .end();
        assertThat(oldJdk.err()).contains("holds Java 21");

        for (String tool : List.of("bash", "dirname", "find", "head", "mkdir", "flock", "env")) {
            for (String folder : List.of("/usr/bin/", "/bin/")) {
                if (Files.exists(Path.of(folder + tool))) {
                    script(tools.resolve(tool), "#!/bin/sh\nexec " + folder + tool + " \"$@\"\n");
                }
            }
        }
        Run noMaven =
                start(project.resolve("soup"), Map.of("PATH", tools.toString()), "--help").end();
        assertThat(noMaven.status()).isEqualTo(1);
        assertThat(noMaven.err().lines()).singleElement().asString().contains("Maven", "install");
    }
}
