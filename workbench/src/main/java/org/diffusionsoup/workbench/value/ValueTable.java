package org.diffusionsoup.workbench.value;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.Csv;
import org.diffusionsoup.eval.value.PlayerValue;
import org.diffusionsoup.eval.value.ShapleyPlan;

/** Values as CSV: a line per player. */
public final class ValueTable {
    private static final String HEADER =
            "player,ingredients,shapley,shapley_low,shapley_high,sampling_error,leave_one_out,"
                    + "leave_one_out_low,leave_one_out_high,alone,alone_low,alone_high";

    /** What is written here, and replaced by the same command. */
    public static final OutputKind KIND =
            new OutputKind(
                    "a table of values",
                    java.util.List.of(".csv"),
                    f -> Files.isRegularFile(f) && firstLine(f).equals(HEADER));

    private ValueTable() {}

    private static String firstLine(Path file) {
        // Latin-1 reads every file, whatever it is.
        try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
            char[] head = new char[HEADER.length() + 1];
            int n = Math.max(0, in.read(head));
            return new String(head, 0, n).lines().findFirst().orElse("");
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** Whether the values come with an error of their own, or need none. */
    static boolean hasError(ValueRequest request) {
        return !(request.plan() instanceof ShapleyPlan.Sampled s) || s.hasError();
    }

    static byte[] bytes(ValueRequest request, FoundValues found) {
        Csv table = Csv.table(HEADER);
        for (int i = 0; i < request.players().size(); i++) {
            PlayerValue v = found.values().players().get(i);
            table.row(
                    v.name(),
                    members(request.players().get(i), found),
                    v.shapley().estimate(),
                    v.shapley().low(),
                    v.shapley().high(),
                    v.samplingError(),
                    v.leaveOneOut().estimate(),
                    v.leaveOneOut().low(),
                    v.leaveOneOut().high(),
                    v.alone().estimate(),
                    v.alone().low(),
                    v.alone().high());
        }
        return table.text().getBytes(StandardCharsets.UTF_8);
    }

    /** Names of a player's ingredients. */
    static String members(Player player, FoundValues found) {
        return player.members().stream()
                .map(found.ingredients()::get)
                .collect(Collectors.joining(" "));
    }
}
