package org.diffusionsoup.workbench.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A hub on this machine with two servers: one answers as the hub, the other holds the large files,
 * to which the hub redirects. Each trouble lasts for as many requests as it is given.
 */
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    static final String REPOSITORY = "org/model";

    /** What goes wrong. */
    enum Trouble {
        /** The connection breaks after a third of the answer. */
        BREAK,
        /** The answer says that it is longer than it is. */
        TOO_SHORT,
        /** Status 429 with Retry-After: 0. */
        TOO_MANY,
        /** Status 503. */
        DOWN,
        /** One byte is another. */
        WRONG_BYTE,
        /** A part that begins elsewhere. */
        WRONG_PART,
        /** A page in HTML with status 200. */
        PAGE
    }

    private final HttpServer hub;
    private final HttpServer store;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, byte[]> files = new TreeMap<>();
    private final Map<Trouble, AtomicInteger> troubles = new ConcurrentHashMap<>();
    private final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    private final List<String> tokensAtStore = Collections.synchronizedList(new ArrayList<>());
    private volatile boolean ranges = true;
    private volatile Optional<String> neededToken = Optional.empty();
    private volatile Optional<String> oddPath = Optional.empty();
    private volatile Optional<String> redirect = Optional.empty();

    FakeHub() throws IOException {
        hub = server(this::answerAsHub);
        store = server(this::answerAsStore);
    }

    private interface Answer {
        void to(HttpExchange exchange) throws IOException;
    }

    private HttpServer server(Answer answer) throws IOException {
        HttpServer s =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        s.setExecutor(threads);
        s.createContext(
                "/",
                exchange -> {
                    try {
                        answer.to(exchange);
                    } finally {
                        exchange.close();
                    }
                });
        s.start();
        return s;
    }

    String endpoint() {
        return "http://127.0.0.1:" + hub.getAddress().getPort();
    }

    void put(String path, byte[] content) {
        files.put(path, content);
    }

    void trouble(Trouble what, int times) {
        troubles.put(what, new AtomicInteger(times));
    }

    void withoutRanges() {
        ranges = false;
    }

    void needsToken(String token) {
        neededToken = Optional.of(token);
    }

    void lists(String path) {
        oddPath = Optional.of(path);
    }

    void redirectsTo(String target) {
        redirect = Optional.of(target);
    }

    List<String> requests() {
        return List.copyOf(requests);
    }

    List<String> tokensAtStore() {
        return List.copyOf(tokensAtStore);
    }

    /** Files at least so large are in large file storage. */
    private static boolean isLarge(byte[] content) {
        return content.length >= 1000;
    }

    static String hash(String algorithm, byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            for (byte[] part : parts) {
                digest.update(part);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    static String gitHash(byte[] content) {
        byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8);
        return hash("SHA-1", header, content);
    }

    private void answerAsHub(HttpExchange e) throws IOException {
        String path = e.getRequestURI().getPath();
        requests.add(path);
        String given = e.getRequestHeaders().getFirst("Authorization");
        if (neededToken.isPresent() && !("Bearer " + neededToken.get()).equals(given)) {
            e.sendResponseHeaders(401, -1);
        } else if (path.equals("/api/models/" + REPOSITORY + "/revision/main")) {
            if (strikes(Trouble.DOWN)) {
                e.sendResponseHeaders(503, -1);
                return;
            }
            send(e, listing());
        } else if (path.startsWith("/" + REPOSITORY + "/resolve/" + COMMIT + "/")) {
            String name = path.substring(path.indexOf(COMMIT) + COMMIT.length() + 1);
            byte[] content = files.get(name);
            if (content == null) {
                e.sendResponseHeaders(404, -1);
            } else if (isLarge(content)) {
                String to =
                        redirect.orElse(
                                "http://127.0.0.1:"
                                        + store.getAddress().getPort()
                                        + "/"
                                        + URI.create("x:/" + name.replace(" ", "%20"))
                                                .getRawPath()
                                                .substring(1));
                e.getResponseHeaders().add("Location", to);
                e.sendResponseHeaders(302, -1);
            } else {
                part(e, content);
            }
        } else {
            e.sendResponseHeaders(404, -1);
        }
    }

    private void answerAsStore(HttpExchange e) throws IOException {
        String token = e.getRequestHeaders().getFirst("Authorization");
        if (token != null) {
            tokensAtStore.add(token);
        }
        requests.add("store " + e.getRequestHeaders().getFirst("Range"));
        part(e, files.get(e.getRequestURI().getPath().substring(1)));
    }

    private boolean strikes(Trouble what) {
        AtomicInteger left = troubles.get(what);
        return left != null && left.getAndDecrement() > 0;
    }

    private void part(HttpExchange e, byte[] content) throws IOException {
        if (strikes(Trouble.TOO_MANY)) {
            e.getResponseHeaders().add("Retry-After", "0");
            e.sendResponseHeaders(429, -1);
            return;
        }
        if (strikes(Trouble.PAGE)) {
            send(e, "<html>Sign in</html>".getBytes(StandardCharsets.UTF_8));
            return;
        }
        int from = 0;
        int to = content.length;
        String range = e.getRequestHeaders().getFirst("Range");
        Matcher m = Pattern.compile("bytes=(\\d+)-(\\d+)").matcher(range == null ? "" : range);
        boolean partial = ranges && m.matches();
        if (partial) {
            from = Integer.parseInt(m.group(1));
            to = Math.min(to, Integer.parseInt(m.group(2)) + 1);
            int said = strikes(Trouble.WRONG_PART) ? from + 1 : from;
            e.getResponseHeaders()
                    .add("Content-Range", "bytes " + said + "-" + (to - 1) + "/" + content.length);
        }
        byte[] part = java.util.Arrays.copyOfRange(content, from, to);
        if (strikes(Trouble.WRONG_BYTE)) {
            part[part.length / 2] ^= 1;
        }
        int length = part.length;
        int sent = length;
        if (strikes(Trouble.BREAK)) {
            sent = length / 3;
        }
        long said = strikes(Trouble.TOO_SHORT) ? length + 100L : length;
        e.sendResponseHeaders(partial ? 206 : 200, said);
        OutputStream out = e.getResponseBody();
        out.write(part, 0, sent);
        out.flush();
        // closed with bytes missing, which the server answers by ending the connection
    }

    private static void send(HttpExchange e, byte[] all) throws IOException {
        e.sendResponseHeaders(200, all.length);
        e.getResponseBody().write(all);
    }

    private byte[] listing() throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode root = json.createObjectNode();
        root.put("sha", COMMIT);
        ArrayNode siblings = root.putArray("siblings");
        files.forEach((path, content) -> {
            ObjectNode f = siblings.addObject();
            f.put("rfilename", path);
            f.put("size", content.length);
            f.put("blobId", gitHash(content));
            if (isLarge(content)) {
                f.putObject("lfs").put("sha256", hash("SHA-256", content));
            }
        });
        oddPath.ifPresent(path ->
                siblings.addObject()
                        .put("rfilename", path)
                        .put("size", 1)
                        .put("blobId", gitHash(new byte[1])));
        return json.writeValueAsBytes(root);
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
        threads.shutdownNow();
    }
}
