package org.diffusionsoup.registry.certificate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.near.NearDuplicates;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.weights.WeightsThatLeave;

/**
 * Writes certificates of withdrawals: what left, what the soups made instead consist of down to the
 * hashes of base, shards and ingredients, and what is not claimed.
 *
 * <p>Its sections are hashed one by one and the list of hashes is signed, so that a check can name
 * the section that was changed.
 */
public final class Certificates {
    private static final List<String> LIMITS =
            List.of(
                    "The base and the data it was trained on are outside this certificate: what the"
                            + " withdrawn pictures taught the base, if they were among its data, is"
                            + " still there.",
                    "Copies of the withdrawn soups and ingredients that were handed out before, or"
                            + " that backups hold, are not reached; 'publications' lists where every"
                            + " version went that ever held what left, as far as it was recorded."
                            + " Weights were deleted from the store as files are; overwriting or"
                            + " shredding is not claimed.",
                    "Weights are known by their hashes: a copy in which every tensor was changed,"
                            + " however little, or which is stored in another number format, is"
                            + " not found under another name.",
                    "Whoever holds a soup of n ingredients from before and the one without the"
                            + " withdrawn ingredient can compute that ingredient up to rounding:"
                            + " n w_n - (n-1) w_(n-1).",
                    "Pictures that other shards hold too are listed under 'remaining_copies', byte"
                            + " for byte; 'near_duplicates' lists those that look alike, by what"
                            + " 'near_duplicates_measure' says. Others may exist: it does not find"
                            + " crops, mirrored pictures or pictures without a shape, and cannot"
                            + " look at pictures that are gone ('unread') or were recorded with"
                            + " another hash ('unmeasured').",
                    "That an ingredient was trained on the shards that its entry names, and on"
                            + " nothing else, is the registry's statement. Training it again ('soup"
                            + " verify --deep') tests it; the replay alone does not.");

    private static final String REPLAY =
            "For each of 'soups' and of 'live': take the checkpoints of its ingredients from the store (their ids"
                    + " are the SHA-256 of their manifests, which fix every byte), average them with"
                    + " the coefficients given under the names given, and compare every weight file"
                    + " with the SHA-256 given: soup verify CERTIFICATE --key registry.pub --store"
                    + " STORE. Where an ingredient was withdrawn after 'head', the certificate of that"
                    + " withdrawal says so.";

    private final Context context;

    public Certificates(Context context) {
        this.context = context;
    }

    /**
     * A signed certificate.
     *
     * @param withdrawal number of its entry
     * @throws RegistryException if it is no withdrawal's
     */
    public JsonObject issue(long withdrawal) {
        return context.ledger().readToSign(q -> issue(q, withdrawal));
    }

    /**
     * The same in the transaction that records the withdrawal, which has compared the tables with
     * the entries.
     */
    public JsonObject issue(Ledger.Transaction t, long withdrawal) {
        return issue((Queries) t, withdrawal);
    }

    private JsonObject issue(Queries q, long withdrawal) {
        return Seal.sign(sections(q, withdrawal), context.key());
    }

