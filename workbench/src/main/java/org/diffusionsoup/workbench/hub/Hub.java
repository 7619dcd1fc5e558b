package org.diffusionsoup.workbench.hub;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.JsonMappers;

/** A hub of models, by Hugging Face's HTTP interface. */
public final class Hub {
    /** Where models are looked for unless {@code HF_ENDPOINT} says otherwise. */
    public static final String ENDPOINT = "https://huggingface.co";

    private static final int ATTEMPTS = 6;

    /** More than the listing of any repository. */
    private static final int MOST_BYTES = 64 << 20;

    private final URI endpoint;
    private final Http http;

    /**
     * @param endpoint such as {@value #ENDPOINT}
     * @param token of an account, for models that are private or gated; sent to the endpoint alone
     * @throws SoupException if the endpoint is no address of the web
     */
    public Hub(String endpoint, Optional<String> token) {
        this(endpoint, token, Duration.ofMillis(500), Duration.ofSeconds(30));
    }

    Hub(String endpoint, Optional<String> token, Duration pause, Duration timeout) {
        try {
            this.endpoint = URI.create(endpoint.replaceFirst("/+$", ""));
        } catch (IllegalArgumentException e) {
            throw noAddress(endpoint);
        }
        boolean web = List.of("http", "https").contains(String.valueOf(this.endpoint.getScheme()));
        if (!web || this.endpoint.getHost() == null) {
            throw noAddress(endpoint);
        }
        http = new Http(this.endpoint, token, pause, timeout);
    }

    private static SoupException noAddress(String endpoint) {
        return new SoupException(
                "'%s' is no address of a hub; one looks like %s.".formatted(endpoint, ENDPOINT));
    }

    Http http() {
        return http;
    }

    URI endpoint() {
        return endpoint;
    }

    /** Where a file of a commit lies. */
    URI file(String repository, String commit, RemoteFile file) {
        return URI.create(
                endpoint + "/" + repository + "/resolve/" + commit + "/" + encoded(file.path()));
    }

    private static String encoded(String path) {
        return Arrays.stream(path.split("/"))
                .map(part -> URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20"))
                .collect(Collectors.joining("/"));
    }

    /**
     * The files of a repository.
     *
     * @param revision a branch, tag or commit
     * @throws SoupException if there is no such repository or revision, it is not open to the
     *     token, or the hub cannot be reached
     */
    Listing list(String repository, String revision) {
        URI uri =
                URI.create(
                        endpoint
                                + "/api/models/"
                                + repository
                                + "/revision/"
                                + URLEncoder.encode(revision, StandardCharsets.UTF_8)
                                + "?blobs=true");
        for (int attempt = 0; ; attempt++) {
            Optional<String> wait = Optional.empty();
            String trouble;
            try (Http.Answer answer = http.get(uri, Map.of("Accept", "application/json"))) {
                if (answer.status() == 200) {
                    try (InputStream body = answer.body()) {
                        byte[] bytes = body.readNBytes(MOST_BYTES);
                        return listing(repository, JsonMappers.PLAIN.readTree(bytes));
                    }
                }
                if (!Http.mayPass(answer.status())) {
                    throw refused(repository, revision, answer.status());
                }
                wait = answer.header("Retry-After");
                trouble = "it answers with status " + answer.status();
            } catch (IOException e) {
                trouble = Http.words(e);
            }
            if (attempt + 1 == ATTEMPTS) {
                throw new SoupException(
                        "%s cannot be asked for %s (%s, %d times); check the network, or HF_ENDPOINT for another hub."
                                .formatted(endpoint, repository, trouble, ATTEMPTS));
            }
            http.pause(attempt, wait);
        }
    }

    SoupException refused(String repository, String revision, int status) {
        return switch (status) {
            case 401, 403 ->
                    new SoupException(
                            "%s is private, gated, or not there (status %d); accept its licence at %s/%s and set HF_TOKEN to a token that may read it."
                                    .formatted(repository, status, endpoint, repository));
            case 404 ->
                    new SoupException(
                            "There is no model %s with a revision %s at %s; check the name, which is ORGANISATION/MODEL."
                                    .formatted(repository, revision, endpoint));
            default ->
                    new SoupException(
                            "%s answers with status %d where %s is asked for."
                                    .formatted(endpoint, status, repository));
        };
    }

    private Listing listing(String repository, JsonNode root) {
        String commit = root.path("sha").asText();
        if (!commit.matches("[0-9a-f]{40}") || !root.path("siblings").isArray()) {
            throw new SoupException(
                    "What %s says of %s is no list of files; HF_ENDPOINT must name a hub."
                            .formatted(endpoint, repository));
        }
        List<RemoteFile> files = new ArrayList<>();
        for (JsonNode file : root.path("siblings")) {
            JsonNode large = file.path("lfs");
            files.add(
                    new RemoteFile(
                            file.path("rfilename").asText(),
                            file.path("size").asLong(-1),
                            file.path("blobId").asText(),
                            large.path("sha256").isTextual()
                                    ? Optional.of(large.path("sha256").asText())
                                    : Optional.empty()));
        }
        return new Listing(commit, files);
    }
}
