package org.diffusionsoup.registry.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.junit.jupiter.api.Test;

/** Signed entries of a right chain that say what no entry may say. */
class LedgerRulesTest {
    private final SigningKey key = SigningKey.generate();
    private final List<Entry> entries = new ArrayList<>();

    private void add(Kind kind, JsonObject body) {
        Entry last = entries.isEmpty() ? null : entries.getLast();
        entries.add(
                Entry.sign(
                        entries.size() + 1,
                        last == null ? Entry.START : last.hash(),
                        "2026-11-29T10:00:00.000Z",
                        kind,
                        body,
                        key));
    }

    private static Json.Builder named(String name) {
        return Json.object().put("name", name).put("checkpoint", "c");
    }

    private void shard(String name, String... manifest) {
        add(
                Kind.SHARD,
                named(name)
                        .put("provider", "p")
                        .put("licence", "l")
                        .put("uses", "")
                        .put("source", "s")
                        .put("root", "r")
                        .put("samples", manifest.length)
                        .strings("manifest", List.of(manifest))
                        .build());
    }

    private void ingredient(long shard) {
        add(Kind.INGREDIENT, named("i").put("base", 1).numbers("shards", List.of(shard)).build());
    }

    private void soup(long version, Long... members) {
        List<JsonObject> parts = new ArrayList<>();
        for (long m : members) {
            parts.add(Json.object().put("entry", m).put("coefficient", "1").build());
        }
        add(
                Kind.SOUP,
                named("soup")
                        .put("version", version)
                        .put("method", "uniform")
                        .objects("ingredients", parts)
                        .build());
    }

    private void withdrawal(List<Long> shards, List<Long> ingredients, List<Long> soups) {
        add(
                Kind.WITHDRAWAL,
                Json.object()
                        .put("reason", "r")
                        .numbers("shards", shards)
                        .numbers("ingredients", ingredients)
                        .numbers("soups", soups)
                        .build());
    }

    private void search(long version, List<Long> among, Long... members) {
        soup(version, members);
        Entry e = entries.removeLast();
        add(Kind.SOUP, Json.object(e.body()).numbers("selected_among", among).build());
    }

    private void publication(long soup) {
        add(Kind.PUBLICATION, Json.object().put("soup", soup).put("place", "hub").build());
    }

    private void samples(List<JsonObject> samples, Long... ingredients) {
        add(
                Kind.WITHDRAWAL,
                Json.object()
                        .put("reason", "r")
                        .objects("samples", samples)
                        .numbers("ingredients", List.of(ingredients))
                        .build());
    }

    private static JsonObject of(long shard, String... sha256) {
        return Json.object().put("shard", shard).strings("sha256", List.of(sha256)).build();
    }

