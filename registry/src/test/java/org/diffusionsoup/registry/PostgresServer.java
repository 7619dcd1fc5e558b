package org.diffusionsoup.registry;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A PostgreSQL server of the machine's own binaries, in a folder that goes with it. */
final class PostgresServer implements AutoCloseable {
    private final Path bin;
    private final Path data;
    private final List<String> as;
    private final int port;
    private final AtomicInteger databases = new AtomicInteger();

    private PostgresServer(Path bin, Path data, List<String> as, int port) {
        this.bin = bin;
        this.data = data;
        this.as = as;
        this.port = port;
    }

    /** For a whole class of tests, which is skipped where no server starts. */
    static PostgresServer startOrSkip() throws IOException, InterruptedException {
        Optional<PostgresServer> started = start();
        assumeTrue(
                started.isPresent(),
                "skipped: no PostgreSQL server found under /usr/lib/postgresql, or none that starts");
        return started.get();
    }

    /** Empty where there are no binaries or they do not start. */
    static Optional<PostgresServer> start() throws IOException, InterruptedException {
        Optional<Path> bin = binaries();
        if (bin.isEmpty()) {
            return Optional.empty();
        }
        // The server refuses to run as root.
        List<String> as =
                System.getProperty("user.name").equals("root")
                        ? List.of(
                                "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
                        : List.of();
        Path folder = Files.createTempDirectory("soup-postgres-");
        if (!as.isEmpty() && run(List.of(), folder, "chown", "postgres", folder.toString()) != 0) {
            return Optional.empty();
        }
        int port;
        try (ServerSocket s = new ServerSocket(0)) {
            port = s.getLocalPort();
        }
        Path data = folder.resolve("data");
        PostgresServer server = new PostgresServer(bin.get(), data, as, port);
        int made =
                run(
                        as,
                        folder,
                        bin.get().resolve("initdb").toString(),
                        "-D",
                        data.toString(),
                        "-U",
                        "soup",
                        "-A",
                        "trust",
                        "--no-sync",
                        "-E",
                        "UTF8");
        int started =
                made != 0
                        ? made
                        : run(
                                as,
                                folder,
                                bin.get().resolve("pg_ctl").toString(),
                                "-D",
                                data.toString(),
                                "-w",
                                "-t",
                                "60",
                                "-l",
                                folder.resolve("log").toString(),
                                "-o",
                                "-p "
                                        + port
                                        + " -k "
                                        + folder
                                        + " -h 127.0.0.1 -c fsync=off -c autovacuum=off",
                                "start");
        return started == 0 ? Optional.of(server) : Optional.empty();
    }

    private static Optional<Path> binaries() throws IOException {
        Path root = Path.of("/usr/lib/postgresql");
        if (!Files.isDirectory(root)) {
            return Optional.empty();
        }
        try (Stream<Path> versions = Files.list(root)) {
            return versions.map(v -> v.resolve("bin"))
                    .filter(b -> Files.isExecutable(b.resolve("initdb")))
                    .findFirst();
        }
    }

    private static int run(List<String> as, Path folder, String... words)
            throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(as);
        all.addAll(List.of(words));
        // To a file: a server that outlives pg_ctl would hold a pipe open.
        File out = File.createTempFile("soup-postgres-", ".out");
        Process p =
                new ProcessBuilder(all)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(out)
                        .start();
        boolean ended = p.waitFor(120, TimeUnit.SECONDS);
        Files.deleteIfExists(out.toPath());
        return ended ? p.exitValue() : -1;
    }

    String url(String database) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/" + database + "?user=soup";
    }

    /** A new, empty database. */
    String freshDatabase() {
        String name = "registry" + databases.incrementAndGet();
        try (Connection c = DriverManager.getConnection(url("postgres"));
                Statement statement = c.createStatement()) {
            statement.execute("CREATE DATABASE " + name);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
        return url(name);
    }

    @Override
    public void close() throws IOException, InterruptedException {
        run(
                as,
                data.getParent(),
                bin.resolve("pg_ctl").toString(),
                "-D",
                data.toString(),
                "-m",
                "immediate",
                "-w",
                "stop");
        run(List.of(), Path.of("/"), "rm", "-r", data.getParent().toString());
    }
}
