package org.diffusionsoup.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BusyMachineTest {
    @Test
    void whoMayDecideIsToldWhereThreadsWouldWait() {
        assertThat(BusyMachine.note(false, 15.2, 2))
                .hasValueSatisfying(s ->
                        assertThat(s).contains("load 15 on 2 processors", "OMP_NUM_THREADS=1"));
        assertThat(BusyMachine.note(false, 4, 2)).isPresent();
    }

    @Test
    void nobodyElseIs() {
        assertThat(BusyMachine.note(true, 15, 2)).isEmpty();
        assertThat(BusyMachine.note(false, 3.9, 2)).isEmpty();
        assertThat(BusyMachine.note(false, -1, 2)).isEmpty();
        assertThat(BusyMachine.note(false, 15, 1)).isEmpty();
        assertThat(BusyMachine.note(false, 15, 64)).isEmpty();
    }
}
