package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.sql.ConnectionEvent;
import javax.sql.ConnectionEventListener;
import javax.sql.PooledConnection;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.ds.PGPooledConnection;

/**
 * Connections to PostgreSQL, of which a few stay open for the next use. A new one costs the server
 * a process that knows nothing of the catalogue yet, and what a database is made of is compared
 * with the migrations at every reading.
 */
final class KeptConnections {
    /** Each is a place that the server's other clients do not have. */
    private static final int MOST = 2;

    private static final int ANSWERS_WITHIN_SECONDS = 5;

    /** Those that nobody uses, the newest first. */
    private static final Deque<Idle> IDLE = new ArrayDeque<>();

    private KeptConnections() {}

    private record Idle(String url, PooledConnection connection) {}

    /**
     * A connection that commits by itself and may write. Names in it are PostgreSQL's own, and
     * otherwise of the ledger's schema alone: a role's or a database's settings may put other
     * operators in front of those. Closed, what was not committed is rolled back.
     */
    static Connection open(String url) throws SQLException {
        for (PooledConnection kept = take(url); kept != null; kept = take(url)) {
            Connection c = kept.getConnection();
            if (c.isValid(ANSWERS_WITHIN_SECONDS)) {
                c.setReadOnly(false);
                return c;
            }
            kept.close();
        }
        PooledConnection made = new PGPooledConnection(connect(url), true);
        made.addConnectionEventListener(new Keeper(url));
        return made.getConnection();
    }

    private static Connection connect(String url) throws SQLException {
        Connection c = DriverManager.getConnection(url);
        boolean done = false;
        try (Statement s = c.createStatement()) {
            // Tables that were made anew meanwhile would not fit what the server has prepared.
            c.unwrap(PGConnection.class).setPrepareThreshold(0);
            s.execute(
                    "SELECT pg_catalog.set_config('search_path',"
                            + " pg_catalog.quote_ident(pg_catalog.current_schema()), false)");
            done = true;
            return c;
        } finally {
            if (!done) {
                c.close();
            }
        }
    }

    private static @Nullable PooledConnection take(String url) {
        synchronized (IDLE) {
            for (Iterator<Idle> i = IDLE.iterator(); i.hasNext(); ) {
                Idle idle = i.next();
                if (idle.url().equals(url)) {
                    i.remove();
                    return idle.connection();
                }
            }
            return null;
        }
    }

    private static void keep(Idle idle) {
        Idle oldest = null;
        synchronized (IDLE) {
            IDLE.addFirst(idle);
            if (IDLE.size() > MOST) {
                oldest = IDLE.removeLast();
            }
        }
        if (oldest != null) {
            close(oldest.connection());
        }
    }

    private static void close(PooledConnection connection) {
        try {
            connection.close();
        } catch (SQLException e) {
            // Nobody uses it any more, and the server notices by itself.
        }
    }

    /** Keeps a connection when its user has closed it, unless it broke. */
    private static final class Keeper implements ConnectionEventListener {
        private final String url;
        private final AtomicBoolean broken = new AtomicBoolean();

        Keeper(String url) {
            this.url = url;
        }

        @Override
        public void connectionClosed(ConnectionEvent event) {
            PooledConnection connection = (PooledConnection) event.getSource();
            if (broken.get()) {
                close(connection);
            } else {
                keep(new Idle(url, connection));
            }
        }

        @Override
        public void connectionErrorOccurred(ConnectionEvent event) {
            broken.set(true);
        }
    }
}
