package org.diffusionsoup.core.soup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.soup.RunningPlan.Load;
import org.junit.jupiter.api.Test;

/** Plans carried out on coefficients alone: who is in the sum, and who is held. */
class RunningPlanTest {
    private int[] inSum = {};
    private int held = -1;
    private long reads;

    @Test
    void anySoupIsReachedFromAnyOther() {
        Random random = new Random(5);
        for (int round = 0; round < 2000; round++) {
            int n = 1 + random.nextInt(5);
            begin(n);
            for (int step = 0; step < 8; step++) {
                int[] a = coefficients(n, random);
                execute(a, random.nextBoolean() ? coefficients(n, random) : new int[n]);
            }
        }
    }

    @Test
    void greedyReadsEachCandidateOnce() {
        begin(6);
        int[] soup = new int[6];
        for (int i = 0; i < 6; i++) {
            int[] more = soup.clone();
            more[i] = 1;
            execute(more, soup);
            if (i % 2 == 0) {
                soup = more; // taken; the others are left
            }
        }
        assertThat(reads).isEqualTo(6);
    }

    @Test
    void theSumIsScaledRatherThanFormedAnew() {
        begin(3);
        execute(new int[] {1, 1, 1}, new int[] {1, 1, 0});
        assertThat(reads).isEqualTo(3);
        execute(new int[] {2, 2, 1}, new int[] {1, 1, 0});
        assertThat(reads).isEqualTo(4);
    }

    @Test
    void nobodyMakesNoSoup() {
        begin(2);
        assertThatThrownBy(() -> execute(new int[2], new int[] {1, 1}))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("at least one ingredient");
    }

    private void begin(int n) {
        inSum = new int[n];
        held = -1;
        reads = 0;
    }

    private static int[] coefficients(int n, Random random) {
        int[] a = new int[n];
        for (int i = 0; i < n; i++) {
            a[i] = random.nextInt(3) * random.nextInt(4);
        }
        a[random.nextInt(n)] += 1;
        return a;
    }

    /** Does what a plan says, and checks that the soup is in memory then. */
    private void execute(int[] a, int[] base) {
        int[] wanted = a.clone();
        RunningPlan plan = RunningPlan.of(a, base, inSum.clone(), held);
        assertThat(a).isEqualTo(wanted);
        if (plan.clear()) {
            Arrays.fill(inSum, 0);
        }
        for (Load load : plan.loads()) {
            for (int i = 0; i < inSum.length; i++) {
                inSum[i] = inSum[i] * load.q() + (i == held ? load.d() : 0);
                assertThat(inSum[i]).isNotNegative();
            }
            held = load.ingredient();
            reads++;
        }
        if (Arrays.stream(a).filter(k -> k > 0).count() == 1) {
            assertThat(a[held]).isPositive();
            return;
        }
        for (int i = 0; i < a.length; i++) {
            if (i != held) {
                assertThat(inSum[i]).isEqualTo(plan.a()[i]); // the held one's rest is its extra
            }
            for (int j = 0; j < a.length; j++) {
                assertThat((long) plan.a()[i] * a[j]).isEqualTo((long) plan.a()[j] * a[i]);
            }
        }
        assertThat(Arrays.stream(plan.a()).sum()).isPositive();
    }
}
