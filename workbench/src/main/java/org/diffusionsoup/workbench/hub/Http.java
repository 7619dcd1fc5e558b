package org.diffusionsoup.workbench.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupVersion;

/**
 * Requests to a hub: redirects followed by hand, so that the token goes to the hub alone, and every
 * wait bounded.
 */
final class Http {
    private static final int MOST_REDIRECTS = 10;
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(1);

    private final URI endpoint;
    private final Optional<String> token;
    private final Duration pause;
    private final int timeout;

    /**
     * @param pause before the first repetition; each further one takes twice as long
     * @param timeout for connecting, and without a byte
     */
    Http(URI endpoint, Optional<String> token, Duration pause, Duration timeout) {
        this.endpoint = endpoint;
        this.token = token;
        this.pause = pause;
        this.timeout = Math.toIntExact(timeout.toMillis());
    }

    /** An answer; closing it ends the connection. */
    record Answer(HttpURLConnection connection, int status) implements AutoCloseable {
        InputStream body() throws IOException {
            return connection.getInputStream();
        }

        Optional<String> header(String name) {
            return Optional.ofNullable(connection.getHeaderField(name));
        }

        @Override
        public void close() {
            connection.disconnect();
        }
    }

    /**
     * Whatever the server answers, after redirects.
     *
     * @throws IOException if there is no answer
     */
    Answer get(URI uri, Map<String, String> headers) throws IOException {
        URI at = uri;
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            HttpURLConnection c = (HttpURLConnection) at.toURL().openConnection();
            c.setInstanceFollowRedirects(false);
            c.setConnectTimeout(timeout);
            c.setReadTimeout(timeout);
            c.setRequestProperty("User-Agent", "diffusion-soup/" + SoupVersion.current());
            // Bytes as they lie there, whose length and place are known.
            c.setRequestProperty("Accept-Encoding", "identity");
            headers.forEach(c::setRequestProperty);
            if (isHub(at)) {
                token.ifPresent(t -> c.setRequestProperty("Authorization", "Bearer " + t));
            }
            int status = c.getResponseCode();
            String to = c.getHeaderField("Location");
            boolean moved = status >= 301 && status <= 308 && status != 304 && to != null;
            if (!moved) {
                return new Answer(c, status);
            }
            c.disconnect();
            URI next = at.resolve(to);
            boolean web = "http".equals(next.getScheme()) || "https".equals(next.getScheme());
            if (!web || "https".equals(at.getScheme()) && "http".equals(next.getScheme())) {
                throw new SoupException(
                        "The hub redirects "
                                + at
                                + " to "
                                + next
                                + ", which is not safe to follow.");
            }
            at = next;
        }
        throw new IOException("more than " + MOST_REDIRECTS + " redirects");
    }

    private boolean isHub(URI uri) {
        return endpoint.getScheme().equals(uri.getScheme())
                && endpoint.getHost().equalsIgnoreCase(uri.getHost())
                && endpoint.getPort() == uri.getPort();
    }

    /** What went wrong, in the exception's words; its name where it has none. */
    static String words(IOException e) {
        if (e instanceof UnknownHostException
                || e.getCause() instanceof UnresolvedAddressException) {
            return "unknown host";
        }
        String message = e.getMessage();
        return message == null ? e.toString() : message;
    }

    /** Whether the same request may get another answer later. */
    static boolean mayPass(int status) {
        return status == 408 || status == 425 || status == 429 || status >= 500;
    }

    /**
     * Waits before a repetition.
     *
     * @param attempt from 0
     * @param asked what the server asks for, in seconds; dates are not read
     */
    void pause(int attempt, Optional<String> asked) {
        Duration own = pause.multipliedBy(1L << Math.min(attempt, 8));
        Duration wait =
                asked.filter(a -> a.matches("[0-9]{1,6}"))
                        .map(a -> Duration.ofSeconds(Long.parseLong(a)))
                        .filter(a -> a.compareTo(own) > 0)
                        .orElse(own);
        try {
            Thread.sleep(wait.compareTo(LONGEST_WAIT) > 0 ? LONGEST_WAIT : wait);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("interrupted", e);
        }
    }
}