    private List<String> check() throws Exception {
        try (Connection c = Schema.inMemory()) {
            String sql = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)";
            for (Entry e : entries) {
                try (PreparedStatement s = c.prepareStatement(sql)) {
                    s.setLong(1, e.seq());
                    s.setString(2, e.prev());
                    s.setString(3, e.time());
                    s.setString(4, e.kind().word());
                    s.setString(5, Json.canonical(e.body()));
                    s.setString(6, e.hash());
                    s.setString(7, e.signature());
                    s.executeUpdate();
                }
                Projection.apply(new RowsInDatabase(c), e);
            }
            LedgerFindings found =
                    new LedgerCheck(c, false, key.shown(), Instant.parse("2026-11-29T11:00:00Z"))
                            .run();
            assertThat(found.database()).isEmpty();
            assertThat(found.rows()).isEmpty();
            return found.entries();
        }
    }

    private void twoOfEach() {
        add(Kind.BASE, named("base").build());
        shard("a");
        shard("b");
        ingredient(2);
        ingredient(3);
        soup(1, 4L, 5L);
    }

    @Test
    void whatAWithdrawalHasToTakeAlong() throws Exception {
        twoOfEach();
        withdrawal(List.of(2L), List.of(4L), List.of(6L));
        soup(2, 5L);
        assertThat(check()).isEmpty();

        entries.clear();
        twoOfEach();
        withdrawal(List.of(2L), List.of(), List.of());
        assertThat(check())
                .containsExactly(
                        "ledger entry 7 (withdrawal): leaves ingredient 4 in, which was trained on what it withdraws");

        entries.clear();
        twoOfEach();
        withdrawal(List.of(2L), List.of(4L), List.of());
        assertThat(check())
                .containsExactly(
                        "ledger entry 7 (withdrawal): leaves soup 6 in, which holds what it withdraws");
    }

    @Test
    void whatWasWithdrawnComesBackInNoEntry() throws Exception {
        twoOfEach();
        withdrawal(List.of(2L), List.of(4L), List.of(6L));
        soup(2, 4L, 5L);
        ingredient(2);
        add(Kind.PUBLICATION, Json.object().put("soup", 6).put("place", "hub").build());
        assertThat(check())
                .containsExactly(
                        "ledger entry 8 (soup): holds ingredient 4, which entry 7 withdrew",
                        "ledger entry 9 (ingredient): is trained on shard 2, which entry 7 withdrew",
                        "ledger entry 10 (publication): is of soup 6, which entry 7 withdrew");
    }

    @Test
    void whatWasChosenWithALookAtWhatLeavesLeaves() throws Exception {
        twoOfEach();
        search(2, List.of(2L, 3L), 5L);
        withdrawal(List.of(2L), List.of(4L), List.of(6L, 7L));
        assertThat(check()).isEmpty();

        entries.removeLast();
        withdrawal(List.of(2L), List.of(4L), List.of(6L));
        assertThat(check())
                .containsExactly(
                        "ledger entry 8 (withdrawal): leaves soup 7 in, which was chosen with a look at what it withdraws");
    }

    private void withdrawalThatLists(Long... publications) {
        add(
                Kind.WITHDRAWAL,
                Json.object()
                        .put("reason", "r")
                        .numbers("shards", List.of(2L))
                        .numbers("ingredients", List.of(4L))
                        .numbers("soups", List.of(6L, 7L))
                        .numbers("publications", List.of(publications))
                        .objects("weights", List.of())
                        .build());
    }

    @Test
    void everyCopyOfWhatEverHeldOrSawWhatLeavesIsListed() throws Exception {
        twoOfEach();
        search(2, List.of(2L, 3L), 5L);
        soup(3, 5L);
        for (long s = 6; s <= 8; s++) {
            publication(s);
        }
        withdrawalThatLists(9L, 10L);
        assertThat(check()).isEmpty();

        entries.removeLast();
        withdrawalThatLists();
        assertThat(check())
                .containsExactly(
                        "ledger entry 12 (withdrawal): does not list publication 9, of soup 6, which held what it withdraws",
                        "ledger entry 12 (withdrawal): does not list publication 10, of soup 7, which was chosen with a look at what it withdraws");

        entries.removeLast();
        withdrawal(List.of(2L), List.of(4L), List.of(6L, 7L));
        assertThat(check()).as("of a version that listed each copy once").isEmpty();
    }

    @Test
    void picturesLeaveEveryShardThatIsThere() throws Exception {
        add(Kind.BASE, named("base").build());
        shard("a", "x", "y p00");
        shard("b", "y", "z");
        shard("c", "y");
        withdrawal(List.of(4L), List.of(), List.of());
        samples(List.of(of(2, "y"), of(3, "y")));
        assertThat(check()).isEmpty();

        entries.removeLast();
        samples(List.of(of(3, "y")));
        samples(List.of(of(3, "z")));
        assertThat(check())
                .containsExactly("ledger entry 6 (withdrawal): leaves picture y in shard 2");
    }

    @Test
    void everyColumnIsCompared() throws Exception {
        try (Connection c = Schema.inMemory();
                Statement s = c.createStatement()) {
            for (DerivedTable t : DerivedTable.values()) {
                List<String> columns = new ArrayList<>();
                try (ResultSet r = s.executeQuery("SELECT * FROM " + t.word())) {
                    for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) {
                        columns.add(r.getMetaData().getColumnName(i));
                    }
                }
                assertThat(columns).as(t.word()).isEqualTo(t.columns());
            }
        }
    }
}