    private JsonObject sections(Queries q, long withdrawal) {
        Entry w = q.entry(withdrawal);
        if (w.kind() != Kind.WITHDRAWAL) {
            throw new RegistryException(
                    "Entry "
                            + withdrawal
                            + " is no withdrawal but "
                            + Plural.one(w.kind().word())
                            + ".");
        }
        Map<Long, ShardRow> shards = new HashMap<>();
        q.shards().forEach(s -> shards.put(s.id(), s));
        List<JsonObject> soups = new ArrayList<>();
        TreeSet<Long> bases = new TreeSet<>();
        List<JsonObject> since = new ArrayList<>();
        TreeSet<Long> listed = new TreeSet<>();
        List<SoupRow> rows = q.soups();
        for (SoupRow row : rows) {
            if (row.id() < withdrawal) {
                continue;
            }
            Entry s = q.entry(row.id());
            if (!s.body().fields().containsKey("withdrawal")
                    || Json.number(s.body(), "withdrawal") != withdrawal) {
                continue;
            }
            if (row.withdrawn().isEmpty()) {
                listed.add(row.id());
                soups.add(soup(q, s, shards, bases));
            } else {
                since.add(
                        Json.object()
                                .put("entry", row.id())
                                .put("name", row.name())
                                .put("version", row.version())
                                .put("withdrawal", row.withdrawn().get())
                                .build());
            }
        }
        List<SoupRow> others =
                rows.stream().filter(r -> r.isCurrent() && !listed.contains(r.id())).toList();
        TreeSet<Long> members = new TreeSet<>();
        rows.stream()
                .filter(r -> r.isCurrent() || listed.contains(r.id()))
                .forEach(r -> r.members().forEach(m -> members.add(m.ingredient())));
        JsonObject live = new LiveSoups(q, shards).section(others, bases);
        List<JsonObject> history = new ArrayList<>();
        for (Entry e : q.entries(Kind.WITHDRAWAL)) {
            history.add(Json.object().put("entry", e.seq()).put("entry_hash", e.hash()).build());
        }
        Entry head = q.last().orElseThrow();
        return Json.object()
                .put("type", CertificateForm.TYPE)
                .put("issued", context.calendar().now())
                .put("registry", Heads.owner(context.self()))
                .put(
                        "ledger",
                        Json.object()
                                .put("entry", withdrawal)
                                .put("entry_hash", w.hash())
                                .put("withdrawn_at", w.time())
                                .put("head", head.seq())
                                .put("head_hash", head.hash())
                                .objects(CertificateForm.WITHDRAWALS, history)
                                .build())
                .put("withdrawn", withdrawn(q, w, shards))
                .objects("soups", soups)
                .objects("soups_withdrawn_since", since)
                .put(CertificateForm.LIVE, live)
                .objects("bases", bases(q, bases))
                .objects(CertificateForm.SHARED, Json.objects(w.body(), WeightsThatLeave.SHARED))
                .objects(
                        CertificateForm.READMITTED, new LiveSoups(q, shards).readmitted(w, members))
                .objects("remaining_copies", copies(q, w, shards))
                .objects(NearDuplicates.NEAR, NearDuplicates.of(w.body(), shards))
                .put(NearDuplicates.MEASURE, NearDuplicates.measure(w.body()))
                .strings("limits", LIMITS)
                .put("replay", REPLAY)
                .build();
    }

    private static JsonObject withdrawn(Queries q, Entry w, Map<Long, ShardRow> shards) {
        List<JsonObject> gone = new ArrayList<>();
        for (long id : Json.numbers(w.body(), "shards")) {
            gone.add(CertificateForm.shard(shards, id));
        }
        List<JsonObject> ingredients = new ArrayList<>();
        for (long id : Json.numbers(w.body(), "ingredients")) {
            JsonObject b = q.entry(id).body();
            ingredients.add(
                    CertificateForm.weights(b)
                            .put("entry", id)
                            .put("name", Json.string(b, "name"))
                            .build());
        }
        List<JsonObject> soups = new ArrayList<>();
        for (long id : Json.numbers(w.body(), "soups")) {
            JsonObject b = q.entry(id).body();
            soups.add(
                    CertificateForm.weights(b)
                            .put("entry", id)
                            .put("name", Json.string(b, "name"))
                            .put("version", Json.number(b, "version"))
                            .build());
        }
        List<JsonObject> publications = new ArrayList<>();
        for (long id : Json.numbers(w.body(), "publications")) {
            JsonObject b = q.entry(id).body();
            JsonObject soup = q.entry(Json.number(b, "soup")).body();
            publications.add(
                    Json.object()
                            .put("entry", id)
                            .put("soup", Json.number(b, "soup"))
                            .put("name", Json.string(soup, "name"))
                            .put("version", Json.number(soup, "version"))
                            .put("checkpoint", Json.string(soup, "checkpoint"))
                            .put("place", Json.string(b, "place"))
                            .build());
        }
        TreeSet<Long> bases = new TreeSet<>(Json.numbers(w.body(), "bases"));
        return Json.object()
                .put("reason", Json.string(w.body(), "reason"))
                .objects("shards", gone)
                .objects("samples", Json.objects(w.body(), "samples"))
                .objects("bases", bases(q, bases))
                .objects("ingredients", ingredients)
                .objects("soups", soups)
                .objects("publications", publications)
                .build();
    }

