package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.EvaluationRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.Member;
import org.diffusionsoup.registry.ledger.Rows.PublicationRow;
import org.diffusionsoup.registry.ledger.Rows.ReturnedSamples;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.ledger.Rows.WithdrawnWeight;
import org.jspecify.annotations.Nullable;

/**
 * Questions to one state of the ledger; valid inside the transaction that handed it out. Only this
 * package can make one, or one that writes ({@code Ledger.Transaction}).
 */
public class Queries {
    /** In a shard's entry: by what its texts are known, see {@link #textsSha256}. */
    public static final String TEXTS_SHA256 = "texts_sha256";

    /** How many values one statement names at most. */
    private static final int CHUNK = 500;

    private final Connection connection;
    private @Nullable Map<Long, Long> retired;

    Queries(Connection connection) {
        this.connection = connection;
    }

    final Connection connection() {
        return connection;
    }

    /** Whether there are entries of a version that knew fewer tables, which are still empty. */
    final boolean isBehind() {
        return list("SELECT 1 FROM base LIMIT 1", r -> true).size()
                > list("SELECT 1 FROM weight LIMIT 1", r -> true).size();
    }

    /**
     * Id of the public key of the registry that the ledger was made for; empty in one that an
     * earlier version made. It counts until there are entries, which are signed.
     */
    public final Optional<String> madeFor() {
        return first(list("SELECT key_id FROM registry LIMIT 1", r -> r.getString(1)));
    }

    /** The newest entry. */
    public final Optional<Entry> last() {
        return first(list("SELECT * FROM entry ORDER BY seq DESC LIMIT 1", Entry::of));
    }

    /** The newest entries, newest first. */
    public final List<Entry> newest(int n) {
        return list("SELECT * FROM entry ORDER BY seq DESC LIMIT ?", Entry::of, n);
    }

    /** All entries in their order. */
    public final List<Entry> entries() {
        return list("SELECT * FROM entry ORDER BY seq", Entry::of);
    }

    /** The entry of a number, if there is one. */
    public final Optional<Entry> find(long seq) {
        return first(list("SELECT * FROM entry WHERE seq = ?", Entry::of, seq));
    }

    /**
     * The entry of a number.
     *
     * @throws RegistryException if there is none
     */
    public final Entry entry(long seq) {
        return first(list("SELECT * FROM entry WHERE seq = ?", Entry::of, seq))
                .orElseThrow(() -> new RegistryException("The ledger has no entry " + seq + "."));
    }

    /** Entries of one kind in their order. */
    public final List<Entry> entries(Kind kind) {
        return list("SELECT * FROM entry WHERE kind = ? ORDER BY seq", Entry::of, kind.word());
    }

    /** All bases, withdrawn ones too. */
    public final List<BaseRow> bases() {
        return list("SELECT * FROM base ORDER BY id", Queries::base);
    }

    /** All shards. */
    public final List<ShardRow> shards() {
        return list("SELECT * FROM shard ORDER BY id", Queries::shard);
    }

    /** A shard by name. */
    public final Optional<ShardRow> shard(String name) {
        return first(list("SELECT * FROM shard WHERE name = ?", Queries::shard, name));
    }

    /** A shard's samples, withdrawn ones too, by hash. */
    public final List<SampleRow> samples(long shard) {
        return list("SELECT * FROM sample WHERE shard = ? ORDER BY sha256", Queries::sample, shard);
    }

    /** Samples of other live shards that one of a shard's samples is byte for byte. */
    public final List<SampleRow> copiesOf(long shard) {
        return list(
                "SELECT o.* FROM sample s JOIN sample o ON o.sha256 = s.sha256 AND o.shard <> s.shard"
                        + " JOIN shard h ON h.id = o.shard WHERE s.shard = ? AND o.withdrawn IS NULL"
                        + " AND h.withdrawn IS NULL ORDER BY o.shard, o.sha256",
                Queries::sample,
                shard);
    }

    /** Everywhere a picture is. */
    public final List<SampleRow> samples(String sha256) {
        return list(
                "SELECT * FROM sample WHERE sha256 = ? ORDER BY shard", Queries::sample, sha256);
    }

