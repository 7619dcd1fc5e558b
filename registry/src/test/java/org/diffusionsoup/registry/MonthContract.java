package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.arrival.NewShard;
import org.diffusionsoup.registry.certificate.CertificateCheck.Report;
import org.diffusionsoup.registry.certificate.CertificateCheck.Verdict;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.junit.jupiter.api.Test;

/** Thirty days of comings and goings, and what is left of their promises at the end. */
abstract class MonthContract extends PromisesContract {
    private static final Instant START = Instant.now();

    /** What a certificate said, kept where only its holder can reach it. */
    private record Kept(int day, Path file, Set<String> named) {}

    private final List<Kept> kept = new ArrayList<>();

    /** Live ingredients with the seeds of their weights. */
    private final Map<String, Long> live = new TreeMap<>();

    private void day(int day) {
        registry =
                Registry.open(
                                registry.folder(),
                                Clock.fixed(START.plus(Duration.ofDays(day)), ZoneOffset.UTC))
                        .with(SoupOptions.DEFAULT.withThreads(1));
    }

    private static LocalDate date(int day) {
        return LocalDate.ofInstant(START.plus(Duration.ofDays(day)), ZoneOffset.UTC);
    }

    private void comes(int number, String provider, Optional<LocalDate> expires) {
        String name = "s" + number;
        registry.addShard(
                new NewShard(name, provider, "CC0-1.0", "", expires, name, Small.samples(name, 5)));
        Small.ingredient(registry, folder, name, number);
        live.put(name, (long) number);
    }

    private void update(String... soups) {
        for (String s : soups) {
            registry.update(s);
        }
    }

    /** Keeps a certificate as it was given out that day. */
    private void keep(int day, Path certificate) throws IOException {
        kept.add(new Kept(day, alone(certificate), names()));
    }

    private Set<String> names() {
        Set<String> names = new TreeSet<>();
        live.forEach((name, seed) -> names.add(name + " " + seed));
        return names;
    }

    @Test
    void aMonthOfComingsAndGoings() throws Exception {
        day(1);
        for (int i = 1; i <= 3; i++) {
            comes(i, "studio", Optional.empty());
        }
        registry.make(Small.follow("everyone"));
        registry.make(doubled("s1", "s2", "s3"));
        day(3);
        comes(4, "lender", Optional.empty());
        comes(5, "archive", Optional.of(date(15)));
        update("everyone", "doubled");
        registry.publish("everyone", "hub, second version");

        day(6); // by shard
        keepWithout(6, withdraw("s2"), "s2");
        comes(6, "studio", Optional.empty());
        comes(7, "people", Optional.empty());
        update("everyone", "doubled");
        registry.publish("everyone", "hub, fourth version");

        day(9); // by provider
        keepWithout(9, withdraw(shardsOf("lender")), "s4");
        comes(8, "studio", Optional.empty());
        registry.make(Small.follow("late"));
        update("everyone", "doubled");

        day(12); // by samples: the ingredient is trained again without the picture
        String picture = Small.samples("s7", 3).get(2).sha256();
        Withdrawn sample = withdrawSample(picture, 700, new ArrayList<>());
        live.put("s7", 700L);
        keep(12, sample.certificate());
        comes(9, "studio", Optional.empty());
        comes(10, "archive", Optional.empty());
        update("everyone", "doubled", "late");
        registry.publish("late", "a partner");

        day(16); // by expiry
        assertThat(registry.expired()).containsExactly("s5");
        keepWithout(
                16,
                registry.withdraw(
                        WithdrawRequest.ofShards(registry.expired(), "past its last day")),
                "s5");
        comes(11, "studio", Optional.empty());
        update("everyone", "doubled", "late");

        day(20); // certificates are asked for again, of all withdrawals so far
        for (long w : registry.read(q -> q.withdrawals())) {
            Path again = folder.resolve("again-" + w + ".json");
            write(again, registry.certificate(w));
            keep(20, again);
        }

        day(25);
        comes(12, "studio", Optional.empty());
        update("everyone", "doubled", "late");
        registry.publish("everyone", "hub, last version");
        Withdrawn last = withdraw("s10");
        keepWithout(25, last, "s10");
        assertThat(last.publications())
                .extracting(p -> p.place())
                .containsExactly("a partner", "hub, last version");

        day(30);
        assertThat(registry.check()).isEmpty();
        Set<String> now = names();
        List<Verdict> verdicts = new ArrayList<>();
        for (Kept k : kept) {
            Report r = verify(k.file(), List.of());
            Verdict right = now.containsAll(k.named()) ? Verdict.HOLDS : Verdict.HELD;
            assertThat(r.verdict())
                    .as("%s of day %d: %s", k.file(), k.day(), r.wrong())
                    .isEqualTo(right);
            verdicts.add(right);
            forged(k);
        }
        assertThat(verdicts).hasSize(9).contains(Verdict.HOLDS, Verdict.HELD);
        assertNeverCame();
    }

    private void keepWithout(int day, Withdrawn w, String gone) throws IOException {
        live.remove(gone);
        keep(day, w.certificate());
    }

    /** The same certificate claiming a little more, and without what explains its losses. */
    private void forged(Kept k) throws IOException {
        JsonObject c = JsonValue.readObject(k.file());
        Path forged = k.file().resolveSibling("forged.json");
        write(forged, Json.object(c).put("issued", "2026-01-01T00:00:00Z").build());
        assertThat(verify(forged, List.of()).verdict()).isEqualTo(Verdict.FALSE);
        Files.delete(forged);
    }

    private String[] shardsOf(String provider) {
        return registry.read(q ->
                        q.shards().stream()
                                .filter(s -> s.provider().equals(provider))
                                .map(ShardRow::name)
                                .toList())
                .toArray(String[]::new);
    }

    /** A soup that follows and has its first shard twice. */
    private static SoupPlan doubled(String... names) {
        List<SoupPlan.Item> items = new ArrayList<>();
        for (String n : names) {
            items.add(
                    new SoupPlan.Item(
                            n, n.equals("s1") ? Coefficient.parse("2") : Coefficient.ONE));
        }
        return new SoupPlan("doubled", items, true, Optional.empty(), true);
    }

    /** Bytes as of a registry that the leavers never came to. */
    private void assertNeverCame() {
        Registry never = fresh("never");
        Small.base(never, folder);
        live.forEach((name, seed) -> Small.add(never, folder, name, seed));
        Map<String, String> expected = new LinkedHashMap<>();
        expected.put("everyone", never.make(Small.follow("everyone")).checkpoint());
        expected.put("late", expected.get("everyone"));
        expected.put(
                "doubled", never.make(doubled(live.keySet().toArray(String[]::new))).checkpoint());
        assertThat(live).hasSize(8);
        expected.forEach((name, checkpoint) -> {
            String here = registry.read(q -> q.soup(name).orElseThrow().checkpoint());
            assertThat(here).as(name).isEqualTo(checkpoint);
        });
    }
}
