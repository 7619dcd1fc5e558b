package org.diffusionsoup.workbench.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The demo's parts that need no training: its plan, its prompts, its times, what it concludes. */
class DemoPartsTest {
    private static final Path PROJECT =
            Path.of(System.getProperty("basedir", "")).toAbsolutePath().getParent();

    @TempDir private Path dir;

    private DemoPlan plan(List<String> domains, String withdrawn, int prompts, long seed) {
        DemoPlan p = DemoPlan.quick(PROJECT, dir.resolve("demo"));
        return new DemoPlan(
                p.base(),
                p.clip(),
                p.reward(),
                p.dataset(),
                p.provider(),
                p.styles(),
                domains,
                withdrawn,
                p.steps(),
                p.batch(),
                p.rate(),
                prompts,
                p.seeds(),
                p.samplingSteps(),
                p.guidance(),
                seed,
                p.out());
    }

    @Test
    void bothPlansNameWhatIsThere() {
        for (DemoPlan plan : List.of(DemoPlan.full(PROJECT, dir), DemoPlan.quick(PROJECT, dir))) {
            assertThat(plan.base()).isDirectory();
            assertThat(plan.clip()).isDirectory();
            assertThat(plan.reward()).isDirectory();
            int rows = 0;
            Set<String> keys = new HashSet<>();
            for (String domain : plan.domains()) {
                Shard shard = ShardRef.parse(plan.shard(domain)).open();
                assertThat(shard.infos())
                        .allSatisfy(i -> {
                            assertThat(i.provider()).isEqualTo(plan.provider());
                            assertThat(i.domain()).isEqualTo(domain);
                        });
                rows += shard.size();
                shard.infos().forEach(i -> keys.add(i.key()));
                Shard others = ShardRef.parse(plan.shardsBut(domain)).open();
                assertThat(others.infos()).noneMatch(i -> i.domain().equals(domain));
            }
            assertThat(keys).as("shards share no row").hasSize(rows);
        }
    }

    @Test
    void aSoupNeedsTwoShardsAndAWithdrawalOneOfThem() {
        assertThatThrownBy(() -> plan(List.of("food"), "food", 8, 7))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("at least two shards");
        assertThatThrownBy(() -> plan(List.of("food", "animals"), "vehicles", 8, 7))
                .isInstanceOf(SoupException.class)
                .hasMessage("the withdrawn shard vehicles is not among [food, animals].");
    }

    @Test
    void promptsAreOfTheDomainsInStylesThatNoShardHolds() {
        DemoPlan plan = plan(List.of("food", "animals", "vehicles"), "food", 10, 7);
        Shard all = ShardRef.parse(plan.dataset().toString()).open();
        DemoPrompts prompts = DemoPrompts.choose(all, plan);
        assertThat(prompts.size()).as("four of each of three").isEqualTo(12);
        assertThat(prompts.domains())
                .containsExactly(
                        "food",
                        "food",
                        "food",
                        "food",
                        "animals",
                        "animals",
                        "animals",
                        "animals",
                        "vehicles",
                        "vehicles",
                        "vehicles",
                        "vehicles");
        Set<String> held =
                all.filter(r -> r.provider().equals(plan.provider())).infos().stream()
                        .map(SampleInfo::prompt)
                        .collect(Collectors.toSet());
        assertThat(prompts.texts()).doesNotHaveDuplicates().doesNotContainAnyElementsOf(held);
        assertThat(held).containsAll(prompts.known());
        assertThat(prompts.known()).hasSize(6);
        for (int i = 0; i < prompts.size(); i++) {
            String text = prompts.texts().get(i);
            String domain = prompts.domains().get(i);
            assertThat(all.infos())
                    .anyMatch(r ->
                            r.isTrain()
                                    && r.prompt().equals(text)
                                    && r.domain().equals(domain)
                                    && plan.styles().contains(r.provider()));
        }
        assertThat(DemoPrompts.choose(all, plan)).isEqualTo(prompts);
        assertThat(DemoPrompts.choose(all, plan(plan.domains(), "food", 10, 8)).texts())
                .isNotEqualTo(prompts.texts());
        DemoPlan nowhere = plan(List.of("food", "nowhere"), "food", 10, 7);
        assertThatThrownBy(() -> DemoPrompts.choose(all, nowhere))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("domain nowhere has no rows to prompt with");
    }