    /** How many single pictures of each shard were withdrawn; of shards that lost none, nothing. */
    public final Map<Long, Long> withdrawnPictures() {
        Map<Long, Long> counts = new HashMap<>();
        list(
                        "SELECT shard, COUNT(*) FROM sample WHERE withdrawn IS NOT NULL GROUP BY"
                                + " shard",
                        r -> new long[] {r.getLong(1), r.getLong(2)})
                .forEach(p -> counts.put(p[0], p[1]));
        return counts;
    }

    /**
     * Pictures among some that were withdrawn, singly or with their shard, wherever that was.
     *
     * @return rows of where they were, with the number of the withdrawal
     */
    public final List<SampleRow> withdrawnSamples(Collection<String> sha256) {
        return chunked(
                "SELECT s.shard, s.sha256, s.fingerprint, COALESCE(s.withdrawn, h.withdrawn) AS"
                        + " withdrawn FROM sample s JOIN shard h ON h.id = s.shard WHERE"
                        + " COALESCE(s.withdrawn, h.withdrawn) IS NOT NULL AND s.sha256 IN (%s)"
                        + " ORDER BY s.shard, s.sha256",
                Queries::sample, sha256);
    }

    /** Live shards with pictures that had been withdrawn before the shard was recorded. */
    public final List<ReturnedSamples> returnedSamples() {
        return list(
                "SELECT s.shard, COUNT(DISTINCT s.sha256) AS pictures,"
                        + " MAX(COALESCE(o.withdrawn, g.withdrawn)) AS entry FROM sample s"
                        + " JOIN shard h ON h.id = s.shard"
                        + " JOIN sample o ON o.sha256 = s.sha256 AND o.shard <> s.shard"
                        + " JOIN shard g ON g.id = o.shard WHERE s.withdrawn IS NULL"
                        + " AND h.withdrawn IS NULL AND COALESCE(o.withdrawn, g.withdrawn) < s.shard"
                        + " GROUP BY s.shard ORDER BY s.shard",
                r ->
                        new ReturnedSamples(
                                r.getLong("shard"), r.getLong("pictures"), r.getLong("entry")));
    }

    /** Those of some hashes that were withdrawn; see {@link WithdrawnWeight}. */
    public final List<WithdrawnWeight> withdrawnWeights(Collection<String> sha256) {
        return chunked(
                "SELECT * FROM weight WHERE withdrawn IS NOT NULL AND sha256 IN (%s)"
                        + " ORDER BY owner, sha256",
                r ->
                        new WithdrawnWeight(
                                r.getLong("owner"), r.getString("sha256"), r.getLong("withdrawn")),
                sha256);
    }

    /** Asks in parts: databases limit how much one statement may name. */
    private <T> List<T> chunked(String sql, Reader<T> reader, Collection<String> values) {
        List<String> all = List.copyOf(new TreeSet<>(values));
        List<T> found = new ArrayList<>();
        for (int at = 0; at < all.size(); at += CHUNK) {
            Object[] some = all.subList(at, Math.min(all.size(), at + CHUNK)).toArray();
            String marks = "?" + ", ?".repeat(some.length - 1);
            found.addAll(list(sql.formatted(marks), reader, some));
        }
        return found;
    }

    /** Samples that carry a perceptual hash, of shards that are not withdrawn. */
    public final List<SampleRow> fingerprinted() {
        return list(
                "SELECT s.* FROM sample s JOIN shard h ON h.id = s.shard WHERE s.fingerprint <> ''"
                        + " AND s.withdrawn IS NULL AND h.withdrawn IS NULL"
                        + " ORDER BY s.shard, s.sha256",
                Queries::sample);
    }

    /** Samples that carry a perceptual hash and were withdrawn, alone or with their shards. */
    public final List<SampleRow> withdrawnFingerprinted() {
        return list(
                "SELECT s.* FROM sample s JOIN shard h ON h.id = s.shard WHERE s.fingerprint <> ''"
                        + " AND (s.withdrawn IS NOT NULL OR h.withdrawn IS NOT NULL)"
                        + " ORDER BY s.shard, s.sha256",
                Queries::sample);
    }

    /**
     * How an ingredient was trained: as its latest correction says, otherwise its entry.
     *
     * @param ingredient number of its entry
     */
    public final JsonObject recipe(long ingredient) {
        List<Entry> corrections =
                entries(Kind.CORRECTION).stream()
                        .filter(c -> Json.number(c.body(), "corrects") == ingredient)
                        .toList();
        return Json.object(
                corrections.isEmpty() ? entry(ingredient).body() : corrections.getLast().body(),
                "recipe");
    }

