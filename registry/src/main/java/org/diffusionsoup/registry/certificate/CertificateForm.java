package org.diffusionsoup.registry.certificate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.TrainedOn;
import org.diffusionsoup.registry.weights.ContentHashes;

/** What those who write certificates and those who read them agree on. */
final class CertificateForm {
    static final String TYPE = "diffusion-soup withdrawal certificate";
    static final String DOMAIN = "diffusion-soup certificate v1 ";

    /** In the section {@code ledger}: all withdrawals up to the head, by entry and hash. */
    static final String WITHDRAWALS = "withdrawals";

    /** Every soup that is current beside those made instead, with what it consists of. */
    static final String LIVE = "live";

    /** Weights of what left that something live has too, though they are not its base's. */
    static final String SHARED = "shared_weights";

    /** Live ingredients that are like one that left, whose pictures are all agreed on anew. */
    static final String READMITTED = "readmitted";

    /** Of an ingredient: how it was made, as far as known. */
    static final String RECIPE = "recipe";

    private static final long MOST_BYTES = 32L << 20;

    private CertificateForm() {}

    /** Whether a file is a certificate, valid or not. */
    static boolean isIn(Path file) {
        try {
            if (!Files.isRegularFile(file) || Files.size(file) >= MOST_BYTES) {
                return false;
            }
            try (var in = Files.newInputStream(file)) {
                if (in.read() != '{') {
                    return false;
                }
            }
            return JsonValue.readObject(file).string("type").orElse("").equals(TYPE);
        } catch (IOException | SoupException e) {
            return false;
        }
    }

    /**
     * The weights of an entry by all hashes that it states of them; those by which recipes name
     * them are not in entries of earlier versions.
     */
    static Json.Builder weights(JsonObject body) {
        Json.Builder b =
                Json.object()
                        .put("checkpoint", Json.string(body, "checkpoint"))
                        .map("files", Json.map(body, "files"));
        if (body.get(ContentHashes.FIELD).isPresent()) {
            b.strings(ContentHashes.FIELD, Json.strings(body, ContentHashes.FIELD));
        }
        return b;
    }

    /** Adds what an ingredient was trained on, where its entry says so. */
    static Json.Builder trainedOn(Json.Builder ingredient, JsonObject body) {
        return TrainedOn.of(body).map(t -> t.describe(ingredient)).orElse(ingredient);
    }

    /** A shard, as certificates name it. */
    static JsonObject shard(Map<Long, ShardRow> shards, long id) {
        ShardRow s = shards.get(id);
        if (s == null) {
            throw new RegistryException("The ledger has no shard " + id + ".");
        }
        return Json.object()
                .put("entry", id)
                .put("name", s.name())
                .put("provider", s.provider())
                .put("licence", s.licence())
                .put("root", s.root())
                .put("samples", s.samples())
                .build();
    }
}