    private static JsonObject soup(
            Queries q, Entry e, Map<Long, ShardRow> shards, TreeSet<Long> bases) {
        JsonObject b = e.body();
        List<JsonObject> ingredients = new ArrayList<>();
        for (JsonObject m : Json.objects(b, "ingredients")) {
            Entry i = q.entry(Json.number(m, "entry"));
            bases.add(Json.number(i.body(), "base"));
            List<JsonObject> of = new ArrayList<>();
            Json.numbers(i.body(), "shards").forEach(s -> of.add(CertificateForm.shard(shards, s)));
            Json.Builder one =
                    Json.object(m)
                            .put("entry_hash", i.hash())
                            .put("base", Json.number(i.body(), "base"))
                            .objects("shards", of)
                            .map("files", Json.map(i.body(), "files"))
                            .put("recipe", q.recipe(i.seq()))
                            .put("code_version", Json.string(i.body(), "code_version"));
            ingredients.add(CertificateForm.trainedOn(one, i.body()).build());
        }
        Json.Builder soup =
                Json.object()
                        .put("entry", e.seq())
                        .put("entry_hash", e.hash())
                        .put("name", Json.string(b, "name"))
                        .put("version", Json.number(b, "version"))
                        .put("method", Json.string(b, "method"))
                        .put("checkpoint", Json.string(b, "checkpoint"))
                        .map("files", Json.map(b, "files"))
                        .put("code_version", Json.string(b, "code_version"))
                        .objects("ingredients", ingredients);
        JsonValue selection = b.fields().get("selection");
        if (selection instanceof JsonObject s) {
            soup.put(
                    "selection",
                    Json.flag(s, Choices.HELPED)
                            ? "selected with the help of the withdrawn data; the choice was kept"
                            : "chosen by a search that saw none of the withdrawn data");
            soup.put("selection_sha256", Json.sha256(s));
        } else {
            soup.put("selection", "none: no search chose its ingredients");
        }
        return soup.build();
    }

    private static List<JsonObject> bases(Queries q, TreeSet<Long> ids) {
        List<JsonObject> bases = new ArrayList<>();
        for (long id : ids) {
            JsonObject b = q.entry(id).body();
            bases.add(
                    CertificateForm.weights(b)
                            .put("entry", id)
                            .put("name", Json.string(b, "name"))
                            .build());
        }
        return bases;
    }

    /** Live shards that hold pictures of a withdrawal, byte for byte, with their hashes. */
    public static List<JsonObject> copies(Queries q, Entry w, Map<Long, ShardRow> shards) {
        Map<String, List<String>> found = new TreeMap<>();
        List<SampleRow> rows = new ArrayList<>();
        for (long id : Json.numbers(w.body(), "shards")) {
            rows.addAll(q.copiesOf(id));
        }
        for (JsonObject part : Json.objects(w.body(), "samples")) {
            for (String sha : Json.strings(part, "sha256")) {
                q.samples(sha).stream()
                        .filter(s -> s.withdrawn().isEmpty())
                        .filter(s -> {
                            ShardRow row = shards.get(s.shard());
                            return row != null && row.withdrawn().isEmpty();
                        })
                        .forEach(rows::add);
            }
        }
        for (SampleRow r : rows) {
            ShardRow s = shards.get(r.shard());
            found.computeIfAbsent(s == null ? "" : s.name(), k -> new ArrayList<>())
                    .add(r.sha256());
        }
        List<JsonObject> list = new ArrayList<>();
        found.forEach((shard, hashes) ->
                list.add(
                        Json.object()
                                .put("shard", shard)
                                .strings("sha256", new TreeSet<>(hashes))
                                .build()));
        return list;
    }
}