    /**
     * By what hash the pictures of a shard are known together with their texts.
     *
     * @return empty if it was recorded by an earlier version, which took pictures alone
     */
    public final Optional<String> textsSha256(long shard) {
        return entry(shard).body().string(TEXTS_SHA256);
    }

    /** All ingredients, withdrawn ones too. */
    public final List<IngredientRow> ingredients() {
        return ingredients("", new Object[0]);
    }

    /** The ingredient of a name that is neither withdrawn nor retired. */
    public final Optional<IngredientRow> ingredient(String name) {
        return ingredients("WHERE name = ? AND withdrawn IS NULL", name).stream()
                .filter(IngredientRow::isLive)
                .findFirst();
    }

    /** The live ingredient of a name; where there is none, the newest that had it. */
    public final Optional<IngredientRow> ingredientEver(String name) {
        List<IngredientRow> all = ingredients("WHERE name = ?", name);
        return first(all.stream().filter(IngredientRow::isLive).toList())
                .or(() -> first(all.reversed()));
    }

    /** Ingredients that were retired, with the entries that say so. */
    private Map<Long, Long> retired() {
        Map<Long, Long> known = retired;
        if (known == null) {
            known = new HashMap<>();
            for (Entry e : entries(Kind.RETIREMENT)) {
                known.put(Json.number(e.body(), "ingredient"), e.seq());
            }
            retired = known;
        }
        return known;
    }

    /** Called when entries were added. */
    final void forget() {
        retired = null;
    }

    /** An ingredient by id. */
    public final Optional<IngredientRow> ingredient(long id) {
        return first(ingredients("WHERE id = ?", id));
    }

    private List<IngredientRow> ingredients(String where, Object... values) {
        Map<Long, Long> out = retired();
        Map<Long, List<Long>> shards = new HashMap<>();
        list(
                        "SELECT * FROM ingredient_shard WHERE ingredient IN (SELECT id FROM ingredient "
                                + where
                                + ") ORDER BY ingredient, shard",
                        r -> new long[] {r.getLong(1), r.getLong(2)},
                        values)
                .forEach(p -> shards.computeIfAbsent(p[0], k -> new ArrayList<>()).add(p[1]));
        return list(
                "SELECT * FROM ingredient " + where + " ORDER BY id",
                r -> {
                    long id = r.getLong("id");
                    return new IngredientRow(
                            id,
                            r.getString("name"),
                            r.getLong("base"),
                            List.copyOf(shards.getOrDefault(id, List.of())),
                            r.getString("checkpoint"),
                            number(r, "withdrawn"),
                            Optional.ofNullable(out.get(id)));
                },
                values);
    }

    /** All soups, all versions. */
    public final List<SoupRow> soups() {
        return soups("");
    }

    /** The newest version of a soup, whatever became of it. */
    public final Optional<SoupRow> soup(String name) {
        return first(soups("WHERE name = ? ORDER BY version DESC LIMIT 1", name));
    }

    /** One version of a soup. */
    public final Optional<SoupRow> soup(String name, long version) {
        return first(soups("WHERE name = ? AND version = ?", name, version));
    }

    /** A soup by id. */
    public final Optional<SoupRow> soup(long id) {
        return first(soups("WHERE id = ?", id));
    }

    /** Soups that are not withdrawn and hold one of these ingredients. */
    public final List<SoupRow> soupsWith(List<Long> ingredients) {
        if (ingredients.isEmpty()) {
            return List.of();
        }
        return soups(
                "WHERE withdrawn IS NULL AND id IN (SELECT soup FROM soup_member WHERE ingredient IN ("
                        + numbers(ingredients)
                        + "))");
    }

    /**
     * Soups that were withdrawn for nothing but a look at what left when they were chosen: none of
     * what they hold has been withdrawn with them, and may be withdrawn later.
     */
    public final List<SoupRow> soupsLeftForTheirChoice() {
        return soups(
                "WHERE withdrawn IS NOT NULL AND NOT EXISTS (SELECT 1 FROM weight w WHERE w.owner ="
                        + " soup.id AND w.withdrawn IS NOT NULL)");
    }

    private static String numbers(List<Long> ids) {
        StringBuilder b = new StringBuilder();
        ids.forEach(id -> b.append(b.isEmpty() ? "" : ", ").append((long) id));
        return b.toString();
    }