    @Test
    void aFolderBelongsToOnePlan() throws IOException {
        DemoPlan plan = plan(List.of("food", "animals"), "food", 8, 7);
        claim(plan);
        assertThat(Files.readString(plan.out().resolve("plan.txt"))).isEqualTo(plan.text());
        claim(plan);
        DemoPlan other = plan(List.of("food", "animals"), "food", 8, 8);
        assertThatThrownBy(() -> claim(other))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("holds a demo with other settings");
        assertThat(other.text()).isNotEqualTo(plan.text());
        Path mine = Files.createDirectory(dir.resolve("mine"));
        Files.writeString(mine.resolve("thesis.txt"), "x");
        DemoPlan there = DemoPlan.quick(PROJECT, mine);
        assertThatThrownBy(() -> claim(there)).isInstanceOf(SoupException.class);
        assertThat(mine.toFile().list()).containsExactly("thesis.txt");
    }

    private static void claim(DemoPlan plan) {
        new Demo(plan, org.diffusionsoup.workbench.Progress.silent(), () -> false, n -> {})
                .claimFolder();
    }

    @Test
    void timesAreAddedUpOverRuns() throws IOException {
        DemoTimes first = new DemoTimes(dir);
        first.begin();
        first.add("train food", 2.5);
        first.add("train animals", 1);
        first.add("pictures soup", 3);
        DemoTimes second = new DemoTimes(dir);
        second.begin();
        second.add("train food", 0.25);
        assertThat(second.runs()).isEqualTo(2);
        assertThat(second.of("train food")).isEqualTo(2.75);
        assertThat(second.of("nothing")).isZero();
        assertThat(second.sum("train ")).isEqualTo(3.75);
        assertThat(new DemoTimes(dir).sum("train ")).isEqualTo(3.75);
        double all = second.all();
        assertThat(all).isPositive();
        assertThat(new DemoTimes(dir).of("all")).isEqualTo(all);
        Files.writeString(dir.resolve("times.txt"), "runs=many\n");
        assertThatThrownBy(() -> new DemoTimes(dir))
                .isInstanceOf(SoupException.class)
                .hasMessage(dir.resolve("times.txt") + " is damaged; remove it.");
    }

    private static DemoMemory.Row row(String label, double... shares) {
        return new DemoMemory.Row(
                label, "note of " + label, List.of(TinyModels.plain(8, 9, 9, 9)), shares, 80);
    }

    @Test
    void differencesOfMemoryArePairedByCaption() {
        DemoMemory.Row a = row("a", 1, 0.5, 0.75, 0.25);
        DemoMemory.Row b = row("b", 0.5, 0, 0.25, -0.25);
        Bootstrap bootstrap = Bootstrap.seeded(1);
        assertThat(a.rate(bootstrap).estimate()).isCloseTo(0.625, within(1e-12));
        assertThat(a.minus(b, bootstrap).estimate()).isCloseTo(0.5, within(1e-12));
        assertThat(a.minus(b, bootstrap).halfWidth())
                .as("each differs by a half")
                .isCloseTo(0, within(1e-12));
    }

    /** A page may claim only what its intervals allow. */
    @Test
    void verdictsFollowTheIntervals() {
        double[] high = {0.9, 0.8, 1, 0.9, 0.8, 1, 0.9, 0.8};
        double[] low = {0.1, 0.2, 0, 0.1, 0.2, 0, 0.1, 0.2};
        assertThat(page(high, low))
                .contains("against the ingredient of half one: ", "(fewer)", "(not told apart")
                .doesNotContain("(more)", "Too short");
    }

    /** Where no half was learnt by heart, chance likenesses are no finding about the soup. */
    @Test
    void aRunTooShortForMemorizationSaysSoInsteadOfComparing() {
        double[] high = {0.9, 0.8, 1, 0.9, 0.8, 1, 0.9, 0.8};
        double[] low = {0.1, 0.2, 0, 0.1, 0.2, 0, 0.1, 0.2};
        assertThat(page(low, high))
                .contains("Too short to show anything about memorization", "seen 5 times only")
                .doesNotContain("What this shows", "(more)", "(fewer)");
        assertThat(page(high, closeTo(high)))
                .as("not clearly more than by chance")
                .contains("Too short to show anything about memorization")
                .doesNotContain("What this shows");
    }

    private static String page(double[] ingredient, double[] soup) {
        HtmlReport report = HtmlReport.titled("t");
        DemoMemory.Made made =
                new DemoMemory.Made(
                        List.of("a picture"),
                        List.of(TinyModels.plain(8, 1, 2, 3)),
                        8,
                        5,
                        List.of(
                                row("one", ingredient),
                                row("two", soup),
                                row("soup", soup),
                                row("paragon", closeTo(soup))));
        DemoMemoryReport.write(made, Bootstrap.seeded(3), report.section("s"));
        return report.toHtml();
    }

    /** As likely above as below. */
    private static double[] closeTo(double[] shares) {
        double[] out = shares.clone();
        for (int i = 0; i < out.length; i++) {
            out[i] += i % 2 == 0 ? 0.05 : -0.05;
        }
        return out;
    }
}