    private List<SoupRow> soups(String where, Object... values) {
        String of =
                where.contains("WHERE") ? "WHERE soup IN (SELECT id FROM soup " + where + ")" : "";
        Map<Long, List<Member>> members = new HashMap<>();
        list(
                "SELECT * FROM soup_member " + of + " ORDER BY soup, ingredient",
                r -> {
                    members.computeIfAbsent(r.getLong("soup"), k -> new ArrayList<>())
                            .add(
                                    new Member(
                                            r.getLong("ingredient"),
                                            Coefficient.parse(r.getString("coefficient"))));
                    return true;
                },
                values);
        Map<Long, List<Long>> seen = new HashMap<>();
        list(
                "SELECT * FROM soup_selection " + of + " ORDER BY soup, shard",
                r ->
                        seen.computeIfAbsent(r.getLong("soup"), k -> new ArrayList<>())
                                .add(r.getLong("shard")),
                values);
        return list(
                "SELECT * FROM soup " + where + (where.contains("ORDER BY") ? "" : " ORDER BY id"),
                r -> {
                    long id = r.getLong("id");
                    return new SoupRow(
                            id,
                            r.getString("name"),
                            r.getLong("version"),
                            r.getString("method"),
                            r.getInt("follows") != 0,
                            r.getString("checkpoint"),
                            List.copyOf(members.getOrDefault(id, List.of())),
                            List.copyOf(seen.getOrDefault(id, List.of())),
                            number(r, "withdrawn"),
                            number(r, "superseded"));
                },
                values);
    }

    /** What was measured of a soup. */
    public final List<EvaluationRow> evaluations(long soup) {
        return list(
                "SELECT * FROM evaluation WHERE soup = ? ORDER BY id",
                r ->
                        new EvaluationRow(
                                r.getLong("id"),
                                r.getLong("soup"),
                                r.getString("what"),
                                r.getInt("passed") != 0),
                soup);
    }

    /** Where a soup was handed out. */
    public final List<PublicationRow> publications(long soup) {
        return list(
                "SELECT * FROM publication WHERE soup = ? ORDER BY id", Queries::publication, soup);
    }

    /** Everywhere that any soup was handed out, withdrawn ones too. */
    public final List<PublicationRow> publications() {
        return list("SELECT * FROM publication ORDER BY id", Queries::publication);
    }

    /** Numbers of the entries of all withdrawals. */
    public final List<Long> withdrawals() {
        return list("SELECT id FROM withdrawal ORDER BY id", r -> r.getLong(1));
    }

    private static PublicationRow publication(ResultSet r) throws SQLException {
        return new PublicationRow(
                r.getLong("id"), r.getLong("soup"), r.getString("place"), number(r, "withdrawn"));
    }

    private static BaseRow base(ResultSet r) throws SQLException {
        return new BaseRow(
                r.getLong("id"),
                r.getString("name"),
                r.getString("checkpoint"),
                number(r, "withdrawn"));
    }

    private static ShardRow shard(ResultSet r) throws SQLException {
        return new ShardRow(
                r.getLong("id"),
                r.getString("name"),
                r.getString("provider"),
                r.getString("licence"),
                r.getString("uses"),
                Optional.ofNullable(r.getString("expires")),
                r.getString("source"),
                r.getString("root"),
                r.getLong("samples"),
                number(r, "withdrawn"));
    }

    private static SampleRow sample(ResultSet r) throws SQLException {
        return new SampleRow(
                r.getLong("shard"),
                r.getString("sha256"),
                r.getString("fingerprint"),
                number(r, "withdrawn"));
    }

    private static Optional<Long> number(ResultSet r, String column) throws SQLException {
        long v = r.getLong(column);
        return r.wasNull() ? Optional.empty() : Optional.of(v);
    }

    private static <T> Optional<T> first(List<T> list) {
        return list.stream().findFirst();
    }

    private interface Reader<T> {
        T read(ResultSet r) throws SQLException;
    }

    private <T> List<T> list(String sql, Reader<T> reader, Object... values) {
        try (PreparedStatement s = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                s.setObject(i + 1, values[i]);
            }
            List<T> rows = new ArrayList<>();
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) {
                    rows.add(reader.read(r));
                }
            }
            return rows;
        } catch (SQLException e) {
            throw Database.failed(e, connection);
        }
    }
}
